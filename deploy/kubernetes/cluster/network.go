package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
)

// bridge connects the pods with this machine.
const bridge = "koschei-pods"

// A network gives each pod a network of its own with one address, which this machine
// and other pods reach.
type network struct {
	prefix netip.Prefix
	host   netip.Addr // of this machine

	mu   sync.Mutex
	last netip.Addr // that was given away
	pods int
}

func newNetwork(ctx context.Context, prefix netip.Prefix) (*network, error) {
	if !prefix.Addr().Is4() || prefix.Bits() > 24 {
		return nil, fmt.Errorf("network %s: it must be IPv4 and of 24 bits at most", prefix)
	}
	host := prefix.Masked().Addr().Next()
	n := &network{prefix: prefix, host: host, last: host}
	_ = n.close() // of a run that was killed
	return n, ip(ctx,
		"link add "+bridge+" type bridge",
		fmt.Sprintf("addr add %s/%d dev %s", host, prefix.Bits(), bridge),
		"link set "+bridge+" up",
	)
}

func (n *network) close() error { return ip(context.Background(), "link delete "+bridge) }

// add makes a network of that name and returns its address.
func (n *network) add(ctx context.Context, name string) (netip.Addr, error) {
	n.mu.Lock()
	n.last = n.last.Next()
	n.pods++
	address, link := n.last, fmt.Sprintf("koschei%d", n.pods)
	n.mu.Unlock()
	if !n.prefix.Contains(address) {
		return address, errors.New("no address is left")
	}
	inside := "-n " + name + " "
	return address, ip(ctx,
		"netns add "+name,
		"link add "+link+" type veth peer name eth0 netns "+name,
		"link set "+link+" master "+bridge+" up",
		inside+"link set lo up",
		fmt.Sprintf("%saddr add %s/%d dev eth0", inside, address, n.prefix.Bits()),
		inside+"link set eth0 up",
		inside+"route add default via "+n.host.String(),
	)
}

// remove ends a network, and with it its link.
func (n *network) remove(name string) error { return ip(context.Background(), "netns delete "+name) }

// ip runs some commands of the program of that name.
func ip(ctx context.Context, commands ...string) error {
	for _, command := range commands {
		if out, err := exec.CommandContext(ctx, "ip", strings.Fields(command)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", command, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
