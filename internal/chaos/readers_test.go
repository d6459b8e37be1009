package chaos

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A glutton is a client that asks for more than the kernel keeps for it, and reads
// nothing of it.
func glutton(ctx context.Context, address, path string, requests int) (net.Conn, error) {
	small := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var set error
		err := raw.Control(func(fd uintptr) {
			set = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		})
		if err != nil {
			return err
		}
		return set
	}}
	conn, err := small.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	one := "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
	if err := conn.SetWriteDeadline(time.Now().Add(5 * time.Second)); err == nil {
		_, _ = conn.Write([]byte(strings.Repeat(one, requests))) // the server may take no more of them
	}
	return conn, nil
}

// An answer is what a client got from a page.
type answer struct {
	status int // 0 if there was none
	took   time.Duration
	length int
}

func (a answer) good() bool { return a.status == http.StatusOK && a.length > 0 }

// ask asks for a page on a connection of its own, as a client does that comes once.
func ask(ctx context.Context, address, path string) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	began := time.Now()
	defer func() { a.took = time.Since(began) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return a
	}
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return a
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		a.status, a.length = resp.StatusCode, len(body)
	}
	return a
}

// gluttony has some clients of each frontend read nothing, for a while each.
func (s *stage) gluttony(ctx context.Context, luck *rand.Rand) {
	var clients sync.WaitGroup
	defer clients.Wait()
	for pause(ctx, after(luck, time.Second)) {
		for _, l := range s.slots {
			address := l.where()
			if l.service != "frontend" || address == "" {
				continue
			}
			conn, err := glutton(ctx, address, "/api/v1/packages", 200)
			if err != nil {
				continue // it was killed
			}
			s.counts.add("clients that read nothing", 1)
			d := after(luck, 8*time.Second)
			clients.Go(func() {
				pause(ctx, d)
				_ = conn.Close()
			})
		}
	}
}
