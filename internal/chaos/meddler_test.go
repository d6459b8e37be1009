package chaos

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// A meddler stands between processes and the hub. When it is at work it ends
// processes at the worst moments: while a call of theirs is on its way, most of
// all a submission.
type meddler struct {
	stage *stage

	mu     sync.Mutex
	luck   *rand.Rand
	next   func() int // of the fates of submissions
	atWork bool
	late   sync.WaitGroup // calls that are held up
}

func (m *meddler) start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.atWork = true
}

// stop returns when no call is held up any more.
func (m *meddler) stop() {
	m.mu.Lock()
	m.atWork = false
	m.mu.Unlock()
	m.late.Wait()
}

// A fate is what happens around a call.
type fate int

const (
	passes       fate = iota
	killedBefore      // the process ends, the hub never gets the call
	killedDuring      // the process ends, the hub carries the call out
	killedAfter       // the hub carries the call out, the process ends before it hears of it
	frozenDuring      // the process freezes, the hub carries the call out
	heldUp            // the hub gets the call long after the process has given up
)

// fateOf draws what happens around a call, and for how long.
func (m *meddler) fateOf(submission bool) (fate, time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	const others = 200 // so many times seldomer in the middle of other work
	if !m.atWork || !submission && m.luck.IntN(others) > 0 {
		return passes, 0
	}
	d := m.stage.freezeFor(m.luck)
	if m.luck.IntN(10) >= 3 {
		return passes, 0
	}
	if m.next == nil {
		m.next = inTurn(m.luck, len(fates()))
	}
	f := fates()[m.luck.IntN(len(fates()))]
	if submission {
		f = fates()[m.next()]
	}
	if f == heldUp {
		m.late.Add(1)
	}
	return f, d
}

// fates are those that submissions meet in turn, so that even a short test has all.
func fates() []fate {
	return []fate{killedBefore, killedDuring, killedAfter, killedAfter, frozenDuring, heldUp}
}

// handler is the hub as the process in a slot sees it.
func (m *meddler) handler(l *slot) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodPost {
			if end, drips := m.stage.drip.of(req.URL.Path); drips {
				m.stage.drip.serve(rw, req, m.stage.hub, end)
				return
			}
			m.stage.hub.ServeHTTP(rw, req)
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the client left
		}
		if m.stage.poison.serve(rw, body) {
			return
		}
		submission := bytes.Contains(body, []byte("<methodName>build</methodName>"))
		f, d := m.fateOf(submission)
		req = req.Clone(context.WithoutCancel(req.Context()))
		req.Body = io.NopCloser(bytes.NewReader(body))
		if f == passes {
			m.stage.hub.ServeHTTP(rw, req)
			return
		}
		if submission {
			m.stage.counts.add(f.String()+" a submission", 1)
		}
		m.meddle(f, d, l, req)
		panic(http.ErrAbortHandler) // no answer
	})
}

func (f fate) String() string {
	return [...]string{
		"passed", "killed before", "killed during", "killed after", "frozen during", "held up",
	}[f]
}

func (m *meddler) meddle(f fate, d time.Duration, l *slot, req *http.Request) {
	ctx := m.stage.t.Context()
	switch f {
	case killedBefore:
		l.kill()
	case killedDuring:
		l.kill()
		m.carryOut(req)
	case killedAfter:
		m.carryOut(req)
		l.kill()
	case frozenDuring:
		m.late.Go(func() { l.freeze(ctx, d) })
		m.carryOut(req)
	case heldUp:
		defer m.late.Done()
		pause(ctx, d)
		m.carryOut(req)
	}
}

// carryOut has the hub do what it is asked for; nobody hears of it.
func (m *meddler) carryOut(req *http.Request) {
	defer func() { _ = recover() }() // the hub may drop the connection
	m.stage.hub.ServeHTTP(httptest.NewRecorder(), req)
}
