package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/koschei-ci/koschei/internal/web"
)

// limits are how much one client may ask for.
func (f *frontendConfig) limits() (web.Limits, error) {
	l := web.Limits{AtOnce: f.ClientRequests, PerMinute: f.ClientRate, Changes: f.UserRate}
	for _, text := range f.TrustedProxies {
		network, err := network(text)
		if err != nil {
			return l, fmt.Errorf("frontend.trusted_proxies: %q is neither an address nor a network", text)
		}
		l.Proxies = append(l.Proxies, network)
	}
	return l, nil
}

// network reads an address or a network.
func network(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return address.Prefix(address.BitLen())
}
