package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/buildresolver"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/logreader"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/mirror"
	"github.com/koschei-ci/koschei/internal/polling"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/reporesolver"
	"github.com/koschei-ci/koschei/internal/scheduler"
	"github.com/koschei-ci/koschei/internal/selfcheck"
)

// A service is what the program must know of a service to run it: commands,
// wake-ups, intervals and what the self-check expects all follow from it.
type service struct {
	name  koschei.Service
	short string // what it does, for --help

	// interval is between two passes. Without it the service has no passes:
	// nothing wakes it, and nobody waits for its reports.
	interval func(*config) time.Duration

	needsBus    bool                              // it does nothing without a message bus
	needsSink   bool                              // it does nothing unless somebody is to be told what happens
	needsOwners bool                              // it does nothing unless a list of owners or groups is configured
	silent      bool                              // it notes nothing about collections, and nobody waits for that
	build       func(p *process, w wiring) runner // once a process
}

// wiring is what a service gets that is its own.
type wiring struct {
	log      *slog.Logger
	alarm    *postgres.Alarm
	holder   postgres.Holder       // of leases
	registry prometheus.Registerer // of what only this service counts
}

// A runner runs until ctx ends, in passes that l begins.
type runner interface {
	Run(ctx context.Context, l *loop.Loop)
}

// services are those that have a command, as the operators' handbook names them.
func services() []service {
	return []service{
		{
			name: koschei.ServiceWatcher, short: "Hear on the message bus what happens at Koji",
			needsBus: true, build: (*process).watcher,
		},
		{
			name: koschei.ServicePolling, short: "Ask Koji for builds, package lists and tasks",
			interval: func(c *config) time.Duration { return c.Polling.Interval }, build: (*process).polling,
		},
		{
			name: koschei.ServiceRepoResolver, short: "Resolve all packages in each new repo",
			interval: func(c *config) time.Duration { return c.RepoResolver.Interval }, build: (*process).repoResolver,
		},
		{
			name: koschei.ServiceBuildResolver, short: "Find out what each build was built with",
			interval: func(c *config) time.Duration { return c.Builds.Interval }, build: (*process).buildResolver,
		},
		{
			name: koschei.ServiceScheduler, short: "Submit the scratch builds most worth their while",
			interval: func(c *config) time.Duration { return c.Scheduler.Interval }, build: (*process).scheduler,
		},
		{
			name: koschei.ServiceLogReader, short: "Read the logs of builds that failed, once",
			interval: func(c *config) time.Duration { return c.LogReader.Interval },
			silent:   true, build: (*process).logReader,
		},
		{
			name: koschei.ServiceNotifier, short: "Tell others what happened: by message bus, mail and web hooks",
			interval:  func(c *config) time.Duration { return c.Notifier.Interval },
			needsSink: true, silent: true, build: (*process).notifier,
		},
		{
			name: koschei.ServiceOwners, short: "Ask whose packages are whose, and keep groups as lists have them",
			interval:    func(c *config) time.Duration { return c.Owners.Interval },
			needsOwners: true, silent: true, build: (*process).owners,
		},
	}
}

// selfCheck runs in every process that runs services.
func selfCheck() service {
	return service{
		name: koschei.ServiceSelfCheck, interval: selfCheckInterval, build: (*process).selfCheck,
	}
}

// minSelfCheck is the shortest real time between two self-checks, however fast
// domain time runs.
const minSelfCheck = 10 * time.Second

func selfCheckInterval(c *config) time.Duration {
	return max(c.SelfCheck.Interval, c.Clock.clock().Domain(minSelfCheck))
}

func (p *process) polling(w wiring) runner {
	return &polling.Service{
		DB: p.db.Record, Log: w.log, Rung: w.alarm.Rung, FullInterval: p.config.Polling.FullInterval, BuildsInterval: p.config.Polling.BuildsInterval, Sync: p.sync(w.log),
	}
}

func (p *process) repoResolver(w wiring) runner {
	return &reporesolver.Service{
		DB: p.db.Record, Hubs: p.hubs, Mirror: p.mirror(w), Repos: p.repos,
		Log: w.log, Clock: p.clock, Holder: w.holder, Rules: p.config.Priorities.rules(), Goroutines: p.config.Dependency.Goroutines,
	}
}

// mirror brings repos of the secondary hub to the primary one.
func (p *process) mirror(w wiring) *mirror.Mirror {
	return &mirror.Mirror{
		Hubs: p.hubs, Log: w.log, Clock: p.clock, Holder: w.holder,
		Arches: p.config.Koji.BuildArches, RepoURL: p.config.Secondary.repoURL(),
	}
}

func (p *process) buildResolver(w wiring) runner {
	return &buildresolver.Service{
		DB: p.db.Record, Hubs: p.hubs, Repos: p.repos,
		Log: w.log, Clock: p.clock, Holder: w.holder, Rules: p.config.Priorities.rules(), Goroutines: p.config.Dependency.Goroutines,
		RemakeRepos: p.config.Builds.RemakeRepos,
	}
}

func (p *process) logReader(w wiring) runner {
	return &logreader.Service{
		DB: p.db.Record, Hubs: p.hubs, Log: w.log, Clock: p.clock, Holder: w.holder, Metrics: logreader.NewMetrics(w.registry),
	}
}

func (p *process) scheduler(w wiring) runner {
	return &scheduler.Service{
		DB: p.db.Record, Hub: p.hubs.Primary, Secondary: p.hubs.Secondary, Log: w.log, Clock: p.clock, Holder: w.holder,
		Metrics: scheduler.NewMetrics(w.registry), Builds: p.metrics.builds,
		Config: schedulerConfig(p.config),
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

func (p *process) selfCheck(w wiring) runner {
	c := p.config
	intervals := map[koschei.Service]time.Duration{}
	for _, s := range services() {
		if s.interval != nil && !s.silent {
			intervals[s.name] = s.interval(&c)
		}
	}
	return &selfcheck.Service{
		DB: p.db.Maintain, Log: w.log, Clock: p.clock, Holder: w.holder, Metrics: selfcheck.NewMetrics(w.registry), Sync: p.sync(w.log),
		Config: selfcheck.Config{
			Rules: c.Priorities.rules(), MaxBuilds: c.Koji.MaxBuilds, TaskTimeout: c.Koji.TaskTimeout,
			LongestCall: p.clock.Domain(p.hubs.Primary.LongestCall()), Intervals: intervals,
		},
	}
}

// sync brings the record in line with the hub.
func (p *process) sync(log *slog.Logger) *kojisync.Sync {
	sync := kojisync.New(p.db.Record, p.hubs, p.clock, p.config.Priorities.rules(), log)
	sync.TaskTimeout, sync.Metrics = p.config.Koji.TaskTimeout, p.metrics.builds
	return sync
}
