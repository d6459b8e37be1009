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
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/resolution"
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
	clock   koschei.Clock
	holder  postgres.Holder // of leases, but for the service
	metrics metrics
	repos   *resolution.Repos
	bus     bus.Queue // of the hub's messages; nil if there is none
	sinks   []notifier.Sink

	onlyServices bool        // no people read its pages
	supervisor   *supervisor // nil if nobody is to be told how the process is
	ending       atomic.Bool // it was told to end, and pages are served a moment longer
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
	messages, err := newQueue(c, log)
	if err != nil {
		return nil, badInput(fmt.Errorf("configuration, section bus: %w", err))
	}
	sinks, err := c.sinks(log)
	if err != nil {
		return nil, badInput(fmt.Errorf("configuration: %w", err))
	}
	files, err := c.repoClient()
	if err != nil {
		return nil, err
	}
	warnOfReadable(context.Background(), c, log)
	leasing := *db
	leasing.store = db.leasing(c.Database.Lease)
	clock := c.Clock.clock()
	m.registry.MustRegister(&selfcheck.Gauges{View: leasing.Operations, Log: log, Clock: clock, Rules: c.Priorities.rules()})
	return &process{
		config: c, log: log, db: &leasing, hubs: hubs, metrics: m,
		clock:  clock,
		holder: postgres.NewHolder(host, os.Getpid()),
		repos: &resolution.Repos{
			Files: &repodata.Cache{
				Dir: repoCache(c.DataDir), MaxBytes: c.Dependency.RepoCache << 20,
				Client: files,
			},
			Arch: c.Dependency.Arch, Intern: db.Record.Sets.InternFrom, Keep: c.Dependency.RepoMemory,
		},
		bus: messages, sinks: sinks,
	}, nil
}

// repoCache is where the metadata of repos are kept.
func repoCache(dataDir string) string { return filepath.Join(dataDir, "repos") }

// services are those that can run here: all, but those that need a message bus, a
// sink or a list of owners only where there is one.
func (p *process) services() []service {
	return slices.DeleteFunc(services(), func(s service) bool {
		return s.needsBus && p.bus == nil || s.needsSink && len(p.sinks) == 0 || s.needsOwners && !p.config.Owners.asks()
	})
}

// run runs a service until ctx ends. alarm wakes it; nil if nothing does.
func (p *process) run(ctx context.Context, s *service, alarm *postgres.Alarm) {
	l := &loop.Loop{Name: string(s.name), Clock: p.clock, Log: p.log, Metrics: p.metrics.loops}
	if s.interval != nil {
		l.Interval = s.interval(&p.config)
	}
	if alarm != nil {
		l.Wake = alarm.Bell()
	}
	s.build(p, wiring{
		log: p.log.With("service", s.name), alarm: alarm, holder: p.holder.For(s.name), registry: p.metrics.registry,
	}).Run(ctx, l)
}

// noteStart stores that a service begins; the self-check counts that.
func (p *process) noteStart(ctx context.Context, name koschei.Service) {
	if err := p.db.Record.NoteStart(ctx, name, p.holder.For(name)); err != nil {
		p.log.WarnContext(ctx, "start not noted", "service", name, "error", err)
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

// starting answers on all of them, until end is called, that what still takes
// its time.
func (l listeners) starting(what string) (end func()) {
	var ends []func()
	for _, each := range []net.Listener{l.site, l.operations} {
		if each != nil {
			ends = append(ends, web.Starting(each, what))
		}
	}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

// asked is nil for an error of who was asked to end while it started: whatever
// was broken off then, nothing is wrong.
func asked(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // see above
	}
	return err
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

// stuck says that a service does not get on.
func (p *process) stuck() bool { return p.metrics.loops.Stuck(time.Now(), stuckFor) }

// linger returns a context that ends with ctx. But if it does because the process
// was told to end, by the end of told, it lasts for frontend.linger longer, so that
// who has not heard of it yet is still served.
func (p *process) linger(ctx, told context.Context) (context.Context, context.CancelFunc) {
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if told.Err() == nil || p.config.Frontend.Linger <= 0 {
			cancel()
			return
		}
		p.ending.Store(true)
		p.log.InfoContext(ctx, "told to end; pages are served a moment longer", "in", p.config.Frontend.Linger)
		time.AfterFunc(p.config.Frontend.Linger, cancel)
	})
	return serving, func() { stop(); cancel() }
}

// serve answers HTTP until ctx ends. changes and live ring when something changes
// that pages show.
func (p *process) serve(ctx context.Context, l listeners, changes, live *postgres.Alarm) error {
	c := p.siteConfig()
	c.Changes, c.Live = changes, live
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
		server, err := p.site(c, l.site.Addr(), l.operations == nil)
		start(l.site, server, err)
	}
	if l.operations != nil {
		server, err := site.Operations(c)
		start(l.operations, server, err)
	}
	return g.Wait()
}

