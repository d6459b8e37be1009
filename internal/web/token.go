package web

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/koschei-ci/koschei"
)

// BearerToken is the token that a request shows, "" if it shows none.
func BearerToken(r *http.Request) string {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// whose tells who sends a request. A client that has shown too many tokens that are
// none is not even asked.
func (s *Server) whose(r *http.Request) (koschei.Actor, error) {
	if BearerToken(r) == "" {
		return s.Identity(r)
	}
	from, ok := s.Limits.client(r)
	if ok && !s.guesses.may(from, s.real()) {
		return koschei.Actor{}, &tooManyError{"this address has shown too many tokens that are none"}
	}
	who, err := s.Identity(r)
	var bad *TokenError
	if ok && errors.As(err, &bad) {
		s.guesses.missed(from, s.real())
	}
	return who, err
}

// guesses knows which clients have shown tokens that are none.
type guesses struct {
	mu    sync.Mutex
	known map[netip.Addr]guessed
}

// A guessed is how often a client has guessed, beyond what time has forgiven.
type guessed struct {
	n  float64
	at time.Time // real time
}

const (
	mostGuesses      = 20 // at once
	guessesPerMinute = 20 // that are forgiven
)

func (g *guesses) may(from netip.Addr, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.left(from, now) < mostGuesses
}

func (g *guesses) missed(from netip.Addr, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known == nil {
		g.known = map[netip.Addr]guessed{}
	}
	if len(g.known) >= mostClients {
		g.forget(now)
	}
	g.known[from] = guessed{g.left(from, now) + 1, now}
}

// left is how many guesses of a client are not forgiven yet.
func (g *guesses) left(from netip.Addr, now time.Time) float64 {
	one := g.known[from]
	return max(0, one.n-now.Sub(one.at).Minutes()*guessesPerMinute)
}

// forget makes room: of who is forgiven, or if there is nobody, of all.
func (g *guesses) forget(now time.Time) {
	for from := range g.known {
		if g.left(from, now) == 0 {
			delete(g.known, from)
		}
	}
	if len(g.known) >= mostClients {
		clear(g.known)
	}
}
