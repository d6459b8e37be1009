package chaos

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
)

// TestSiege has one thing at a time go badly outside of Koschei, for long, and
// measures what becomes of the rest. Each part prints its figures; those of a part
// are compared with others of the same part, taken before.
func TestSiege(t *testing.T) {
	if os.Getenv("KOSCHEI_SIEGE") == "" {
		t.Skip("KOSCHEI_SIEGE is not set; see make siege")
	}
	t.Run("crowd", siegeCrowd)
	t.Run("black hole", siegeBlackHole)
	t.Run("read only", siegeReadOnly)
	t.Run("clock", siegeClock)
	t.Run("drip", siegeDrip)
	t.Run("hostile hub", siegeHostileHub)
}

// A siege is a stage whose processes work as fast as in production.
type siege struct {
	*stage
}

// siegePlan has domain time pass as real time does.
func siegePlan() plan {
	return plan{
		seed: 1, packages: 400, speed: 1, patience: 3 * time.Minute, lease: 15 * time.Second, callLimit: 20 * time.Second,
		dueAfter: 20 * time.Hour, goroutines: 1,
	}
}

// newSiege has a process for each of the services, and for all packages verdicts.
func newSiege(t *testing.T, p plan, services ...string) *siege {
	t.Helper()
	s := &siege{stage: newStage(t, p)}
	s.open(s.calm(t), "fsync=off", "shared_buffers=128MB")
	s.wire = startWire(t, s.server.cluster.SocketDir())
	s.list = newOwnersList(t, p.luck(2000), s.packageNames())
	s.list.change()
	s.list.recover()
	s.addCollection(collection, collection, 1)
	s.cast(services...)
	for _, l := range s.slots {
		l.extra = s.intervals()
	}
	return s
}

