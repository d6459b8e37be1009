package koji

import (
	"context"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// An Event is a point in the order of all changes that the hub records.
type Event struct {
	ID int64     `koji:"id"`
	At time.Time `koji:"ts"`
}

// LastEvent returns the newest event.
func (c *Client) LastEvent(ctx context.Context) (Event, error) {
	var event Event
	err := c.read(ctx, &event, "getLastEvent")
	return event, err
}

// EventsBefore returns the newest event before each of some times, by their
// places: the zero Event where there is none. The hub walks back over all events
// since, which takes it seconds for one of months ago: for those there is Events.
func (c *Client) EventsBefore(ctx context.Context, times []time.Time) ([]Event, error) {
	calls := make([]xmlrpc.Call, len(times))
	for i, t := range times {
		seconds := float64(t.UnixMicro()) / 1e6
		calls[i] = xmlrpc.Call{Method: "getLastEvent", Params: []any{named("before", seconds)}}
	}
	return lookUps[Event](ctx, c, calls, multicallChunk) // a fault is the hub's way to say that there is none
}

// Events returns events by their ids, in their order, the zero Event where
// there is none: changes that were given up leave gaps. The hub looks each up by
// its primary key.
func (c *Client) Events(ctx context.Context, ids []int64) ([]Event, error) {
	calls := make([]xmlrpc.Call, len(ids))
	for i, id := range ids {
		calls[i] = xmlrpc.Call{Method: "getEvent", Params: []any{id}}
	}
	return lookUps[Event](ctx, c, calls, eventChunk)
}
