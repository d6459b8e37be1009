package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/logreader"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// recover measures how long each service takes to get over the trouble.
func (s *stage) recover() {
	ended, alice := time.Now(), s.list.recover()
	var pending int64
	s.await("the database is back", func() string {
		if err := s.db.PG.Ready(s.t.Context()); err != nil {
			return err.Error()
		}
		pending = s.record.NewestBuild()
		return ""
	})
	checks := []struct {
		what string
		done func() bool
	}{
		{"watcher: it listens", func() bool {
			return slices.ContainsFunc(s.slots, func(l *slot) bool { return l.metric("koschei_bus_connected") == 1 })
		}},
		{"polling: a pass", func() bool { return s.succeeded("polling", "polling", ended) }},
		{"polling: a pass over running builds", func() bool { return s.succeeded("polling", "polling-builds", ended) }},
		{"repo-resolver: a pass, and at the newest repo", func() bool {
			newest, _ := s.world.Settled(distro.BuildTagName, distro.KoscheiUser)
			return s.succeeded("repo-resolver", "repo-resolver", ended) && s.record.CollectionRow(collection).LatestRepoID >= int64(newest)
		}},
		{"build-resolver: a pass, and no build of before left", func() bool {
			return s.succeeded("build-resolver", "build-resolver", ended) && len(s.pendingBuilds(pending)) == 0
		}},
		{"scheduler: a pass of the holder of the lease", func() bool {
			return s.succeeded("scheduler", "scheduler", ended) && s.schedulerLives()
		}},
		{"log-reader: a pass", func() bool { return s.succeeded("log-reader", "log-reader", ended) }},
		{"owners: what the list says", func() bool {
			hers, err := s.db.Of(s.t.Context(), "alice")
			return err == nil && len(hers) == alice
		}},
		{"frontend: a page", func() bool {
			return slices.ContainsFunc(s.slots, func(l *slot) bool {
				return l.service == "frontend" && ask(s.t.Context(), l.where(), "/packages").good()
			})
		}},
	}
	done := map[string]bool{}
	s.await("recovery", func() string {
		for _, c := range checks {
			if !done[c.what] && c.done() {
				took := time.Since(ended)
				done[c.what] = true
				s.recovery = append(s.recovery, fmt.Sprintf("%s after %s (%s of domain time)", c.what, took.Round(10*time.Millisecond), s.plan.domain(took)))
				if took > s.longestRecovery() {
					s.t.Errorf("%s after %s, want at most %s", c.what, took, s.longestRecovery())
				}
			}
		}
		if len(done) < len(checks) {
			return fmt.Sprintf("only %v", s.recovery)
		}
		return ""
	})
}

// longestRecovery is one interval of the slowest service, which is polling,
// and what lasts for real: a lease whose holder was killed in the last moment,
// and the wait of a client between two attempts at a call.
func (s *stage) longestRecovery() time.Duration {
	const pollingInterval, clientRetry, loopRetry, pass = 20 * time.Minute, 8 * time.Second, time.Second, 2 * time.Second
	return time.Duration(float64(pollingInterval)/s.plan.speed) + s.plan.lease + clientRetry + loopRetry + pass
}

// succeeded reports whether a loop has had a good pass since a time, in any of
// the service's processes.
func (s *stage) succeeded(service, loop string, since time.Time) bool {
	return slices.ContainsFunc(s.slots, func(l *slot) bool {
		return l.service == service && l.lastSuccess(loop) > float64(since.UnixMilli())/1e3
	})
}

// lastSuccess is when a loop of the process last had a good pass, 0 if not known.
func (l *slot) lastSuccess(loop string) float64 {
	return l.metric(fmt.Sprintf("koschei_last_success_timestamp_seconds{service=%q}", loop))
}

// schedulerLives reports whether a process that lives holds the lease.
func (s *stage) schedulerLives() bool {
	leases := s.record.Leases()
	at := slices.IndexFunc(leases, func(l pgtest.Lease) bool { return l.Name == postgres.SchedulerLease && l.Held })
	if at < 0 {
		return false
	}
	holder := string(leases[at].Holder)
	return slices.ContainsFunc(s.slots, func(l *slot) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.process != nil && strings.Contains(holder, fmt.Sprintf("/%d/", l.process.Pid))
	})
}

