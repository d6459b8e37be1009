package web

import (
	"errors"
	"fmt"
	"math"
	"sync"
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

// pace knows how fast users change things. Times are real.
type pace struct {
	mu    sync.Mutex
	known map[string]paced
}

// A paced is what a user had left when they last changed something.
type paced struct {
	left float64
	at   time.Time
}

// take counts a change of a user, or says how long they must wait for the next.
func (p *pace) take(user string, perMinute int, now time.Time) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := float64(perMinute)
	one, ok := p.known[user]
	if !ok {
		p.makeRoom(now)
		one = paced{most, now}
	}
	left := min(most, one.left+now.Sub(one.at).Minutes()*most)
	if left < 1 {
		return time.Duration(math.Ceil((1-left)/most*60)) * time.Second
	}
	p.known[user] = paced{left - 1, now}
	return 0
}

// makeRoom forgets those who have all left again.
func (p *pace) makeRoom(now time.Time) {
	if p.known == nil {
		p.known = map[string]paced{}
	}
	if len(p.known) < mostClients {
		return
	}
	for user, one := range p.known {
		if now.Sub(one.at) >= time.Minute {
			delete(p.known, user)
		}
	}
}

// paced refuses changes of a user who sends too many, by page, token or both.
func (s *Server) paced(next step) step {
	return func(x *exchange) error {
		if most := s.Limits.Changes; most > 0 && x.route.Access != Public && changes(x.r.Method) {
			if wait := s.pace.take(x.who.Name, most, s.real()); wait > 0 {
				return &tooFastError{x.who.Name, wait}
			}
		}
		return next(x)
	}
}
