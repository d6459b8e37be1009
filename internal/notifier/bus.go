package notifier

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
)

// BusName is the name of the sink that publishes to the message bus.
const BusName = "bus"

// A Bus is the sink that publishes to the message bus, in fedora-messaging's
// dialect.
type Bus struct {
	Publisher   bus.Publisher
	Clock       koschei.Clock // of domain time
	TopicPrefix string        // of all topics
	Instance    string        // the hub's name in messages
	Builds      bool          // the end of each build is told, too
	Culprits    bool          // which updates broke what, and that they do no more
	Requests    bool          // that somebody asked for a build
	Every       time.Duration // between heartbeats, real time; 0 for none
}

// Name implements Sink.
func (b *Bus) Name() string { return BusName }

// Heartbeat implements Sink.
func (b *Bus) Heartbeat() time.Duration { return b.Every }

// Keys implements Sink.
func (b *Bus) Keys(e *koschei.Event) []string {
	told := false
	switch kindOf(e) {
	case packageState, collectionState:
		told = true
	case buildEnd:
		told = b.Builds
	case packageCulprit, updateBroke, updateMended:
		told = b.Culprits
	case rebuildRequest:
		told = b.Requests
	}
	if !told {
		return nil
	}
	return []string{keyOf(e)}
}

// Send implements Sink. The bus takes everything sooner or later, so nothing is
// given up that can be worded.
func (b *Bus) Send(ctx context.Context, d *koschei.Delivery, where *koschei.EventPlace) error {
	m, err := b.message(d, where)
	if err != nil {
		return err
	}
	return b.Publisher.Publish(ctx, m)
}

// Ping implements Sink.
func (b *Bus) Ping(ctx context.Context) error {
	m, err := b.wrap(heartbeat, newUUID(), heartbeatBody{b.Instance, b.Clock.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	return b.Publisher.Publish(ctx, m)
}

// newUUID returns a random UUID, for what is not stored.
func newUUID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // it never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
