package amqp_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/bus"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// conform holds a bus to what package bus promises. open returns a bus with an
// empty queue, and receivers of it.
func conform(t *testing.T, open func(t *testing.T) (bus.Publisher, bus.Queue)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, p bus.Publisher, q bus.Queue)
	}{
		{"a message comes as it was sent", arrives},
		{"what is to come again comes marked, what is done does not come", redelivers},
		{"what a receiver left behind comes to another", handsOn},
		{"each message comes to one of several receivers", shares},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, q := open(t)
			test.run(t, p, q)
		})
	}
}

func message(id string) *bus.Message {
	return &bus.Message{
		ID: id, Topic: "org.test.buildsys.tag", Body: []byte(`{"id": "` + id + `"}`), Sent: time.Date(2026, 11, 23, 19, 33, 8, 0, time.UTC),
		Headers: map[string]any{"fedora_messaging_severity": int32(10)},
	}
}

func publish(t *testing.T, p bus.Publisher, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := p.Publish(t.Context(), message(id)); err != nil {
			t.Fatal(err)
		}
	}
}

func arrives(t *testing.T, p bus.Publisher, q bus.Queue) {
	publish(t, p, "a")
	d := receive(t, q).next()
	d.Message.Headers = map[string]any{"fedora_messaging_severity": d.Message.Headers["fedora_messaging_severity"]}
	if diff := cmp.Diff(message("a"), d.Message); diff != "" {
		t.Errorf("(-sent +got):\n%s", diff)
	}
}

func redelivers(t *testing.T, p bus.Publisher, q bus.Queue) {
	publish(t, p, "a", "b")
	r := receive(t, q)
	a, b := r.next(), r.next()
	r.settle(b, false)
	r.settle(a, true)
	again := r.next()
	if again.Message.ID != a.Message.ID || !again.Message.Redelivered || a.Message.Redelivered {
		t.Errorf("came again: %+v", again.Message)
	}
	r.settle(again, false)
	r.end()
	publish(t, p, "c")
	if got := receive(t, q).next().Message; got.ID != "c" || got.Redelivered {
		t.Errorf("after all were done came %+v", got)
	}
}

func handsOn(t *testing.T, p bus.Publisher, q bus.Queue) {
	publish(t, p, "a", "b", "c")
	r := receive(t, q)
	a, b := r.next(), r.next()
	r.settle(a, false)
	r.end()
	if err := b.Settle(false); err == nil {
		t.Error("a message of a receiver that ended could be settled")
	}
	other := receive(t, q)
	got := []string{other.next().Message.ID, other.next().Message.ID}
	if diff := cmp.Diff([]string{"b", "c"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func shares(t *testing.T, p bus.Publisher, q bus.Queue) {
	x, y := receive(t, q), receive(t, q)
	seen := map[string]int{}
	for i := range 20 {
		publish(t, p, fmt.Sprint(i))
		select {
		case d := <-x.out:
			x.settle(d, false)
			seen[d.Message.ID]++
		case d := <-y.out:
			y.settle(d, false)
			seen[d.Message.ID]++
		case <-time.After(patience):
			t.Fatal("no message")
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d messages of 20 came", len(seen))
	}
}

// A receiving is a call of Receive.
type receiving struct {
	t     testing.TB
	out   chan *bus.Delivery
	stop  context.CancelFunc
	ended chan struct{}
}

func receive(t testing.TB, q bus.Queue) *receiving {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &receiving{t: t, out: make(chan *bus.Delivery), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		q.Receive(ctx, r.out)
	}()
	t.Cleanup(r.end)
	return r
}

func (r *receiving) end() {
	r.stop()
	<-r.ended
}

func (r *receiving) next() *bus.Delivery {
	r.t.Helper()
	select {
	case d := <-r.out:
		return d
	case <-time.After(patience):
		r.t.Fatal("no message")
		return nil
	}
}

func (r *receiving) settle(d *bus.Delivery, again bool) {
	r.t.Helper()
	if err := d.Settle(again); err != nil {
		r.t.Fatal(err)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	conform(t, func(*testing.T) (bus.Publisher, bus.Queue) {
		b := bus.NewMemory(100)
		return b, b
	})
}
