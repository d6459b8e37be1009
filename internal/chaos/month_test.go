package chaos

import (
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
)

// The distribution that the month passes in.
const distribution = "../../../shared/data/bookworm"

// A month is a stage on which nothing is broken on purpose: it shows that
// services keep up with two large collections and do not grow.
type month struct {
	*stage
	days  int
	began time.Time       // domain time at which the first day begins
	done  map[string]work // by loop, before the day that passes
	spent []day
	repos int // resolved
	late  int // of these, longer than mostWait after they were ready

	packages int       // of the world, in each collection
	branched time.Time // zero before
}

// A day is what was measured in a day of domain time.
type day struct {
	resident map[string]int  // the most MiB that each service had
	work     map[string]work // of each loop
	builds   int64           // scratch builds begun
	database int64           // MiB, at its end
	cost     costs
}

// work is how many passes a loop has made and how long they took, in all.
type work struct{ passes, seconds float64 }

func (w work) since(v work) work { return work{w.passes - v.passes, w.seconds - v.seconds} }

// TestMonth lets days pass and tells how the first and the last of them went.
func TestMonth(t *testing.T) {
	days, _ := strconv.Atoi(os.Getenv("KOSCHEI_MONTH"))
	if days == 0 {
		t.Skip("KOSCHEI_MONTH is not set to a number of days; see make month")
	}
	m := newMonth(t, days)
	m.start()
	m.awaitVerdicts()
	m.watchStatements()
	m.beginEveryday()
	for range days {
		m.live()
	}
	m.tellStatements()
	m.tellDays()
	m.comeToRest()
	m.judgeEveryday()
	m.t.Logf("%d repos, %d of them took longer than %s", m.repos, m.late, mostWait)
	m.stop()
}

// newMonth has two collections of all packages, f44 and f45, of which the
// second inherits from the first and has repos of its own.
func newMonth(t *testing.T, days int) *month {
	t.Helper()
	// The world is large and hardly changes: what collecting its garbage costs is
	// not what is measured.
	was := debug.SetGCPercent(400)
	t.Cleanup(func() { debug.SetGCPercent(was) })
	m := &month{days: days, stage: newStage(t, plan{
		seed: 1, speed: 750, patience: 15 * time.Minute, dueAfter: 7 * 24 * time.Hour, lease: 10 * time.Second, callLimit: 2 * time.Minute,
	})}
	world := m.makeWorld()
	m.open(world, append(serverSettings(), statementSettings()...)...)
	err := worldtext.Amend(m.hub, "tag f45 parents=f44\n"+
		"tag f45-build arches="+strings.Join(m.arches(), ",")+" parents=f45,f44-build\n"+
		"target f45 build=f45-build dest=f45")
	if err != nil {
		t.Fatal(err)
	}
	m.addCollection("f44", distro.BuildTagName, 1) // with overrides, as in production
	m.addCollection("f45", "f45", 1)
	m.cast(append(services(), "frontend")...)
	for _, l := range m.slots {
		// A check reads the whole record, and a full poll all that the hub has in a
		// tag. Every ten minutes and every six hours that is nothing, but as fast as
		// time passes here it would be every second and every half minute.
		l.extra = []string{"KOSCHEI_SELF_CHECK_INTERVAL=8h", "KOSCHEI_POLLING_FULL_INTERVAL=168h"}
	}
	return m
}

// serverSettings are those of docs/operations/database.md. The server's
// housekeeping goes by real time: as often as that it looks whether there is
// something to do, about once a repo.
func serverSettings() []string {
	return []string{"shared_buffers=1GB", "max_wal_size=4GB", "checkpoint_timeout=30min", "wal_compression=lz4", "autovacuum_naptime=13"}
}

// awaitVerdicts waits until everything is tracked and resolved, and begins the
// first day.
func (m *month) awaitVerdicts() {
	m.await("verdicts on all packages", func() string {
		for _, name := range m.record.CollectionsToTrack() {
			if _, err := m.db.TrackPackages(m.t.Context(), m.author(), name, nil, true); err != nil {
				return err.Error()
			}
		}
		done := m.record.PackagesWithVerdict()
		if done < int64(2*m.packages*99/100) {
			return fmt.Sprintf("there are %d", done)
		}
		return ""
	})
	m.began, m.done = m.now(), m.work()
}

