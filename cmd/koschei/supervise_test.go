package main

import (
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// systemd hears that the process works, and that it is alive as long as it is.
func TestSupervise(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", strconv.Itoa(int((30 * time.Millisecond).Microseconds())))
	s := supervise(t.Context(), slog.New(slog.DiscardHandler))
	s.ready(t.Context(), "running")
	var asked atomic.Int64
	silent := make(chan struct{})
	s.watch(func() bool {
		n := asked.Add(1)
		if n == 8 {
			close(silent) // after five times of not being alive
		}
		return n <= 3
	})
	<-silent
	s.stop()
	s.stopping(t.Context())
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	for buffer := make([]byte, 1000); said["STOPPING=1"] == 0; {
		n, err := conn.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		said[string(buffer[:n])]++
	}
	if said["READY=1\nSTATUS=running"] != 1 {
		t.Errorf("said %v", said)
	}
	if n := said["WATCHDOG=1"]; n < 3 || n > 5 { // one or two before watch
		t.Errorf("%d beats", n)
	}
}