// pendingBuilds are the builds up to one whose dependencies are not known
// though they could be.
func (s *stage) pendingBuilds(upTo int64) []int64 {
	var left []int64
	for _, b := range s.record.Builds() {
		if b.Deps == koschei.DepsPending && b.RepoID != 0 && b.ID <= upTo && s.world.RepoReadable(int(b.RepoID)) {
			left = append(left, b.ID)
		}
	}
	return left
}

// lastRepo sends the packagers home and waits until the record is about the
// last repo.
func (s *stage) lastRepo() int {
	s.world.SendHome()
	s.world.SetRules(kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3})
	var repo int
	s.await("last repo", func() string {
		s.trackAll()
		var settled bool
		repo, settled = s.world.Settled(distro.BuildTagName, distro.KoscheiUser)
		at := s.record.CollectionRow(collection)
		packages := s.world.Foresee(repo) // all but those that never had a build
		unresolved := len(packages)
		for _, p := range s.record.PackagesIn(collection) {
			_, foreseen := packages[p.Name]
			if foreseen && p.Tracked && !p.Blocked && p.LastCompleteBuildID != 0 && p.Resolution != koschei.Unattempted {
				unresolved--
			}
		}
		for _, side := range s.sides() {
			if newest, at := s.newestRepo(side+"-build"), s.record.CollectionRow(side); int(at.LatestRepoID) != newest || at.LatestRepoResolved != koschei.Resolved {
				return fmt.Sprintf("%s has repo %d, the record is at %+v", side, newest, at)
			}
		}
		if !settled || at.LatestRepoResolved != koschei.Resolved || int(at.LatestRepoID) != repo || unresolved > 0 {
			return fmt.Sprintf("the world has settled: %t, with repo %d; the record is at %+v, %d packages are not resolved", settled, repo, at, unresolved)
		}
		return ""
	})
	return repo
}

// buildAll asks for builds until every package that can be built has one in
// the repo that says something about it.
func (s *stage) buildAll(repo int) {
	var asked time.Time
	s.await("every package built in the last repo", func() string {
		names := s.record.PackagesWithoutBuildIn(collection, repo)
		if len(names) > 0 && time.Since(asked) > 5*time.Second {
			if err := s.admin(append([]string{"retry"}, names...)...); err != nil {
				return err.Error()
			}
			asked = time.Now()
		}
		if len(names) > 0 {
			return fmt.Sprintf("%d packages are not, such as %v", len(names), names[:min(5, len(names))])
		}
		return ""
	})
}

// finish lets the schedulers submit nothing more and waits until nothing is
// under way.
func (s *stage) finish() {
	for _, l := range s.slots {
		if l.service != "scheduler" {
			continue
		}
		if err := l.replace("KOSCHEI_KOJI_MAX_BUILDS=0"); err != nil {
			s.t.Errorf("%s did not end as it should: %v", l.name, err)
		}
	}
	s.await("nothing is under way", func() string {
		open := 0
		for _, b := range s.record.Builds() {
			if !b.Outcome.Ended() {
				open++
			}
		}
		tasks := 0
		for _, task := range s.world.BuildTasks(distro.KoscheiUser, "koschei") {
			if !task.Ended {
				tasks++
			}
		}
		pending := s.pendingBuilds(1 << 62)
		unread, err := s.db.UnreadFailures(s.t.Context(), s.now().Add(-logreader.Age+time.Hour), nil, 50)
		if err != nil || len(unread) > 0 {
			return fmt.Sprintf("%d logs of failures are not read (%v)", len(unread), err)
		}
		due := s.record.PackagesToResolve()
		if due > 0 || open+tasks+len(pending) > 0 {
			return fmt.Sprintf("%d builds, %d tasks, %d builds without dependencies, %d packages to resolve", open, tasks, len(pending), due)
		}
		return ""
	})
}
