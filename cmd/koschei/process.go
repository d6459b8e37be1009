package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/buildresolver"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/mirror"
	"github.com/koschei-ci/koschei/internal/polling"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/reporesolver"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/scheduler"
	"github.com/koschei-ci/koschei/internal/selfcheck"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// A process is what services that share one share: the record, the hub, the
// clock, the logger and the metrics.
type process struct {
	config  config
	log     *slog.Logger
	db      *database
	hubs    koji.Hubs
	now     func() time.Time
	holder  string // of leases
	metrics metrics
	repos   *resolution.Repos
	bus     bus.Queue // of the hub's messages; nil if there is none

	onlyServices bool // no people read its pages
}

func newProcess(c config, log *slog.Logger, db *database) (*process, error) {
	m := newMetrics()
	hubs, err := newHubs(c, m.hub)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	if c.Database.Lease < time.Second {
		return nil, badInput(fmt.Errorf("configuration: database.lease is %s: it must be at least a second", c.Database.Lease))
	}
	messages, err := newQueue(c.Bus, log)
	if err != nil {
		return nil, badInput(fmt.Errorf("configuration, section bus: %w", err))
	}
	leasing := *db
	leasing.DB = db.Leasing(c.Database.Lease)
	now := c.Clock.now()
	m.registry.MustRegister(&selfcheck.Gauges{DB: leasing.DB, Log: log, Now: now, Rules: c.Priorities.rules()})
	return &process{
		config: c, log: log, db: &leasing, hubs: hubs, metrics: m,
		now:    now,
		holder: fmt.Sprintf("%s/%d", host, os.Getpid()),
		repos: &resolution.Repos{
			Files: &repodata.Cache{
				Dir: repoCache(c.DataDir), MaxBytes: c.Dependency.RepoCache << 20, Client: repodata.NewClient(),
			},
			Arch: c.Dependency.Arch, Intern: db.Intern, Keep: c.Dependency.RepoMemory,
		},
		bus: messages,
	}, nil
}

// repoCache is where the metadata of repos are kept.
func repoCache(dataDir string) string { return filepath.Join(dataDir, "repos") }

// serviceNames are the services as the operators' handbook names them.
func serviceNames() []string {
	return []string{"watcher", "polling", "repo-resolver", "build-resolver", "scheduler"}
}

// services are those that can run here: all, but the watcher only where there
// is a message bus.
func (p *process) services() []string {
	names := serviceNames()
	if p.bus == nil {
		names = slices.DeleteFunc(names, func(name string) bool { return name == "watcher" })
	}
	return names
}

// run runs a service until ctx ends.
func (p *process) run(ctx context.Context, name string, alarm *postgres.Alarm) {
	log := p.log.With("service", name)
	rules := p.config.Priorities.rules()
	switch name {
	case "watcher":
		p.watcher(log).Run(ctx)
	case "polling":
		s := &polling.Service{
			DB: p.db.DB, Log: log, Rung: alarm.Rung, FullInterval: p.config.Polling.FullInterval, Sync: p.sync(log),
		}
		s.Run(ctx, p.loop(name, loopConfig{p.config.Polling.Interval}, alarm))
	case "repo-resolver":
		s := &reporesolver.Service{
			DB: p.db.DB, Koji: p.hubs.Primary, Secondary: p.hubs.Secondary, Mirror: p.mirror(log), Repos: p.repos,
			Log: log, Now: p.now, Holder: p.holder, Rules: rules, Goroutines: p.config.Dependency.Goroutines,
		}
		s.Run(ctx, p.loop(name, p.config.RepoResolver, alarm))
	case "build-resolver":
		s := &buildresolver.Service{
			DB: p.db.DB, Koji: p.hubs.Primary, Secondary: p.hubs.Secondary, Repos: p.repos,
			Log: log, Now: p.now, Holder: p.holder, Rules: rules, Goroutines: p.config.Dependency.Goroutines,
			RemakeRepos: p.config.Builds.RemakeRepos, Speed: p.config.Clock.Speed,
		}
		s.Run(ctx, p.loop(name, loopConfig{p.config.Builds.Interval}, alarm))
	case "scheduler":
		s := &scheduler.Service{
			DB: p.db.DB, Hub: p.hubs.Primary, Secondary: p.hubs.Secondary, Log: log, Now: p.now, Speed: p.config.Clock.Speed, Holder: p.holder,
			Metrics: p.metrics.scheduler, Builds: p.metrics.builds,
			Config: schedulerConfig(p.config),
		}
		s.Run(ctx, p.loop(name, p.config.Scheduler, alarm))
	default:
		panic("cannot happen: no service " + name)
	}
}

// mirror brings repos of the secondary hub to the primary one.
func (p *process) mirror(log *slog.Logger) *mirror.Mirror {
	return &mirror.Mirror{
		Hubs: p.hubs, Log: log, Now: p.now, Speed: p.config.Clock.Speed, Holder: p.holder,
		Arches: p.config.Koji.BuildArches, RepoURL: p.config.Secondary.repoURL(),
	}
}

