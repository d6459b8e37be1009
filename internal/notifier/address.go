package notifier

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// connectTimeout bounds how long it takes to reach a receiver.
const connectTimeout = 5 * time.Second

// notPublic are the networks that are nobody's on the internet, or that lead to
// others: who is told to call an address there would reach what is meant for us
// alone.
func notPublic() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

// global is where the IPv6 addresses of the internet are; what is outside of it,
// such as an IPv4 address in the form of IPv6, is not public.
func global() netip.Prefix { return netip.MustParsePrefix("2000::/3") }

// A gate decides which addresses may be called.
type gate struct {
	closed  []netip.Prefix
	allowed []netip.Prefix // all the same
}

func newGate(allowed []netip.Prefix) *gate { return &gate{notPublic(), allowed} }

// opens says whether an address may be called.
func (g *gate) opens(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	within := func(p netip.Prefix) bool { return p.Contains(a) }
	switch {
	case slices.ContainsFunc(g.allowed, within):
		return true
	case !a.IsValid(), a.Is6() && !within(global()):
		return false
	}
	return !slices.ContainsFunc(g.closed, within)
}

// dialer connects to the addresses that the gate opens for. It looks at the
// address that the connection is made to, so it does not matter how the address
// is written, nor what its name meant a moment ago.
func (g *gate) dialer() *net.Dialer {
	return &net.Dialer{
		Timeout: connectTimeout,
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("address %s: %w", address, err)
			}
			if !g.opens(to.Addr()) {
				return fmt.Errorf("%s is not a public address, and not allowed", to.Addr())
			}
			return nil
		},
	}
}

// checkURL returns what is wrong with a receiver's address. It says nothing of
// where its name leads: that is seen when it is called.
func checkURL(text string, plain bool) error {
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("it cannot be read") // err repeats it, with what may be secret in it
	}
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !plain):
		return errors.New("it must begin with https:// (or http:// where networks are allowed)")
	case u.User != nil:
		return errors.New("it must hold no user and password")
	case u.Fragment != "":
		return errors.New("it must end before #")
	}
	return checkHost(u.Hostname())
}

// checkHost refuses numbers that some resolvers take for an address.
func checkHost(host string) error {
	if host == "" {
		return errors.New("it names no host")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	if last == "" || last[0] >= '0' && last[0] <= '9' {
		return fmt.Errorf("%q is neither a name nor an address", host)
	}
	return nil
}
