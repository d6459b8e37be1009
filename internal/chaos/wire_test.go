package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/koschei-ci/koschei/internal/postgres/cluster"
)

// A wire is the network between processes and PostgreSQL. It can fail as a real
// one does, without a word: packets are dropped, and nobody is told.
type wire struct {
	socket   string // of PostgreSQL
	url      string // for processes
	listener *net.TCPListener

	mu    sync.Mutex
	lines map[*line]bool
	over  bool
}

// A line is one connection.
type line struct {
	client *net.TCPConn
	server net.Conn

	mu   sync.Mutex
	dead bool // nothing gets through any more
}

// startWire lays a wire to the server whose socket is in a directory.
func startWire(t *testing.T, socketDir string) *wire {
	t.Helper()
	// The kernel of this side must not ask whether the other one is there: the
	// answer would be a sign of life.
	l, err := (&net.ListenConfig{KeepAlive: -1}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, ok := l.(*net.TCPListener)
	if !ok {
		t.Fatalf("a %T listens", l)
	}
	w := &wire{socket: filepath.Join(socketDir, ".s.PGSQL.5432"), listener: listener, lines: map[*line]bool{}}
	at := url.URL{Scheme: "postgres", User: url.User("koschei"), Host: l.Addr().String(), Path: cluster.Database, RawQuery: "sslmode=disable"}
	w.url = at.String()
	var serving sync.WaitGroup
	serving.Go(func() { w.serve(&serving) })
	t.Cleanup(func() {
		w.end()
		serving.Wait()
	})
	return w
}

func (w *wire) serve(serving *sync.WaitGroup) {
	for {
		client, err := w.listener.AcceptTCP()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", w.socket)
		if err != nil {
			_ = client.SetLinger(0) // refused, as by a server that is not there
			_ = client.Close()
			continue
		}
		ln := &line{client: client, server: server}
		w.mu.Lock()
		if w.over {
			ln.close()
		}
		w.lines[ln] = true
		w.mu.Unlock()
		serving.Go(func() { w.carry(ln, server, client) })
		serving.Go(func() { w.carry(ln, client, server) })
	}
}

// carry sends what comes from one side to the other until one of them ends.
func (w *wire) carry(ln *line, to io.Writer, from io.Reader) {
	for buffer := make([]byte, 32<<10); ; {
		n, err := from.Read(buffer)
		if n > 0 && !ln.isDead() {
			_, werr := to.Write(buffer[:n])
			err = errors.Join(err, werr)
		}
		if err != nil {
			break
		}
	}
	if !ln.isDead() { // else nobody hears of it
		ln.close()
		w.mu.Lock()
		delete(w.lines, ln)
		w.mu.Unlock()
	}
}

func (ln *line) isDead() bool {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	return ln.dead
}

func (ln *line) close() {
	_ = ln.client.Close() // either may be closed
	_ = ln.server.Close()
}

// die has the kernel drop what the client sends, before it is acknowledged.
func (ln *line) die() error {
	ln.mu.Lock()
	ln.dead = true
	ln.mu.Unlock()
	return dropAll(ln.client)
}

// dropAll has the kernel drop all packets to a socket.
func dropAll(socket syscall.Conn) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
		set = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
	})
	return errors.Join(err, set)
}

// blackHole drops all packets of the connections that chosen says, from now on and
// for ever; new connections can be made. The server's machine may be gone, or it
// keeps what its clients have begun until it finds out itself, after a while. It
// returns how many connections that were.
func (w *wire) blackHole(chosen func() bool, serverFindsOut time.Duration) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ln := range w.lines {
		if ln.isDead() || !chosen() {
			continue
		}
		switch err := ln.die(); {
		case errors.Is(err, net.ErrClosed):
			continue // it has just ended
		case err != nil:
			return n, fmt.Errorf("dropping packets: %w", err)
		}
		n++
		time.AfterFunc(serverFindsOut, func() { _ = ln.server.Close() })
		time.AfterFunc(5*time.Minute, func() { _ = ln.client.Close() }) // the other side has left long ago
	}
	return n, nil
}

func (w *wire) end() {
	_ = w.listener.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for ln := range w.lines {
		ln.close()
	}
}

// darkness black-holes random connections, or all, and has the server find out at
// once or as late as the kernel lets it.
func (s *stage) darkness(ctx context.Context, all, late bool, coin func() bool) {
	findsOut := time.Duration(0)
	if late {
		findsOut = 20 * time.Second
	}
	n, err := s.wire.blackHole(func() bool { return all || coin() }, findsOut)
	if err != nil {
		s.t.Errorf("%v", err)
	}
	s.counts.add("database: connections black-holed", n)
	pause(ctx, time.Second)
}