// sync brings the record in line with the hub.
func (p *process) sync(log *slog.Logger) *kojisync.Sync {
	return &kojisync.Sync{
		DB: p.db.DB, Primary: p.hubs.Primary, Secondary: p.hubs.Secondary, Log: log, Now: p.now, Rules: p.config.Priorities.rules(),
		TaskTimeout: p.config.Koji.TaskTimeout, Metrics: p.metrics.builds,
	}
}

func schedulerConfig(c config) scheduler.Config {
	k := c.Koji
	return scheduler.Config{
		Rules: c.Priorities.rules(), MaxBuilds: k.MaxBuilds, LoadThreshold: k.LoadThreshold,
		BuildArches: k.BuildArches, TaskPriority: k.TaskPriority, TaskTimeout: k.TaskTimeout,
		SecondaryPackages: c.Secondary.Packages,
	}
}

func (p *process) loop(name string, c loopConfig, alarm *postgres.Alarm) *loop.Loop {
	return &loop.Loop{
		Name: name, Interval: c.Interval, Speed: p.config.Clock.Speed, Wake: alarm.Bell(), Log: p.log, Metrics: p.metrics.loops,
	}
}

// listeners are what a process serves HTTP on. Each is nil where that is not
// served.
type listeners struct {
	site       net.Listener // pages and API
	operations net.Listener // health and metrics; without it the site serves them
}

// listenAll opens the address of the site, and that of the operators' addresses
// unless it is empty.
func listenAll(ctx context.Context, siteAddress, operationsAddress string) (l listeners, err error) {
	if l.site, err = listen(ctx, "--listen", siteAddress); err != nil || operationsAddress == "" {
		return l, err
	}
	if l.operations, err = listen(ctx, "--metrics-listen", operationsAddress); err != nil {
		return l, errors.Join(err, l.site.Close())
	}
	return l, nil
}

func (l listeners) close() error {
	var errs []error
	for _, each := range []net.Listener{l.site, l.operations} {
		if each != nil {
			errs = append(errs, each.Close())
		}
	}
	return errors.Join(errs...)
}

// say logs what is served where.
func (l listeners) say(ctx context.Context, log *slog.Logger) {
	switch {
	case l.site != nil && l.operations != nil:
		log.InfoContext(ctx, "serving health and metrics", "address", l.operations.Addr().String())
		fallthrough
	case l.site != nil:
		log.InfoContext(ctx, "serving", "address", l.site.Addr().String())
	case l.operations != nil:
		log.InfoContext(ctx, "serving", "address", l.operations.Addr().String())
	}
}

// serve answers HTTP until ctx ends.
func (p *process) serve(ctx context.Context, l listeners) error {
	c := p.siteConfig()
	g, ctx := errgroup.WithContext(ctx)
	start := func(listener net.Listener, server *web.Server, err error) {
		g.Go(func() error {
			if err != nil {
				return errors.Join(err, listener.Close())
			}
			return server.Run(ctx, listener)
		})
	}
	if l.site != nil {
		server, err := site.New(c, l.operations == nil)
		start(l.site, server, err)
	}
	if l.operations != nil {
		server, err := site.Operations(c)
		start(l.operations, server, err)
	}
	return g.Wait()
}

func (p *process) siteConfig() site.Config {
	c := p.config
	return site.Config{
		View: p.db.DB, Log: p.log.With("service", "frontend"), Now: p.now, Registry: p.metrics.registry, Rules: c.Priorities.rules(),
		Health: web.Health{
			Failing: func() []string { return p.metrics.loops.Failing(time.Now()) }, OnlyServices: p.onlyServices,
		},
		Koji: html.Links{
			koschei.Primary:   {WebURL: c.Koji.WebURL, TopURL: c.Koji.TopURL},
			koschei.Secondary: {WebURL: c.Secondary.WebURL, TopURL: c.Secondary.TopURL},
		},
		PackagesPerPage: c.Frontend.PackagesPerPage,
		BuildsPerPage:   c.Frontend.BuildsPerPage,
		Version:         version(),
		Speed:           c.Clock.Speed,
	}
}

// errDatabaseLost ends a process whose private cluster has ended on its own.
var errDatabaseLost = errors.New("the private PostgreSQL cluster has ended unexpectedly")

// together runs the named services, and serves what there are listeners for,
// until ctx ends or one of them fails, and waits for all.
func (p *process) together(ctx context.Context, names []string, l listeners) error {
	g, ctx := errgroup.WithContext(ctx)
	if len(names) > 0 {
		wakes := p.db.NewListener(names...)
		for _, name := range names {
			p.noteStart(ctx, name)
			g.Go(func() error { p.run(ctx, name, wakes.Alarm(name)); return nil })
		}
		g.Go(func() error {
			wakes.Run(ctx, func(err error) { p.log.WarnContext(ctx, "services cannot be woken for a moment", "error", err) })
			return nil
		})
		g.Go(func() error { p.selfCheck(ctx); return nil })
	}
	g.Go(func() error { return p.serve(ctx, l) })
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-p.db.lost():
			return missing(errDatabaseLost)
		}
	})
	err := g.Wait()
	// The session at the hub ends by itself if this cannot be said in time.
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = p.hubs.Close(bye)
	return err
}

// listen opens an address that a flag gives.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, badInput(fmt.Errorf("%s: %w", flag, err))
	}
	return l, nil
}
