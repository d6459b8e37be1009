package web

import (
	"errors"
	"net/http"
	"strings"

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

// guessesPerMinute is how many tokens that are none a client may show.
const guessesPerMinute = 20

// whose tells who sends a request. A client that has shown too many tokens that are
// none is not even asked.
func (s *Server) whose(r *http.Request) (koschei.Actor, error) {
	if BearerToken(r) == "" {
		return s.Identity(r)
	}
	from, ok := s.Limits.client(r)
	if ok && s.guesses.wait(from, guessesPerMinute, s.real()) > 0 {
		return koschei.Actor{}, &tooManyError{"this address has shown too many tokens that are none"}
	}
	who, err := s.Identity(r)
	var bad *TokenError
	if ok && errors.As(err, &bad) {
		s.guesses.take(from, guessesPerMinute, s.real())
	}
	return who, err
}
