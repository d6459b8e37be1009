package site_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// A subscription is ended by the POST of a mail program, without login, and by
// nothing that only looks at the link.
func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	w := pgtest.NewWorld(t)
	w.Collection("f44")
	w.Package("f44", "foo")
	w.Subscription("ann", "foo", "token")
	db := w.Open()
	c := config(db.View)
	c.Editor = db.Editor
	b := browse(t, c)
	left := func() int {
		all, err := db.People.Subscriptions(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	post := func(url, origin string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("List-Unsubscribe=One-Click"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if origin != "" {
			r.Header.Set("Origin", origin)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		recorder := httptest.NewRecorder()
		b.handler.ServeHTTP(recorder, r)
		return recorder
	}
	if text := b.read("/unsubscribe/token"); !strings.Contains(text, "ann gets letters about package foo.") || left() != 1 {
		t.Errorf("%d left; the page says %s", left(), text)
	}
	if res := post("/unsubscribe/wrong", ""); res.Code != http.StatusNotFound || left() != 1 {
		t.Errorf("a wrong link: status %d, %d left", res.Code, left())
	}
	if res := post("/unsubscribe/token", "https://evil.example"); res.Code != http.StatusForbidden || left() != 1 {
		t.Errorf("from another site: status %d, %d left", res.Code, left())
	}
	if res := post("/unsubscribe/token", ""); res.Code != http.StatusOK || left() != 0 {
		t.Errorf("one click: status %d, %d left: %s", res.Code, left(), res.Body)
	}
	if res := b.get("/unsubscribe/token"); res.Code != http.StatusNotFound || !strings.Contains(plain(res.Body.String()), "This subscription has ended") {
		t.Errorf("again: status %d, %s", res.Code, plain(res.Body.String()))
	}
}
