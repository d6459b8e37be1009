package koji

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/loop"
)

// A session is our standing with the hub. Its calls are serialized, because
// the hub refuses a number below one it has stored.
type session struct {
	c    *Client
	host string
	lock chan struct{} // holds a token while nobody is inside

	// Inside only:
	key     *key // nil while not logged in
	callnum int  // last one used, never reset while the session lasts
}

func newSession(c *Client, host string) *session {
	s := &session{c: c, host: host, lock: make(chan struct{}, 1)}
	s.lock <- struct{}{}
	return s
}

// enter waits until the session is ours. The caller calls leave afterwards.
func (s *session) enter(ctx context.Context) error {
	select {
	case <-s.lock:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) leave() { s.lock <- struct{}{} }

// forget drops the session: the next call opens another.
func (s *session) forget() {
	s.key, s.callnum = nil, 0
}

// setSession names the session in a request's header. Number 0 is left out,
// and then the hub does not check.
func setSession(header http.Header, k key, callnum int) {
	header.Set("Koji-Session-Id", strconv.FormatInt(k.SessionID, 10))
	header.Set("Koji-Session-Key", k.Secret)
	if callnum > 0 {
		header.Set("Koji-Session-Callnum", strconv.Itoa(callnum))
		header.Set("Koji-Callnum", strconv.Itoa(callnum)) // for hubs before 1.35
	}
}

// change makes a call in the session whose repetition does no harm: one that
// sets something, or only reads.
func (s *session) change(ctx context.Context, dst any, method string, params ...any) error {
	return s.call(ctx, false, dst, method, params)
}

// changeOnce makes a call that must not be carried out twice.
func (s *session) changeOnce(ctx context.Context, dst any, method string, params ...any) error {
	return s.call(ctx, true, dst, method, params)
}

func (s *session) call(ctx context.Context, once bool, dst any, method string, params []any) error {
	if s.c.config.Login.ways() == 0 {
		return fmt.Errorf("%s: %w: none is configured", method, errRefusedLogin)
	}
	e, err := s.c.newExchange(s.c.config.Server, xmlrpc.Call{Method: method, Params: params})
	if err != nil {
		return err
	}
	// All of it aside: who has the session must not wait for a place, since
	// somebody in that place may wait for the session.
	err = loop.Aside(ctx, func() error {
		if err := s.enter(ctx); err != nil {
			return err
		}
		defer s.leave()
		t := transaction{s: s, e: e, once: once}
		return t.run(ctx, dst)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// A transaction is one call from its first attempt to its last.
type transaction struct {
	s    *session
	e    *exchange
	once bool

	callnum int  // 0 until there is one in the present session
	unsure  bool // an attempt under this number may have been carried out
}

// run attempts the call until it is answered, it is hopeless, or going on
// would risk doing it twice.
func (t *transaction) run(ctx context.Context, dst any) error {
	for n := 1; ; n++ {
		err := t.attempt(ctx, dst)
		if err == nil {
			return nil
		}
		again, err := t.weigh(ctx, err)
		if !again {
			return err
		}
		if !t.s.c.config.Retry.wait(ctx, n) {
			return t.giveUp(ended(ctx, err))
		}
	}
}

func (t *transaction) attempt(ctx context.Context, dst any) error {
	if t.s.key == nil {
		opened, err := t.s.c.logIn(ctx, t.s.host, nil)
		if err != nil {
			return &loginError{err}
		}
		t.s.key = opened
		t.callnum = 0
	}
	if t.callnum == 0 {
		t.s.callnum++
		t.callnum = t.s.callnum
	}
	header := http.Header{}
	setSession(header, *t.s.key, t.callnum)
	t.e.address = t.s.key.address(t.s.c.config.Server, t.callnum)
	return t.e.value(ctx, header, dst)
}

// A loginError is the failure of a login, during which the call itself was not
// sent.
type loginError struct{ err error }

func (e *loginError) Error() string { return e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

// weigh decides after a failure whether another attempt is right, and returns
// the error that the call ends with otherwise.
func (t *transaction) weigh(ctx context.Context, err error) (again bool, _ error) {
	var login *loginError
	var fault *xmlrpc.Fault
	var status *HTTPError
	var transport *TransportError
	switch {
	case errors.As(err, &login):
		return ClassOf(err) == Transient, err
	case errors.As(err, &fault):
		return t.weighFault(ctx, fault)
	case errors.As(err, &status):
		t.unsure = t.unsure || status.Status >= 500
		if ClassOf(err) == Transient {
			return true, err
		}
		return false, t.giveUp(err)
	case errors.As(err, &transport):
		t.unsure = t.unsure || transport.Sent
		if ClassOf(err) == Transient {
			return true, err
		}
		return false, t.giveUp(err)
	default: // done, but the result cannot be understood
		t.unsure = true
		return false, t.giveUp(err)
	}
}

func (t *transaction) weighFault(ctx context.Context, fault *xmlrpc.Fault) (again bool, _ error) {
	switch fault.Code {
	case codeRetry:
		if t.once {
			return false, fmt.Errorf("%w: %w: %w", ErrOutcomeUnknown, errResultLost, fault)
		}
		t.callnum, t.unsure = 0, false // done, but for its result: under a new number
		return true, fault
	case codeAuthExpired:
		if renewed, err := t.renew(ctx); renewed || ClassOf(err) == Transient {
			return true, fault // in the same session, under the same number
		}
		return t.otherSession(fault)
	case codeSequence, codeAuth:
		return t.otherSession(fault)
	case codeServerOffline, codeLock:
		return true, fault
	default:
		// No earlier attempt was carried out, or the fault would be codeRetry. But
		// one may still be on its way.
		return false, t.giveUp(fault)
	}
}

// renew prolongs an expired session. The hub goes on counting, and so do we.
func (t *transaction) renew(ctx context.Context) (bool, error) {
	if !t.s.c.config.Login.renewable() {
		return false, nil
	}
	renewed, err := t.s.c.logIn(ctx, t.s.host, t.s.key)
	if err != nil {
		return false, err
	}
	if renewed.SessionID != t.s.key.SessionID {
		return false, nil
	}
	t.s.key = renewed
	return true, nil
}

// otherSession leaves a session that the hub does not accept any more. In
// another one it would not recognize a repetition.
func (t *transaction) otherSession(err error) (again bool, _ error) {
	t.s.forget()
	t.callnum = 0
	if t.once && t.unsure {
		return false, t.giveUp(err)
	}
	t.unsure = false
	return true, err
}

// giveUp returns the error of a call that is not attempted again.
func (t *transaction) giveUp(err error) error {
	if t.once && t.unsure {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return err
}

// logout ends the session, if there is one.
func (s *session) logout(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("logging out: %w", err)
	}
	defer s.leave()
	if s.key == nil {
		return nil
	}
	header := http.Header{}
	setSession(header, *s.key, 0)
	address := s.key.address(s.c.config.Server, 0)
	s.forget()
	e, err := s.c.newExchange(address, xmlrpc.Call{Method: "logout"})
	if err != nil {
		return err
	}
	var nothing any
	err = e.value(ctx, header, &nothing)
	if err != nil && !isFault(err, codeAuthExpired) && !isFault(err, codeAuth) {
		return fmt.Errorf("logging out: %w", err)
	}
	return nil
}
