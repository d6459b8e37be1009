package main

import (
	"context"
	"time"

	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/selfcheck"
)

// minSelfCheck is the shortest real time between two self-checks, however fast
// domain time runs.
const minSelfCheck = 10 * time.Second

// selfCheck looks after all services until ctx ends.
func (p *process) selfCheck(ctx context.Context) {
	const name = "self-check"
	c := p.config
	log, rules := p.log.With("service", name), c.Priorities.rules()
	interval := c.SelfCheck.Interval
	if speed := c.Clock.Speed; speed > 0 {
		interval = max(interval, time.Duration(float64(minSelfCheck)*speed))
	}
	s := &selfcheck.Service{
		DB: p.db.DB, Log: log, Now: p.now, Speed: c.Clock.Speed, Holder: p.holder.For(name), Metrics: p.metrics.selfCheck,
		Sync: p.sync(log),
		Config: selfcheck.Config{
			Rules: rules, MaxBuilds: c.Koji.MaxBuilds, TaskTimeout: c.Koji.TaskTimeout, LongestCall: p.hubs.Primary.LongestCall(c.Clock.Speed),
			Intervals: map[string]time.Duration{
				"polling": c.Polling.Interval, "repo-resolver": c.RepoResolver.Interval,
				"build-resolver": c.Builds.Interval, "scheduler": c.Scheduler.Interval,
			},
		},
	}
	s.Run(ctx, &loop.Loop{Name: name, Interval: interval, Speed: c.Clock.Speed, Log: p.log, Metrics: p.metrics.loops})
}

// noteStart stores that a service begins; the self-check counts that.
func (p *process) noteStart(ctx context.Context, name string) {
	if err := p.db.NoteStart(ctx, name, p.holder); err != nil {
		p.log.WarnContext(ctx, "start not noted", "service", name, "error", err)
	}
}
