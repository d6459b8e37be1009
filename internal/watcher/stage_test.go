package watcher_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
	"github.com/koschei-ci/koschei/internal/watcher"
)

// A fixture is a watcher beside a stage, with what the hub has said so far.
type fixture struct {
	*scenario.Stage
	*watcher.Service

	registry *prometheus.Registry
	mu       sync.Mutex
	mail     []*bus.Message
	calls    map[string]int // of the hub, by method, when it was asked last
}

// newFixture has user log in with its name or "secret" as its password.
func newFixture(t *testing.T, world *kojisim.World, user, password string) *fixture {
	t.Helper()
	f := &fixture{Stage: scenario.New(t, world, scenario.As(user, password)), registry: prometheus.NewRegistry(), calls: map[string]int{}}
	f.Service = &watcher.Service{
		DB: f.Stage.Sync.DB, Sync: f.Stage.Sync, Log: f.Stage.Sync.Log, Metrics: watcher.NewMetrics(f.registry),
		Config: watcher.Config{TopicPrefix: prefix, Instance: "primary", GiveUp: time.Hour},
	}
	f.Hub.Subscribe(func(m kojihub.Message) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.mail = append(f.mail, m.OnBus(prefix))
	})
	return f
}

// called returns how often a method was called since it was asked last.
func (f *fixture) called(method string) int {
	total := f.Calls(method)
	since := total - f.calls[method]
	f.calls[method] = total
	return since
}

// tick lets time pass at the hub.
func (f *fixture) tick(d time.Duration) {
	f.T.Helper()
	f.Clock.Step(d)
	if _, err := f.Stage.Sync.Primary.LastEvent(f.T.Context()); err != nil {
		f.T.Fatal(err)
	}
}

// hear hands the watcher what the hub has said and returns how many messages
// were done.
func (f *fixture) hear() int {
	f.T.Helper()
	done := 0
	for {
		f.mu.Lock()
		batch := f.mail
		f.mail = nil
		f.mu.Unlock()
		if len(batch) == 0 {
			return done
		}
		if again := f.Handle(f.T.Context(), batch); len(again) > 0 {
			f.T.Fatalf("%d of %d messages are to come again", len(again), len(batch))
		}
		done += len(batch)
	}
}

// say makes a message.
func (f *fixture) say(topic string, body map[string]any) *bus.Message {
	f.T.Helper()
	body["instance"] = "primary"
	text, err := json.Marshal(body)
	if err != nil {
		f.T.Fatal(err)
	}
	return &bus.Message{ID: "said", Topic: prefix + ".buildsys." + topic, Body: text, Sent: f.Clock.Now()}
}

// record describes packages, builds with what they were built in, and sources.
func record(w *pgtest.World) []string {
	return slices.Concat(packages(w), builds(w), sources(w))
}

// packages describes packages with their last builds.
func packages(w *pgtest.World) []string {
	last := map[int64]pgtest.Build{}
	for _, b := range w.Builds() {
		last[b.ID] = b
	}
	var lines []string
	for _, p := range w.Packages() {
		b := last[p.LastBuildID]
		lines = append(lines, fmt.Sprint(p.Collection, " ", p.Name, " ", p.Blocked, " ", p.State, " ", p.NotedState, " ",
			b.Event, " ", b.KojiBuildID, " ", b.TaskID))
	}
	return lines
}

// builds describes builds with their tasks, in an order that does not depend on
// when they were recorded.
func builds(w *pgtest.World) []string {
	tasks := map[int64]string{}
	for _, t := range w.BuildTasks() {
		tasks[t.BuildID] += fmt.Sprint(" ", t.TaskID, t.Arch, t.State)
	}
	all := w.Builds()
	slices.SortStableFunc(all, func(a, b pgtest.Build) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Event, b.Event),
			cmp.Compare(a.KojiBuildID, b.KojiBuildID), cmp.Compare(a.TaskID, b.TaskID))
	})
	var lines []string
	for _, b := range all {
		lines = append(lines, fmt.Sprint(b.Collection, " ", b.Package, " ", b.Origin, " ", b.Event, " ", b.KojiBuildID, " ", b.TaskID, " ",
			b.EVR(), " ", b.Outcome, " ", b.Untagged, " ", b.RepoID, " ", b.Finished.UTC(), tasks[b.ID]))
	}
	return lines
}

// sources describes what SRPMs say.
func sources(w *pgtest.World) []string {
	var lines []string
	for _, s := range w.SRPMs() {
		lines = append(lines, fmt.Sprint(s.Name, " ", s.Version, " ", s.Release, " ", s.BuildRequires))
	}
	return lines
}

// outcomes are the numbers of messages so far by what became of them.
func (f *fixture) outcomes() string {
	f.T.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		f.T.Fatal(err)
	}
	counts := map[string]int{}
	for _, family := range families {
		if family.GetName() != "koschei_bus_messages_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "outcome" {
					counts[l.GetValue()] += int(m.GetCounter().GetValue())
				}
			}
		}
	}
	text, err := json.Marshal(counts)
	if err != nil {
		f.T.Fatal(err)
	}
	return string(text)
}

func withCancel(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

// awaitHearing waits until what is notified rings an alarm.
func (f *fixture) awaitHearing(alarm *postgres.Alarm) {
	f.T.Helper()
	often := time.NewTicker(time.Millisecond)
	defer often.Stop()
	for !alarm.Hearing() {
		select {
		case <-f.T.Context().Done():
			f.T.Fatal("nobody listens")
		case <-often.C:
		}
	}
}
