package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits keep one client from taking what is there for all. A client is an
// address; of IPv6, the network of 64 bits that it is in. The addresses that
// tell of health and metrics have no limits.
type Limits struct {
	AtOnce    int // requests under way; 0 is no limit
	PerMinute int // requests on average, all of a minute's at once; 0 is no limit

	// Changes that a user may send in a minute on average, all of them at once; 0 is
	// no limit.
	Changes int

	// Proxies are who is believed when it says for whom it asks, in
	// X-Forwarded-For.
	Proxies []netip.Prefix
}

// A tooManyError says that a client asks more than it may.
type tooManyError struct{ why string }

func (e *tooManyError) Error() string { return e.why }

// clients knows what the clients of a server do.
type clients struct {
	sent buckets[netip.Addr]

	mu     sync.Mutex
	atOnce map[netip.Addr]int // requests under way, of those who have any
}

// begin counts a request, or says why it may not be. Without an error end must
// be called.
func (c *clients) begin(l *Limits, from netip.Addr, now time.Time) (end func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.AtOnce > 0 && c.atOnce[from] >= l.AtOnce {
		return nil, &tooManyError{"too many requests of this address are under way"}
	}
	if l.PerMinute > 0 && c.sent.take(from, l.PerMinute, now) > 0 {
		return nil, &tooManyError{"this address has sent too many requests"}
	}
	if c.atOnce == nil {
		c.atOnce = map[netip.Addr]int{}
	}
	c.atOnce[from]++
	return func() { c.end(from) }, nil
}

func (c *clients) end(from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.atOnce[from]--; c.atOnce[from] == 0 {
		delete(c.atOnce, from)
	}
}

// limited refuses requests of a client that sends too many.
func (s *Server) limited(next step) step {
	return func(x *exchange) error {
		if x.route.Unlimited || s.Limits.AtOnce == 0 && s.Limits.PerMinute == 0 {
			return next(x)
		}
		from, ok := s.Limits.client(x.r)
		if !ok {
			return next(x)
		}
		end, err := s.clients.begin(&s.Limits, from, s.real())
		if err != nil {
			return err
		}
		defer end()
		return next(x)
	}
}

// client returns who asks: the address that a request comes from, or, as far as
// that is a proxy of ours, the one that it names.
func (l *Limits) client(r *http.Request) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	from := peer.Addr().Unmap()
	named := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, name := range slices.Backward(named) {
		if !l.trusts(from) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(name))
		if err != nil {
			break
		}
		from = before.Unmap()
	}
	if from = from.WithZone(""); from.Is6() {
		if network, err := from.Prefix(64); err == nil {
			from = network.Addr()
		}
	}
	return from, true
}

func (l *Limits) trusts(proxy netip.Addr) bool {
	return slices.ContainsFunc(l.Proxies, func(p netip.Prefix) bool { return p.Contains(proxy) })
}