// live lets a day pass and measures it.
func (m *month) live() {
	d := day{resident: map[string]int{}, work: map[string]work{}}
	before, cost := m.done, m.costs()
	end := m.began.Add(time.Duration(len(m.spent)+1) * 24 * time.Hour)
	for m.now().Before(end) && pause(m.t.Context(), time.Second) {
		m.followBranching()
		for _, l := range m.slots {
			d.resident[l.service] = max(d.resident[l.service], l.status("VmRSS:")>>10)
		}
	}
	m.done = m.work()
	for loop, w := range m.done {
		d.work[loop] = w.since(before[loop])
	}
	d.builds = m.record.BuildsBegun(end.Add(-24*time.Hour), end)
	d.database = m.record.SizeMiB()
	d.cost = m.costs().since(cost)
	m.spent = append(m.spent, d)
	m.t.Logf("day %d: %d builds, database %d MiB, resident MiB %v", len(m.spent), d.builds, d.database, d.resident)
	m.t.Logf("day %d: CPU seconds: %v", len(m.spent), d.cost)
	m.tellRepos(end.Add(-24*time.Hour), end)
}

// work is that of all loops so far.
func (m *month) work() map[string]work {
	all := map[string]work{}
	for _, l := range m.slots {
		for name, value := range l.metrics() {
			for _, of := range []string{"count", "sum"} {
				loop, found := strings.CutPrefix(name, fmt.Sprintf("koschei_pass_duration_seconds_%s{service=\"", of))
				if !found {
					continue
				}
				loop = strings.TrimSuffix(loop, "\"}")
				w := all[loop]
				if of == "count" {
					w.passes = value
				} else {
					w.seconds = value
				}
				all[loop] = w
			}
		}
	}
	return all
}

// tellDays compares the first day with the last.
func (m *month) tellDays() {
	first, last := m.spent[0], m.spent[len(m.spent)-1]
	for _, l := range m.slots {
		a, b := first.resident[l.service], last.resident[l.service]
		m.t.Logf("%-15s most resident: day 1 %4d MiB, day %d %4d MiB", l.service, a, len(m.spent), b)
		if b > a+a/2 {
			m.t.Errorf("%s grows: %d MiB on the first day, %d MiB on the last", l.service, a, b)
		}
	}
	for _, loop := range slices.Sorted(maps.Keys(first.work)) {
		a, b := first.work[loop], last.work[loop]
		m.t.Logf("%-15s passes: day 1 %6.0f of %7.2f ms, day %d %6.0f of %7.2f ms", loop, a.passes, a.mean(), len(m.spent), b.passes, b.mean())
	}
	builds := int64(0)
	for _, d := range m.spent {
		builds += d.builds
	}
	m.t.Logf("%d builds in %d days; the database has %d MiB", builds, len(m.spent), last.database)
}

// mean is a pass's mean time in milliseconds.
func (w work) mean() float64 { return 1000 * w.seconds / max(1, w.passes) }

// mostWait is how long verdicts on a repo may take, for real.
const mostWait = 5 * time.Second

// tellRepos tells how long it took from each repo of a day to stored verdicts,
// for real.
func (m *month) tellRepos(from, to time.Time) {
	var waits []time.Duration
	for _, repo := range m.record.Repos() {
		if repo.Solved.Before(from) || !repo.Solved.Before(to) || repo.Resolved == koschei.Unattempted {
			continue
		}
		ready, ok := m.world.RepoReady(int(repo.RepoID))
		if !ok {
			m.t.Errorf("repo %d was resolved before it was ready", repo.RepoID)
			continue
		}
		wait := time.Duration(float64(repo.Solved.Sub(ready)) / m.plan.speed)
		waits = append(waits, wait)
		if wait > mostWait {
			m.late++
			m.t.Errorf("verdicts on repo %d took %.1f s", repo.RepoID, wait.Seconds())
		}
	}
	if m.repos += len(waits); len(waits) == 0 {
		m.t.Errorf("day %d: no repo was resolved", len(m.spent))
		return
	}
	slices.Sort(waits)
	m.t.Logf("day %d: %d repos, from ready to stored verdicts %.1f s in the middle, %.1f s at most",
		len(m.spent), len(waits), waits[len(waits)/2].Seconds(), waits[len(waits)-1].Seconds())
}
