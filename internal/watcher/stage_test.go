package watcher_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
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
	calls    map[string]int // of the hub, by method
}

// newFixture has user log in with its name or "secret" as its password.
func newFixture(t *testing.T, world *kojisim.World, user, password string) *fixture {
	t.Helper()
	f := &fixture{Stage: scenario.New(t, world), registry: prometheus.NewRegistry(), calls: map[string]int{}}
	client, err := koji.New(koji.Config{
		Server: f.URL + "/kojihub", TopURL: f.URL + "/kojifiles",
		Login:   koji.Login{User: user, Password: password},
		Retry:   koji.Retry{Attempts: 2, Min: time.Millisecond, Max: time.Millisecond},
		Observe: func(method string, _ koji.Class, _ time.Duration) { f.count(method) },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Stage.Sync.Primary = client
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

func (f *fixture) count(method string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[method]++
}

// called returns how often a method was called since it was asked last.
func (f *fixture) called(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.calls[method]
	delete(f.calls, method)
	return n
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

// record describes packages and builds, and what they were built in.
func record(c *pgtest.Console) []string {
	return slices.Concat(
		c.Lines(`
			SELECT concat_ws(' ', p.name, p.blocked, p.state, p.noted_state, l.event, l.koji_build_id, l.task_id)
			FROM package p LEFT JOIN build l ON l.id = p.last_build_id
			ORDER BY p.collection_id, p.name`),
		c.Lines(`
			SELECT concat_ws(' ', p.name, b.origin, b.event, b.koji_build_id, b.task_id, b.epoch, b.version, b.release, b.outcome, b.untagged,
				b.repo_id, b.finished, (SELECT string_agg(k.task_id || k.arch || k.state, ' ' ORDER BY k.task_id) FROM build_task k WHERE k.build_id = b.id))
			FROM build b JOIN package p ON p.id = b.package_id
			ORDER BY p.collection_id, p.name, b.origin, b.event, b.koji_build_id, b.task_id`),
		c.Lines(`SELECT concat_ws(' ', name, version, release, build_requires) FROM srpm ORDER BY name, version, release`))
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

// awaitListener waits until somebody listens at the record.
func (f *fixture) awaitListener() {
	f.T.Helper()
	for f.Number(`SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND state = 'idle' AND datname = current_database()`) == 0 {
		if f.T.Context().Err() != nil {
			f.T.Fatal("nobody listens")
		}
	}
}
