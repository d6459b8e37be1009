package notifier_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// noonClock is a clock of domain time that stands still at noon.
func noonClock() koschei.Clock { return koschei.Clock{Read: func() time.Time { return noon }} }

// A sink remembers what it was sent and fails as it is told to.
type sink struct {
	name string
	fail func(ctx context.Context, d *koschei.Delivery) error

	mu   sync.Mutex
	sent []string
}

func (s *sink) Name() string                   { return s.name }
func (s *sink) Keys(e *koschei.Event) []string { return []string{strconv.FormatInt(e.ID, 10)} }
func (s *sink) Ping(context.Context) error     { return nil }
func (s *sink) Heartbeat() time.Duration       { return 0 }

func (s *sink) Send(ctx context.Context, d *koschei.Delivery, _ *koschei.EventPlace) error {
	if s.fail != nil {
		if err := s.fail(ctx, d); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, d.Event.Package+" "+d.Event.Before+"->"+d.Event.After)
	return nil
}

func (s *sink) check(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(want, s.sent); diff != "" {
		t.Errorf("sink %s delivered (-want +got):\n%s", s.name, diff)
	}
}

// A place is a record with a collection, and what a notifier needs beside it.
type place struct {
	*pgtest.World

	t  *testing.T
	db *pgtest.DB
}

// newPlace returns a record in which the sinks of a service exist.
func newPlace(t *testing.T, packages ...string) *place {
	t.Helper()
	w := pgtest.NewWorld(t)
	w.Collection("f44")
	for _, name := range packages {
		w.Package("f44", name)
	}
	return &place{World: w, t: t, db: w.Open()}
}

func (p *place) service(sinks ...notifier.Sink) *notifier.Service {
	return &notifier.Service{
		DB: p.db.Deliveries, Sinks: sinks, Clock: noonClock(), Quiet: 30 * time.Minute,
		Log: slog.New(slog.DiscardHandler), Metrics: notifier.NewMetrics(prometheus.NewRegistry()),
	}
}

// pass runs one pass of each sink.
func (p *place) pass(s *notifier.Service) {
	p.t.Helper()
	s.Run(p.t.Context(), &loop.Loop{Name: "notifier", Passes: 1, Log: slog.New(slog.NewTextHandler(p.t.Output(), nil))})
}

// state has a package be in another state, some time after noon.
func (p *place) state(pkg string, before, after koschei.State, at time.Duration) {
	p.t.Helper()
	p.Event(&koschei.Event{
		At: noon.Add(at), Kind: koschei.EventPackageState, Collection: "f44", Package: pkg, Before: string(before), After: string(after),
	})
}

// A sink that fails keeps no other waiting, and what it was given up for does
// not come again.
func TestPass(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "bar", "foo")
	well := &sink{name: "well"}
	ill := &sink{name: "ill", fail: func(_ context.Context, d *koschei.Delivery) error {
		if d.Event.Package == "bar" {
			return errors.Join(notifier.ErrGiveUp, errors.New("no such topic"))
		}
		return errors.New("connection refused")
	}}
	service := p.service(ill, well)
	p.pass(service) // the sinks are there from now on
	p.state("bar", "unknown", "ok", 0)
	p.pass(service)
	p.state("foo", "unknown", "failing", 0)
	p.pass(service)
	p.pass(service)
	well.check(t, "bar unknown->ok", "foo unknown->failing")
	stuck, err := p.db.StuckSinks(t.Context(), time.Hour, noon.Add(time.Hour))
	if err != nil || len(stuck) != 1 {
		t.Fatalf("%d sinks are stuck (%v), want 1", len(stuck), err)
	}
	stuck[0].Oldest = 0
	wantStuck := maintain.StuckSink{Sink: "ill", Waiting: 1, Dead: 1, Error: "connection refused"}
	if diff := cmp.Diff(wantStuck, stuck[0]); diff != "" {
		t.Errorf("stuck (-want +got):\n%s", diff)
	}
}

