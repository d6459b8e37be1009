package chaos

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A lineState is what becomes of what goes over a line.
type lineState int

const (
	lineGood    lineState = iota
	lineSlow              // each piece takes a while
	lineFrozen            // nothing gets through, and nobody says so
	lineCut               // connections end, new ones at once
	lineGarbage           // the other end says what no protocol knows
)

func (s lineState) String() string {
	return [...]string{"good", "slow", "frozen", "cut", "garbage"}[s]
}

// A road leads to a server. Whoever calls it reaches that as well as the line is.
type road struct {
	to       string
	listener net.Listener

	mu      sync.Mutex
	state   lineState
	changed chan struct{} // closed when state is another one
	open    map[net.Conn]bool
}

// newRoad returns one to the server at an address.
func newRoad(t *testing.T, to string) *road {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &road{to: to, listener: listener, changed: make(chan struct{}), open: map[net.Conn]bool{}}
	var calls sync.WaitGroup
	calls.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			calls.Go(func() { l.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.set(lineCut)
		calls.Wait()
	})
	return l
}

// address is where the line begins.
func (l *road) address() string { return l.listener.Addr().String() }

// set makes the line good or bad.
func (l *road) set(s lineState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = s
	close(l.changed)
	l.changed = make(chan struct{})
	if s == lineCut || s == lineGarbage {
		for conn := range l.open {
			if s == lineGarbage {
				_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
				_, _ = conn.Write([]byte(garbage)) // it may be gone
			}
			_ = conn.Close()
		}
	}
}

// garbage is what a proxy says that has lost its way.
const garbage = "\x00\x15<html><h1>It works!</h1>\r\n\r\n"

func (l *road) now() (s lineState, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state, l.changed
}

// serve carries one call.
func (l *road) serve(from net.Conn) {
	defer func() { _ = from.Close() }()
	switch s, _ := l.now(); s {
	case lineCut:
		return
	case lineGarbage:
		_, _ = from.Write([]byte(garbage))
		return
	}
	to, err := net.Dial("tcp", l.to)
	if err != nil {
		return // the server is away
	}
	defer func() { _ = to.Close() }()
	l.keep(from, true)
	defer l.keep(from, false)
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(&lineWriter{l, from}, to)
		_ = from.Close()
	})
	_, _ = io.Copy(&lineWriter{l, to}, from)
	_ = to.Close()
	back.Wait()
}

func (l *road) keep(conn net.Conn, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !open {
		delete(l.open, conn)
		return
	}
	l.open[conn] = true
	if l.state == lineCut {
		_ = conn.Close()
	}
}

// A lineWriter passes on what it is given as the line is just then.
type lineWriter struct {
	line *road
	to   io.Writer
}

func (w *lineWriter) Write(p []byte) (int, error) {
	for {
		state, changed := w.line.now()
		switch state {
		case lineFrozen:
			<-changed
			continue
		case lineSlow:
			wait := time.NewTimer(30 * time.Millisecond)
			select {
			case <-wait.C:
			case <-changed:
				wait.Stop()
			}
		case lineCut, lineGarbage:
			return 0, net.ErrClosed
		}
		return w.to.Write(p)
	}
}