// calm is a distribution in which nothing is wrong on purpose.
func (s *siege) calm(t *testing.T) *kojisim.World {
	t.Helper()
	w, err := distro.Generate(t.Context(), distro.Options{
		Packages: s.plan.packages, Seed: s.plan.seed, History: 3 * 24 * time.Hour, Updates: max(10, float64(s.plan.packages)/6),
		Rules: &kojisim.Rules{RepoEvery: 30 * time.Minute, RepoKeep: 5},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// intervals are those of production where these are short. Others are shortened, in
// real time: a service that has nothing to do for twenty minutes shows nothing.
func (s *siege) intervals() []string {
	var env []string
	for key, interval := range map[string]time.Duration{
		"POLLING_INTERVAL": 10 * time.Second, "POLLING_BUILDS_INTERVAL": 5 * time.Second, "LOG_READER_INTERVAL": 5 * time.Second,
		"REPO_RESOLVER_INTERVAL": 3 * time.Second, "BUILDS_INTERVAL": 3 * time.Second, "SCHEDULER_INTERVAL": 3 * time.Second,
		"OWNERS_INTERVAL": time.Minute,
	} {
		env = append(env, fmt.Sprintf("KOSCHEI_%s=%v", key, max(s.plan.domain(interval), interval)))
	}
	return env
}

// begin starts the processes and waits until all is tracked, resolved and at work.
func (s *siege) begin() {
	s.t.Helper()
	began := time.Now()
	s.start()
	names := s.packageNames()
	s.await("verdicts on all packages", func() string {
		for _, name := range s.record.CollectionsToTrack() {
			if _, err := s.db.TrackPackages(s.t.Context(), s.author(), name, nil, true); err != nil {
				return err.Error()
			}
		}
		if n := s.record.PackagesWithVerdict(); n < int64(len(s.record.Collections())*len(names)*98/100) {
			return fmt.Sprintf("there are %d", n)
		}
		return ""
	})
	s.awaitWork("the start", began, time.Since(began)+s.plan.patience)
}

// loops are the loops of the services that the siege has, each with the service.
func (s *siege) loops() map[string]string {
	all := map[string]string{"polling-builds": "polling"}
	for _, name := range append(services(), "owners") {
		there := slices.ContainsFunc(s.slots, func(l *slot) bool { return l.service == name || l.service == "all" })
		if there && name != "watcher" { // it works when it hears something
			all[name] = name
		}
	}
	return all
}

// awaitWork waits until every loop has had a good pass since then, a frontend shows a
// page and all processes are ready. It prints how long each took, and returns the
// longest.
func (s *siege) awaitWork(after string, since time.Time, most time.Duration) time.Duration {
	s.t.Helper()
	took := map[string]time.Duration{}
	loops := s.loops()
	note := func(what string, works bool) {
		if _, known := took[what]; works && !known {
			took[what] = time.Since(since)
		}
	}
	for pause(s.t.Context(), 100*time.Millisecond) {
		for loop, service := range loops {
			note(loop, s.worked(service, loop, since))
		}
		for _, l := range s.slots {
			if l.service == "frontend" || l.service == "all" {
				note("a page", ask(s.t.Context(), l.where(), "/packages").good())
			}
			note("ready: "+l.name, ask(s.t.Context(), l.where(), "/readyz").status == 200)
		}
		if want := len(loops) + len(s.slots) + s.pages(); len(took) == want || time.Since(since) > most+s.plan.patience {
			break
		}
	}
	longest, texts := time.Duration(0), []string{}
	for _, what := range slices.Sorted(maps.Keys(took)) {
		longest = max(longest, took[what])
		if !strings.HasPrefix(what, "ready: ") {
			texts = append(texts, fmt.Sprintf("%s %.1f s", what, took[what].Seconds()))
		}
	}
	s.t.Logf("after %s: at work again after %.1f s: %s", after, longest.Seconds(), strings.Join(texts, ", "))
	for loop := range loops {
		if _, works := took[loop]; !works {
			s.t.Errorf("after %s: %s did not work again", after, loop)
		}
	}
	if longest > most {
		s.t.Errorf("after %s: at work again after %v, want at most %v", after, longest.Round(time.Millisecond), most)
	}
	return longest
}

func (s *siege) pages() int {
	if slices.ContainsFunc(s.slots, func(l *slot) bool { return l.service == "frontend" || l.service == "all" }) {
		return 1
	}
	return 0
}

// worked reports whether a loop has had a good pass since then. Owners are asked
// for once a minute: there it is enough that no pass has failed since the last good
// one.
func (s *siege) worked(service, loop string, since time.Time) bool {
	return slices.ContainsFunc(s.slots, func(l *slot) bool {
		if l.service != service && l.service != "all" {
			return false
		}
		last := l.lastSuccess(loop)
		return last > float64(since.UnixMilli())/1e3 || loop == "owners" && last > 0 && !l.failing(loop)
	})
}

// failing reports whether the last pass of a loop failed, as far as the log tells.
func (l *slot) failing(loop string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fails[loop]
}

// besieged are the services of a siege with a process each.
func besieged() []string { return append(services(), "owners", "frontend") }

// siegeBlackHole: the machine of the database vanishes without a word, and another
// one answers at its address.
func siegeBlackHole(t *testing.T) {
	s := newSiege(t, siegePlan(), besieged()...)
	s.begin()
	for _, late := range []bool{false, true} {
		vanished := time.Now()
		findsOut, how := time.Duration(0), "a black hole, the server knows at once"
		if late {
			findsOut, how = 20*time.Second, "a black hole, the server knows after 20 s"
		}
		n, err := s.wire.blackHole(func() bool { return true }, findsOut)
		if err != nil || n == 0 {
			t.Fatalf("%d connections black-holed: %v", n, err)
		}
		t.Logf("%d connections lead nowhere", n)
		s.awaitWork(how, vanished, 45*time.Second)
	}
	s.end()
}

// siegeReadOnly: the database takes no writes for a minute.
func siegeReadOnly(t *testing.T) {
	s := newSiege(t, siegePlan(), besieged()...)
	s.begin()
	if err := s.record.SetReadOnly(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := s.record.EndAllConnections(t.Context()); err != nil {
		t.Fatal(err)
	}
	bad := 0
	for began := time.Now(); time.Since(began) < time.Minute; pause(t.Context(), time.Second) {
		for _, l := range s.slots {
			if l.service == "frontend" && !ask(t.Context(), l.where(), "/packages").good() {
				bad++
			}
		}
	}
	if bad > 2 { // the connections that were ended
		t.Errorf("while the database was read only a page was not there %d times", bad)
	}
	if err := s.record.SetReadOnly(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	s.awaitWork("a minute of a database that is read only", time.Now(), 15*time.Second)
	s.end()
}

// siegeDrip: the files of two of five collections come a byte at a time.
func siegeDrip(t *testing.T) {
	const rounds = 8
	p := siegePlan()
	p.packages, p.speed = 150, 300
	p.dueAfter = 40 * 24 * time.Hour
	s := newSiege(t, p, services()...)
	s.world.SetRules(kojisim.Rules{RepoEvery: 30 * time.Minute, RepoKeep: 5})
	sides := []string{"side1", "side2", "side3", "side4"}
	s.addSides(sides)
	s.start()
	s.trackSides(sides, 150)
	s.await("all at a repo", func() string {
		s.trackAll()
		for _, name := range append([]string{collection}, sides...) {
			if at := s.record.CollectionRow(name); at.LatestRepoResolved != koschei.Resolved {
				return fmt.Sprintf("%s is at %+v", name, at)
			}
		}
		return ""
	})
	others := []string{collection, "side2", "side4"}
	var usual, dripping []time.Duration
	met := map[string]int{}
	for range 4 { // in turn, so that both meet the same machine
		usual = append(usual, s.rounds(others, rounds/4)...)
		s.drip.begin("side1-build", "side3-build")
		dripping = append(dripping, s.rounds(others, rounds/4)...)
		for tag, n := range s.drip.end() {
			met[tag] += n
		}
	}
	ratio := mean(dripping).Seconds() / mean(usual).Seconds()
	t.Logf("repo to verdicts, %d repos of three collections: usually %.2f s in the mean, %.2f s at most; while two others drip %.2f s, %.2f s; ratio %.2f; files that dripped %v",
		len(usual), mean(usual).Seconds(), slices.Max(usual).Seconds(), mean(dripping).Seconds(), slices.Max(dripping).Seconds(), ratio, met)
	if len(met) != 2 {
		t.Errorf("files of %v dripped, want those of two", met)
	}
	if slow := mean(dripping) - mean(usual); ratio > 1.5 && slow > time.Second {
		t.Errorf("others took %.2f times as long", ratio)
	}
	s.await("those that dripped are resolved", func() string {
		for _, name := range sides {
			if newest, at := s.newestRepo(name+"-build"), s.record.CollectionRow(name); int(at.LatestRepoID) < newest {
				return fmt.Sprintf("%s has repo %d, the record %d", name, newest, at.LatestRepoID)
			}
		}
		return ""
	})
	s.end()
}

// rounds follows collections through so many repos each.
func (s *siege) rounds(names []string, n int) []time.Duration {
	s.t.Helper()
	var all []time.Duration
	for range n {
		took := s.follow(s.t.Context(), names, s.plan.patience)
		if len(took) < len(names) {
			s.t.Fatalf("of %v only %v were resolved", names, took)
		}
		all = slices.AppendSeq(all, maps.Values(took))
	}
	return all
}

func mean(all []time.Duration) time.Duration {
	sum := time.Duration(0)
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(max(1, len(all)))
}

// end wants all processes to have lived through it, and ends them.
func (s *siege) end() {
	s.t.Helper()
	if n := s.counts.of("ended by themselves"); n > 0 {
		s.t.Errorf("%d processes have ended by themselves", n)
	}
	s.stop()
	for _, bad := range s.record.Contradictions() {
		s.t.Errorf("%s", bad)
	}
}