// A sink in which everything hangs keeps no other from being told at once.
func TestSlowSink(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "foo")
	hangs := make(chan struct{})
	slow := &sink{name: "slow", fail: func(ctx context.Context, _ *koschei.Delivery) error {
		hangs <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}
	told := make(chan string)
	quick := &sink{name: "quick", fail: func(_ context.Context, d *koschei.Delivery) error {
		told <- d.Event.After
		return nil
	}}
	service := p.service(slow, quick)
	p.pass(service)
	wake := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	p.state("foo", "unknown", "ok", 0)
	go func() {
		defer close(ended)
		service.Run(ctx, &loop.Loop{Name: "notifier", Interval: time.Hour, Clock: noonClock(), Wake: wake, Log: slog.New(slog.DiscardHandler)})
	}()
	<-hangs
	if got := <-told; got != "ok" {
		t.Errorf("told %s, want ok", got)
	}
	p.state("foo", "ok", "failing", 0)
	wake <- struct{}{}
	if got := <-told; got != "failing" {
		t.Errorf("told %s, want failing", got)
	}
	stop()
	<-ended
}

// Several processes deliver everything once between them, in the order of each
// package.
func TestReplicas(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 50 {
		names = append(names, "p"+strconv.Itoa(i))
	}
	p := newPlace(t, names...)
	s := &sink{name: "bus"}
	service := p.service(s)
	p.pass(service)
	for _, name := range names {
		p.state(name, "unknown", "ok", 0)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { p.pass(service) })
	}
	wg.Wait()
	p.pass(service)
	seen := map[string]int{}
	for _, line := range s.sent {
		seen[line]++
	}
	for _, name := range names {
		if n := seen[name+" unknown->ok"]; n != 1 {
			t.Errorf("%s was told %d times, want once", name, n)
		}
	}
}

// A flip that is taken back in time is not told, however much was between.
func TestQuiet(t *testing.T) {
	t.Parallel()
	const ok, failing, unresolved = koschei.StateOK, koschei.StateFailing, koschei.StateUnresolved
	type flip struct {
		before, after koschei.State
		at            time.Duration
	}
	tests := []struct {
		name  string
		flips []flip
		want  []string // after all are told that are
	}{
		{"taken back", []flip{{ok, unresolved, -9 * time.Minute}, {unresolved, ok, 20 * time.Minute}}, nil},
		{"taken back late", []flip{{ok, unresolved, -time.Hour}, {unresolved, ok, -29 * time.Minute}}, []string{"foo ok->unresolved", "foo unresolved->ok"}},
		{"others are not held", []flip{{ok, failing, 0}, {failing, ok, time.Minute}}, []string{"foo ok->failing", "foo failing->ok"}},
		{"over another state", []flip{{ok, unresolved, 0}, {unresolved, failing, 1}, {failing, ok, 2}}, nil},
		{
			"ends elsewhere",
			[]flip{{ok, unresolved, 0}, {unresolved, failing, 1}},
			[]string{"foo ok->unresolved", "foo unresolved->failing"},
		},
		{"twice", []flip{{ok, unresolved, 0}, {unresolved, ok, 1}, {ok, unresolved, 2}, {unresolved, ok, 3}}, nil},
		{"told in other words", []flip{{"unknown", unresolved, 0}, {unresolved, "untracked", 1}}, nil},
		{
			"back to the middle",
			[]flip{{ok, failing, 0}, {failing, unresolved, 1}, {unresolved, failing, 2}},
			[]string{"foo ok->failing"},
		},
	}
	for _, test := range tests {
		for _, split := range []bool{false, true} { // looked at in one pass or in one each
			t.Run(test.name+" "+strconv.FormatBool(split), func(t *testing.T) {
				t.Parallel()
				p := newPlace(t, "foo")
				s := &sink{name: "bus"}
				service := p.service(s)
				p.pass(service)
				for _, f := range test.flips {
					p.state("foo", f.before, f.after, f.at)
					if split {
						p.pass(service)
					}
				}
				p.pass(service)
				for range test.flips { // half an hour later
					p.SetDeliveriesDue()
					p.pass(service)
				}
				s.check(t, test.want...)
			})
		}
	}
}

// What is held is told when it has lasted.
func TestHeld(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "foo")
	s := &sink{name: "bus"}
	service := p.service(s)
	service.Clock = koschei.Clock{Start: noon, Epoch: time.Now(), Speed: 18_000} // half an hour is a tenth of a second
	p.pass(service)
	told := make(chan struct{})
	s.fail = func(context.Context, *koschei.Delivery) error {
		close(told) // in the first pass already if that takes a tenth of a second
		return nil
	}
	p.state("foo", "ok", "unresolved", 0)
	p.pass(service)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go service.Run(ctx, &loop.Loop{Name: "notifier", Interval: time.Second, Clock: service.Clock, Log: slog.New(slog.DiscardHandler)})
	<-told
}
