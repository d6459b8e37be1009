package chaos

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
)

// A plan is how long the test runs and how hard.
type plan struct {
	seed     int64
	packages int
	speed    float64       // domain seconds in a real one
	kills    int           // at least
	atLeast  time.Duration // real time of trouble
	atMost   time.Duration
	patience time.Duration // for what must happen after the trouble

	dueAfter  time.Duration // domain time after which a package is built again
	lease     time.Duration
	callLimit time.Duration

	goroutines int // that resolve, in each process

	// Means of real time between two of a kind.
	killEvery, freezeEvery, outageEvery, databaseEvery, busEvery, outsideEvery time.Duration
}

// planFrom reads KOSCHEI_CHAOS, short or long, and KOSCHEI_CHAOS_SEED.
func planFrom(t *testing.T) plan {
	t.Helper()
	p := plan{
		seed: time.Now().UnixNano() % 1e6, lease: 2 * time.Second, callLimit: 2 * time.Second,
		freezeEvery: 8 * time.Second, outageEvery: 5 * time.Second, databaseEvery: 20 * time.Second, busEvery: 30 * time.Second, outsideEvery: 5 * time.Second,
		goroutines: 1,
	}
	switch os.Getenv("KOSCHEI_CHAOS") {
	case "":
		t.Skip("KOSCHEI_CHAOS is not set; see make chaos")
	case "short":
		p.packages, p.speed, p.kills, p.killEvery = 60, 5760, 60, 900*time.Millisecond
		p.databaseEvery, p.outsideEvery = 5*time.Second, 2*time.Second
		p.dueAfter = 8 * time.Hour
		p.atLeast, p.atMost, p.patience = 40*time.Second, 2*time.Minute, 90*time.Second
	case "long":
		p.packages, p.speed, p.kills, p.killEvery = 150, 2400, 1000, 850*time.Millisecond
		p.dueAfter = 20 * time.Hour
		p.atLeast, p.atMost, p.patience = 12*time.Minute, 25*time.Minute, 5*time.Minute
	default:
		t.Fatal("KOSCHEI_CHAOS: it must be short or long")
	}
	if text := os.Getenv("KOSCHEI_CHAOS_SEED"); text != "" {
		seed, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatalf("KOSCHEI_CHAOS_SEED: %v", err)
		}
		p.seed = seed
	}
	return p
}

// luck returns the numbers of one who makes trouble.
func (p *plan) luck(who uint64) *rand.Rand { return rand.New(rand.NewPCG(uint64(p.seed), who)) }

// domain is how much domain time passes in a real one.
func (p *plan) domain(d time.Duration) time.Duration {
	return time.Duration(float64(d) * p.speed).Round(time.Minute)
}

// world is a small distribution whose repos do not last.
func (p *plan) world(t *testing.T) *kojisim.World {
	t.Helper()
	w, err := distro.Generate(t.Context(), distro.Options{
		Packages: p.packages, Seed: p.seed, History: 3 * 24 * time.Hour, Updates: float64(p.packages) / 6,
		Rules: &kojisim.Rules{
			RepoEvery: 3 * time.Hour, RepoKeep: 3, RepoDeleteAfter: 18 * time.Hour, FreedTasks: 0.05, Infrastructure: 0.1,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestChaos makes trouble for a while, ends it, has every package built once
// more in the last repo, and compares.
func TestChaos(t *testing.T) {
	p := planFrom(t)
	t.Logf("seed %d: KOSCHEI_CHAOS_SEED=%d repeats the plan", p.seed, p.seed)
	s := newStage(t, p)
	s.open(p.world(t), "fsync=off", "shared_buffers=64MB") // processes die, the machine does not
	s.wire = startWire(t, s.server.cluster.SocketDir())
	s.list = newOwnersList(t, p.luck(2000), s.packageNames())
	s.addCollection(collection, collection, 1)
	s.addSides(s.sides())
	s.cast(append(services(), services()...)...)
	s.cast("owners", "owners", "frontend")
	s.start()
	s.trackSides(s.sides(), 10)
	s.awaitFirstBuilds()

	defer s.report()
	s.trouble(t.Context())
	s.worst()
	s.recover()
	repo := s.lastRepo()
	s.buildAll(repo)
	s.finish()
	s.judge(repo)
	s.stop()
}

// worstTrouble is what a test that has met none of has tested little. It is rare
// enough that chance may have none in a minute.
func worstTrouble() []string {
	return []string{
		killedAfter.String() + " a submission", heldUp.String() + " a submission", "freezes",
		"database: connections black-holed", "database: read only", "database: jumps of the clock",
		"repos resolved while others dripped", "clients that read nothing",
	}
}

// enough reports whether there were enough kills, all kinds of the worst, and
// builds that failed through their own fault and through the builders'.
func (s *stage) enough() bool {
	if s.counts.of("kills") < s.plan.kills ||
		slices.ContainsFunc(worstTrouble(), func(what string) bool { return s.counts.of(what) == 0 }) {
		return false
	}
	infrastructure, failed := false, false
	for _, v := range s.world.Verdicts() {
		infrastructure = infrastructure || v.Cause == kojisim.CauseInfrastructure
		failed = failed || v.Cause != kojisim.CauseInfrastructure && v.Cause != kojisim.CauseNone
	}
	return infrastructure && failed
}

// trouble lets all kinds of trouble happen at once until there was enough of
// it. When it returns, all of them are over.
func (s *stage) trouble(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.plan.atMost)
	defer cancel()
	var makers sync.WaitGroup
	for i, make := range []func(context.Context, *rand.Rand){
		s.killing, s.freezing, s.hubOutages, s.databaseOutages, s.busOutages, s.outside, s.gluttony, s.tracking, s.watching,
	} {
		makers.Go(func() { make(ctx, s.plan.luck(uint64(i))) })
	}
	s.meddler.start()
	began := time.Now()
	for pause(ctx, 100*time.Millisecond) {
		if time.Since(began) >= s.plan.atLeast && s.enough() {
			cancel()
		}
	}
	s.meddler.stop()
	makers.Wait()
	s.lasted = time.Since(began)
	if got := s.counts.of("kills"); got < s.plan.kills {
		s.t.Errorf("%d kills in %s, want %d", got, time.Since(began).Round(time.Second), s.plan.kills)
	}
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// after draws a wait around a mean.
func after(luck *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(luck.ExpFloat64() * float64(mean))
}

// await polls until done returns "" and otherwise fails with what it says is
// missing.
func (s *stage) await(what string, done func() string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), s.plan.patience)
	defer cancel()
	began := time.Now()
	for {
		missing := done()
		if missing == "" {
			s.t.Logf("%s: after %s", what, time.Since(began).Round(10*time.Millisecond))
			return
		}
		if !pause(ctx, 100*time.Millisecond) {
			s.t.Fatalf("%s: not within %s: %s", what, s.plan.patience, missing)
		}
	}
}

// counts is what is counted by name.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) add(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[name] += n
}

func (c *counts) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

// names are those of all that was counted, sorted.
func (c *counts) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.n))
}

// most keeps the greatest n of that name.
func (c *counts) most(name string, n int) {
	c.add(name, max(0, n-c.of(name)))
}