// site returns the server of the site at an address.
func (p *process) site(c site.Config, at net.Addr, operations bool) (_ *web.Server, err error) {
	c.SignIn, err = p.config.signIn(p.db.DB, at)
	if err != nil {
		return nil, badInput(fmt.Errorf("configuration: %w", err))
	}
	c.Edit, c.Policy = p.db.Edit, p.config.Frontend.Policy.policy()
	return site.New(c, operations)
}

func (p *process) siteConfig() site.Config {
	c := p.config
	limits, err := c.Frontend.limits()
	if err != nil {
		panic("cannot happen: " + err.Error()) // it was checked when it was read
	}
	return site.Config{
		Limits: limits,
		View:   p.db.View, Editor: p.db.Edit, Log: p.log.With("service", koschei.ServiceFrontend), Clock: p.clock, Registry: p.metrics.registry, Rules: c.Priorities.rules(),
		Health: web.Health{
			Ready:   p.db.Operations.Ready,
			Failing: func() []string { return p.metrics.loops.Failing(time.Now()) },
			Stuck:   p.stuck, Ending: p.ending.Load, OnlyServices: p.onlyServices,
		},
		Koji: html.Links{
			koschei.Primary:   {WebURL: c.Koji.WebURL, TopURL: c.Koji.TopURL},
			koschei.Secondary: {WebURL: c.Secondary.WebURL, TopURL: c.Secondary.TopURL},
		},
		PackagesPerPage: c.Frontend.PackagesPerPage,
		BuildsPerPage:   c.Frontend.BuildsPerPage,
		FrontIsList:     c.Frontend.Frontpage == "packages",
		Mail:            c.Notifier.Mail.Server != "",
		Hooks:           c.Notifier.Hooks.Call,
		Bugzilla:        strings.TrimSuffix(c.Frontend.Bugzilla, "/"),
		Address:         strings.TrimSuffix(c.Frontend.URL, "/"),
		Version:         version(),
	}
}

// errDatabaseLost ends a process whose private cluster has ended on its own.
var errDatabaseLost = errors.New("the private PostgreSQL cluster has ended unexpectedly")

// errParentLost ends a process that joined the cluster of another one.
var errParentLost = errors.New("the process that ran the private PostgreSQL cluster has ended; the next one that is started runs it")

// together runs services, and serves what there are listeners for, until ctx
// ends or one of them fails, and waits for all.
func (p *process) together(ctx context.Context, services []service, l listeners) error {
	told := ctx
	defer context.AfterFunc(told, func() { p.supervisor.stopping(told) })()
	p.supervisor.watch(func() bool { return !p.stuck() })
	g, ctx := errgroup.WithContext(ctx)
	wakes := p.db.NewListener(append(names(services), koschei.ServiceFrontend)...)
	live := wakes.Another(koschei.ServiceFrontend)
	g.Go(func() error {
		wakes.Run(ctx, func(err error) { p.log.WarnContext(ctx, "services cannot be woken for a moment", "error", err) })
		return nil
	})
	if len(services) > 0 {
		for _, s := range services {
			p.noteStart(ctx, s.name)
			g.Go(func() error { p.run(ctx, &s, wakes.Alarm(s.name)); return nil })
		}
		check := selfCheck()
		g.Go(func() error { p.run(ctx, &check, nil); return nil })
	}
	g.Go(func() error {
		serving, cancel := ctx, context.CancelFunc(func() {})
		if l.site != nil {
			serving, cancel = p.linger(ctx, told)
		}
		defer cancel()
		return p.serve(serving, l, wakes.Alarm(koschei.ServiceFrontend), live)
	})
	p.supervisor.ready(ctx, "running")
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-p.db.lost():
			return missing(errDatabaseLost)
		}
	})
	if p.db.joined {
		g.Go(func() error {
			if p.db.cluster.AwaitParent(ctx); ctx.Err() == nil {
				return missing(errParentLost)
			}
			return nil
		})
	}
	err := g.Wait()
	// The session at the hub ends by itself if this cannot be said in time.
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = p.hubs.Close(bye)
	return err
}

func names(services []service) []koschei.Service {
	var names []koschei.Service
	for _, s := range services {
		names = append(names, s.name)
	}
	return names
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
