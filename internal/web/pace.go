package web

import (
	"errors"
	"fmt"
	"time"
)

// A tooFastError says that somebody changes more than they may.
type tooFastError struct {
	user string
	wait time.Duration // whole seconds, one at least
}

func (e *tooFastError) Error() string {
	return fmt.Sprintf("user %s has changed too much in too short a time, and this was not done; please try again in %.0f s", e.user, e.wait.Seconds())
}

// waitFor is when whoever got the error may ask again.
func waitFor(err error) time.Duration {
	var fast *tooFastError
	if errors.As(err, &fast) {
		return fast.wait
	}
	return retryAfter
}

// paced refuses changes of a user who sends too many, by page, token or both.
func (s *Server) paced(next step) step {
	return func(x *exchange) error {
		if most := s.Limits.Changes; most > 0 && x.route.Access != Public && changes(x.r.Method) {
			if wait := s.changes.take(x.who.Name, most, s.real()); wait > 0 {
				return &tooFastError{x.who.Name, wait}
			}
		}
		return next(x)
	}
}
