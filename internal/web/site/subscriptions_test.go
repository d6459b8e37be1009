package site_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei"
)

// Somebody follows something, sees it, silences something, and ends both.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	c := acting(db)
	c.Hooks = true
	v := browse(t, c).as(db, "carl", false)
	page := func() string {
		t.Helper()
		w := v.send(http.MethodGet, "/subscriptions?scope=update&name=libcup", nil)
		if w.Code != http.StatusOK {
			t.Fatalf("status %d: %s", w.Code, plain(w.Body.String()))
		}
		return w.Body.String()
	}
	if text := page(); !strings.Contains(text, "You follow nothing.") || !strings.Contains(text, `value="libcup"`) ||
		!strings.Contains(text, `<option value="update" selected>`) || !strings.Contains(text, "sends no mail") {
		t.Errorf("the page of somebody new: %s", plain(text))
	}
	post := func(want int, form url.Values) {
		t.Helper()
		if w := v.send(http.MethodPost, "/subscriptions", form); w.Code != want {
			t.Errorf("%v: status %d, want %d: %s", form, w.Code, want, plain(w.Body.String()))
		}
	}
	follow := func(scope, name string) url.Values {
		return url.Values{"do": {"follow"}, "scope": {scope}, "name": {name}, "tell": {"broken"}, "pace": {"daily"}}
	}
	post(http.StatusSeeOther, follow("package", " maven "))
	post(http.StatusSeeOther, follow("owner", "carl"))
	post(http.StatusSeeOther, url.Values{"do": {"silence"}, "what": {"package"}, "name": {"maven"}, "until": {"2999-01-31"}})
	text := plain(page())
	for _, want := range []string{"package maven", "the packages of carl", "broken", "daily", "2999-01-31"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	for name, form := range map[string]url.Values{
		"no such package": follow("package", "nope"), "no such group": follow("group", "nope"), "nothing": follow("package", ""), "odd": follow("world", "x"),
		"over":    {"do": {"silence"}, "what": {"package"}, "name": {"maven"}, "until": {"2001-01-01"}},
		"no date": {"do": {"silence"}, "what": {"package"}, "name": {"maven"}, "until": {"soon"}},
		"what":    {"do": {"silence"}, "what": {"world"}, "name": {"maven"}, "until": {"2999-01-31"}},
		"do":      {"do": {"dance"}}, "id": {"do": {"end"}, "id": {"x"}}, "others": {"do": {"end"}, "id": {"4711"}},
	} {
		if w := v.send(http.MethodPost, "/subscriptions", form); w.Code != http.StatusBadRequest && w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d: %s", name, w.Code, plain(w.Body.String()))
		}
	}
	all, err := db.People.Subscriptions(t.Context(), "carl")
	if err != nil || len(all) != 2 || all[0].Scope != koschei.ScopePackage || all[0].Name != "maven" || all[0].Sink != "mail" {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, s := range all {
		post(http.StatusSeeOther, url.Values{"do": {"end"}, "id": {strconv.FormatInt(s.ID, 10)}})
	}
	post(http.StatusSeeOther, url.Values{"do": {"hear"}, "what": {"package"}, "name": {"maven"}})
	post(http.StatusSeeOther, url.Values{"do": {"mail"}})
	byHook := follow("package", "maven")
	byHook.Set("by", "hook")
	post(http.StatusBadRequest, byHook) // there is none yet
	for _, bad := range []string{"http://example.org/", "https://a:b@example.org/", "https:///x", "nonsense"} {
		post(http.StatusBadRequest, url.Values{"do": {"hook"}, "hook": {bad}})
	}
	post(http.StatusNotFound, url.Values{"do": {"secret"}})
	post(http.StatusSeeOther, url.Values{"do": {"hook"}, "hook": {"https://example.org/hook"}})
	post(http.StatusSeeOther, byHook)
	first := secretIn(t, page())
	post(http.StatusSeeOther, url.Values{"do": {"hook"}, "hook": {"https://example.org/hook"}})
	if again := secretIn(t, page()); again != first {
		t.Errorf("the same hook has another secret")
	}
	post(http.StatusSeeOther, url.Values{"do": {"secret"}})
	if again := secretIn(t, page()); again == first {
		t.Errorf("a new secret is the old one")
	}
	post(http.StatusSeeOther, url.Values{"do": {"hook"}, "hook": {""}})
	if all, err = db.People.Subscriptions(t.Context(), "carl"); err != nil || len(all) != 1 || all[0].Sink != "hook" {
		t.Fatalf("%+v, %v", all, err)
	}
	post(http.StatusSeeOther, url.Values{"do": {"end"}, "id": {strconv.FormatInt(all[0].ID, 10)}})
	if text := plain(page()); !strings.Contains(text, "You follow nothing.") || strings.Contains(text, "2999-01-31") {
		t.Errorf("after all was ended: %s", text)
	}
}

// secretIn is the secret of a web hook that a page shows to whom it belongs.
func secretIn(t *testing.T, page string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, "<code>whsec_")
	secret, _, ended := strings.Cut(rest, "</code>")
	if !found || !ended || len(secret) < 32 {
		t.Errorf("the page shows no secret: %s", plain(page))
	}
	return secret
}
