package web

import (
	"net/netip"
	"testing"
	"time"
)

// Who guesses tokens is not heard for a while, and nobody else suffers from it.
func TestGuesses(t *testing.T) {
	t.Parallel()
	var g guesses
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	bad, good := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range mostGuesses {
		if !g.may(bad, now) {
			t.Fatal("not heard too early")
		}
		g.missed(bad, now)
	}
	if g.may(bad, now) {
		t.Error("heard after too many guesses")
	}
	if !g.may(good, now) {
		t.Error("another is not heard")
	}
	if !g.may(bad, now.Add(4*time.Second)) {
		t.Error("not heard again after a while")
	}
	for i := range mostClients + 10 {
		g.missed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(g.known) > mostClients {
		t.Errorf("%d clients are remembered", len(g.known))
	}
}
