package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
)

// Who guesses tokens is not heard for a while, even with one that is right, and nobody
// else suffers from it.
func TestGuesses(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := serverOf(t, get("/x", line))
	s.real = func() time.Time { return now }
	s.Identity = func(r *http.Request) (koschei.Actor, error) {
		if BearerToken(r) != "right" {
			return koschei.Actor{}, &TokenError{}
		}
		return koschei.Actor{Name: "ann"}, nil
	}
	send := func(from, token string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil)
		r.RemoteAddr = from + ":1"
		r.Header.Set("Authorization", "Bearer "+token)
		return ask(s, r).Code
	}
	for i := range guessesPerMinute {
		if got := send("192.0.2.1", "wrong"); got != http.StatusUnauthorized {
			t.Fatalf("guess %d: status %d", i, got)
		}
	}
	if got := send("192.0.2.1", "right"); got != http.StatusTooManyRequests {
		t.Errorf("after too many guesses: status %d", got)
	}
	if got := send("192.0.2.2", "right"); got != http.StatusOK {
		t.Errorf("somebody else: status %d", got)
	}
	now = now.Add(4 * time.Second)
	if got := send("192.0.2.1", "right"); got != http.StatusOK {
		t.Errorf("after a while: status %d", got)
	}
}
