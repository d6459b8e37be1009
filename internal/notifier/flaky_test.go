package notifier_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/notifier"
)

// A witness remembers what came, in its order. What comes with an id that came
// before is the same again.
type witness struct {
	name string

	mu    sync.Mutex
	times map[string]int      // by id
	told  map[string][]string // the states of a package, in the order in which they came first
}

func newWitness(name string) *witness {
	return &witness{name: name, times: map[string]int{}, told: map[string][]string{}}
}

func (w *witness) saw(id, pkg, state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.times[id]++; w.times[id] == 1 {
		w.told[pkg] = append(w.told[pkg], state)
	}
}

func (w *witness) check(t *testing.T, names, want []string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	again := 0
	for _, name := range names {
		if diff := cmp.Diff(want, w.told[name]); diff != "" {
			t.Errorf("%s was told of %s (-want +got):\n%s", w.name, name, diff)
		}
	}
	for _, n := range w.times {
		again += n - 1
	}
	t.Logf("%s: %d came again", w.name, again)
}

// dice are thrown by several.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// flakyHook is a receiver that fails in every way that receivers do.
func flakyHook(t *testing.T, d *dice, w *witness) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender was stopped
		}
		checkSignature(t, r, body)
		var h struct {
			Data struct{ Package, New string }
		}
		if err := json.Unmarshal(body, &h); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		saw := func() { w.saw(r.Header.Get("Webhook-Id"), h.Data.Package, h.Data.New) }
		switch d.n(12) {
		case 0:
			out.WriteHeader(400 + d.n(10))
		case 1:
			out.WriteHeader(500 + d.n(5))
		case 2:
			http.Redirect(out, r, "/elsewhere", http.StatusTemporaryRedirect)
		case 3: // garbage
			conn, _, err := out.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte("\x00what is this?\r\n\r\n"))
				_ = conn.Close()
			}
		case 4: // takes it, and says so too late
			saw()
			<-r.Context().Done()
		default:
			saw()
		}
	}
}

// A flakyBus does not always take what it is given, and does not always say so.
type flakyBus struct {
	dice *dice
	seen *witness
}

func (b *flakyBus) Publish(_ context.Context, messages ...*bus.Message) error {
	refused := errors.New("the broker was lost")
	if b.dice.n(4) == 0 {
		return refused
	}
	for _, m := range messages {
		var body struct{ Name, New string }
		if err := json.Unmarshal(m.Body, &body); err != nil {
			return err
		}
		b.seen.saw(m.ID, body.Name, body.New)
	}
	if b.dice.n(4) == 0 {
		return refused
	}
	return nil
}

// TestEverythingIsTold runs two notifiers that are stopped again and again while
// their receivers fail: nothing is lost, what is about a package comes in its
// order, and what comes again can be recognised.
func TestEverythingIsTold(t *testing.T) {
	t.Parallel()
	const packages, changes = 15, 6
	seed := rand.Uint64()
	t.Log("seed", seed)
	d := &dice{r: rand.New(rand.NewPCG(seed, 0))}
	var names []string
	for i := range packages {
		names = append(names, string(rune('a'+i)))
	}
	p := newPlace(t, names...)
	witnesses := []*witness{newWitness("bus"), newWitness("one"), newWitness("two")}
	makeSinks := func() []notifier.Sink { return []notifier.Sink{busOn(&flakyBus{d, witnesses[0]})} }
	for _, w := range witnesses[1:] {
		server := httptest.NewServer(flakyHook(t, d, w))
		t.Cleanup(server.Close)
		before := makeSinks
		makeSinks = func() []notifier.Sink { return append(before(), hookTo(t, w.name, server.URL)) }
	}
	p.pass(p.service(makeSinks()...))
	states := []koschei.State{"ok", "failing"}
	var want []string
	for n := 0; n < changes || p.UnsentDeliveries() > 0; n++ {
		if n > 300 {
			t.Fatalf("%d deliveries still wait", p.UnsentDeliveries())
		}
		for _, name := range names {
			if n < changes {
				p.state(name, states[n%2], states[(n+1)%2], time.Duration(n)*time.Minute)
			}
		}
		if n < changes {
			want = append(want, string(states[(n+1)%2]))
		}
		p.SetDeliveriesDue()
		// Longer and longer, for machines that get nothing done in so short a time.
		stopAfter(p, makeSinks, time.Duration(d.n(150+10*n))*time.Millisecond)
	}
	for _, w := range witnesses {
		w.check(t, names, want)
	}
}

// stopAfter runs two notifiers for a while.
func stopAfter(p *place, sinks func() []notifier.Sink, d time.Duration) {
	ctx, stop := context.WithTimeout(p.t.Context(), d)
	defer stop()
	var both sync.WaitGroup
	for range 2 {
		service := p.service(sinks()...)
		both.Go(func() {
			service.Run(ctx, &loop.Loop{Name: "notifier", Interval: time.Second, Clock: noonClock(), Log: slog.New(slog.DiscardHandler)})
		})
	}
	both.Wait()
}
