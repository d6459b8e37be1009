package koji

import (
	"context"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// A Host is a builder.
type Host struct {
	ID       int64   `koji:"id"`
	Name     string  `koji:"name"`
	Arches   Words   `koji:"arches"`
	Capacity float64 `koji:"capacity"`
	Load     float64 `koji:"task_load"`
	Ready    bool    `koji:"ready"`
	Enabled  bool    `koji:"enabled"`
}

// Hosts returns the enabled hosts of a channel that can do one of the arches,
// or all if none is named.
func (c *Client) Hosts(ctx context.Context, channelID int64, arches ...string) ([]Host, error) {
	var which any // an empty list is a fault
	if len(arches) > 0 {
		which = arches
	}
	return readList[Host](ctx, c, "listHosts", which, channelID, named("enabled", true))
}

// HostNames returns the names of builders by their ids, without those that the hub
// does not know.
func (c *Client) HostNames(ctx context.Context, ids []int64) (map[int64]string, error) {
	calls := make([]xmlrpc.Call, len(ids))
	for i, id := range ids {
		calls[i] = xmlrpc.Call{Method: "getHost", Params: []any{id}}
	}
	hosts, err := multicallOf[*Host](ctx, c, calls)
	if err != nil {
		return nil, err
	}
	names := map[int64]string{}
	for i, h := range hosts {
		if h != nil {
			names[ids[i]] = h.Name
		}
	}
	return names, nil
}

// A Channel is a set of hosts that tasks are sent to.
type Channel struct {
	ID      int64  `koji:"id"`
	Name    string `koji:"name"`
	Enabled bool   `koji:"enabled"`
}

// Channel returns a channel; ErrNotFound if there is none.
func (c *Client) Channel(ctx context.Context, name string) (*Channel, error) {
	var channel *Channel
	if err := c.read(ctx, &channel, "getChannel", name); err != nil {
		return nil, err
	}
	if channel == nil {
		return nil, notFound("channel", name)
	}
	return channel, nil
}
