package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
)

// Who changes too much is told when to go on, and may then. Others, and what only
// reads, are not concerned.
func TestUsersArePaced(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	route := func(method string) Route {
		return Route{Method: method, Pattern: "/x", Handler: line, Access: SignedIn, CSRF: SameOrigin, Errors: Text, Label: method}
	}
	s := serverOf(t, route(http.MethodGet), route(http.MethodPost))
	s.Limits, s.real = Limits{Changes: 3}, func() time.Time { return now }
	s.Identity = func(r *http.Request) (koschei.Actor, error) {
		return koschei.Actor{Name: r.Header.Get("X-Test-User"), From: koschei.FromFrontend}, nil
	}
	send := func(method, user string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, "/x", nil)
		r.Header.Set("X-Test-User", user)
		return ask(s, r)
	}
	for i := range 3 {
		if w := send(http.MethodPost, "ann"); w.Code != http.StatusOK {
			t.Fatalf("change %d: status %d", i, w.Code)
		}
	}
	w := send(http.MethodPost, "ann")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "20" || !strings.Contains(w.Body.String(), "User ann has changed too much in too short a time, and this was not done; please try again in 20 s.") {
		t.Errorf("status %d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	if w := send(http.MethodGet, "ann"); w.Code != http.StatusOK {
		t.Errorf("reading: status %d", w.Code)
	}
	if w := send(http.MethodPost, "bob"); w.Code != http.StatusOK {
		t.Errorf("somebody else: status %d", w.Code)
	}
	now = now.Add(20 * time.Second)
	if w := send(http.MethodPost, "ann"); w.Code != http.StatusOK {
		t.Errorf("when it was said: status %d", w.Code)
	}
	if w := send(http.MethodPost, "ann"); w.Code != http.StatusTooManyRequests {
		t.Errorf("at once after that: status %d", w.Code)
	}
}
