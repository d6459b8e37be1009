package scenario_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/buildresolver"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/logreader"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/polling"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/reporesolver"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/scenario"
	"github.com/koschei-ci/koschei/internal/scheduler"
	"github.com/koschei-ci/koschei/internal/selfcheck"
)

// serviceNames are the services in the order in which they do their work. The
// watcher, the log-reader and the self-check work when a story says so.
func serviceNames() []string {
	return []string{"polling", "repo-resolver", "build-resolver", "scheduler"}
}

// A service works in passes that a loop begins.
type service interface {
	Run(ctx context.Context, l *loop.Loop)
}

// A troupe is one replica of all services.
type troupe struct {
	log      *slog.Logger
	heard    *complaints
	services map[string]service
}

func newTroupe(s *scenario.Stage, repos *resolution.Repos, holder postgres.Holder, config scheduler.Config) *troupe {
	heard := &complaints{Handler: s.Sync.Log.Handler()}
	log := slog.New(heard)
	sync := *s.Sync
	sync.Log = log
	return &troupe{log: log, heard: heard, services: map[string]service{
		"polling": &polling.Service{DB: s.Sync.DB, Log: log, Sync: kojisync.New(
			sync.DB, sync.Hubs, sync.Clock, sync.Rules, log,
		)},
		"repo-resolver": &reporesolver.Service{
			DB: sync.DB, Hubs: sync.Hubs, Repos: repos, Log: log, Clock: sync.Clock, Holder: holder, Rules: sync.Rules,
		},
		"build-resolver": &buildresolver.Service{
			DB: sync.DB, Hubs: sync.Hubs, Repos: repos, Log: log, Clock: sync.Clock, Holder: holder, Rules: sync.Rules,
		},
		"scheduler": &scheduler.Service{
			DB: sync.DB, Hub: sync.Primary, Log: log, Clock: sync.Clock, Holder: holder, Config: config,
		},
		"log-reader": &logreader.Service{DB: sync.DB, Hubs: sync.Hubs, Log: log, Clock: sync.Clock, Holder: holder},
		"watcher":    newListener(s.Hub, &sync, log),
		"self-check": &selfcheck.Service{
			DB: s.Store.Maintenance, Sync: &sync, Log: log, Clock: sync.Clock, Holder: holder,
			Config: selfcheck.Config{
				Rules: sync.Rules, MaxBuilds: config.MaxBuilds, TaskTimeout: 48 * time.Hour, LongestCall: 2 * sync.Primary.CallLimit(),
				Intervals: map[koschei.Service]time.Duration{
					"polling": 20 * time.Minute, "repo-resolver": time.Minute, "scheduler": time.Minute,
				},
			},
		},
	}}
}

// onePass is a loop of a single pass. Its interval is long, so that the repo
// resolver looks at each collection once in it, however slow the machine is.
func onePass(name string, log *slog.Logger) *loop.Loop {
	return &loop.Loop{Name: name, Interval: time.Hour, Passes: 1, Log: log}
}

// pass lets a service do its work once and returns what it complained about.
func (t *troupe) pass(ctx context.Context, name string) (complaints []string, err error) {
	s := t.services[name]
	if s == nil {
		return nil, fmt.Errorf("there is no service %q, only %s", name, strings.Join(slices.Sorted(maps.Keys(t.services)), ", "))
	}
	s.Run(ctx, onePass(name, t.log))
	return t.heard.take(), nil
}

// reconfigure changes how the scheduler works.
func (t *troupe) reconfigure(change func(*scheduler.Config)) {
	if s, ok := t.services["scheduler"].(*scheduler.Service); ok {
		change(&s.Config)
	}
}

// remake has the build-resolver ask for deleted repos again that are no older.
func (t *troupe) remake(d time.Duration) {
	if s, ok := t.services["build-resolver"].(*buildresolver.Service); ok {
		s.RemakeRepos = d
	}
}

// complaints are what was logged as an error, besides logging it.
type complaints struct {
	slog.Handler
	mu    sync.Mutex
	heard []string
}

// Handle implements slog.Handler.
func (c *complaints) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		line := r.Message
		r.Attrs(func(a slog.Attr) bool {
			line += " " + a.String()
			return true
		})
		c.mu.Lock()
		c.heard = append(c.heard, line)
		c.mu.Unlock()
	}
	return c.Handler.Handle(ctx, r)
}

func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	heard := slices.Clone(c.heard)
	c.heard = nil
	return heard
}
