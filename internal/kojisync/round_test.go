package kojisync_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// counted describes the calls to the hub by method, those since the last time.
func (f *fixture) counted() (take func() []string) {
	before := f.AllCalls()
	return func() []string {
		got, now := []string{}, f.AllCalls()
		for _, method := range slices.Sorted(maps.Keys(now)) {
			if n := now[method] - before[method]; n > 0 {
				got = append(got, fmt.Sprintf("%s %d", method, n))
			}
		}
		before = now
		return got
	}
}

// happens lets something happen at the hub.
func (f *fixture) happens(line string) {
	f.t.Helper()
	if err := worldtext.Amend(f.hub, line); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) round(full time.Duration) {
	f.t.Helper()
	r := f.NewRound(full)
	for _, row := range f.Collections() {
		if row.Name == "whole" {
			continue
		}
		c, err := f.DB.Collection(f.t.Context(), row.Name)
		if err != nil {
			f.t.Fatal(err)
		}
		if err := r.Destination(f.t.Context(), c); err != nil {
			f.t.Fatal(err)
		}
	}
}

// another adds a collection of the same tag.
func (f *fixture) another(name string) {
	f.Collection(name, pgtest.Target("f40"), pgtest.DestTag("f40"), pgtest.BuildTag("f40-build"))
}

// TestRoundAsksLittle counts what a hub is asked for in a round.
func TestRoundAsksLittle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.another("f40-twin")
	take := f.counted()
	check := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, take()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	f.round(0)
	check("the first time", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "listPackages 1", "listTagged 1", "multiCall 6", "tagChangedSinceEvent 1")
	f.TrackAll()
	f.round(0)
	check("nothing changed", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "multiCall 2", "tagChangedSinceEvent 1")
	f.Administer("tagBuildBypass", "f40", "foo-2-1")
	f.round(0)
	check("one build was tagged", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "multiCall 8", "tagChangedSinceEvent 1")
	if got := f.builds("foo"); len(got) != 4 {
		t.Errorf("builds of foo: %v, want two in each collection", got)
	}
	f.round(0)
	check("nothing changed again", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "multiCall 2", "tagChangedSinceEvent 1")
	f.clock.Step(7 * time.Hour)
	f.round(0)
	check("it is time for everything", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "listPackages 1", "listTagged 1", "multiCall 2", "tagChangedSinceEvent 1")
	f.SetTagBasis("another inheritance")
	f.round(0)
	check("the inheritance changed", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "listPackages 1", "listTagged 1", "multiCall 2", "tagChangedSinceEvent 1")
	f.LeaveOver("bash")
	f.round(0)
	check("something is left over", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "multiCall 4", "tagChangedSinceEvent 1")
	f.round(0)
	check("nothing is left", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "multiCall 2", "tagChangedSinceEvent 1")
}

// record describes a collection's packages and builds.
func (f *fixture) record(collection string) []string {
	f.t.Helper()
	var lines []string
	for _, p := range f.PackagesIn(collection) {
		lines = append(lines, fmt.Sprint(p.Name, " ", p.Blocked))
	}
	for _, b := range f.Builds() {
		if b.Collection == collection {
			lines = append(lines, fmt.Sprint(b.Package, " ", b.Version, " ", b.Event, " ", b.Untagged, " ", b.Last))
		}
	}
	return lines
}

// TestRoundFollows compares what rounds come to with what asking for everything
// comes to, while builds are tagged and untagged and packages blocked.
func TestRoundFollows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.another("whole")
	whole := func() {
		c, err := f.DB.Collection(t.Context(), "whole")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.PackageList(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if err := f.TaggedBuilds(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	luck := rand.New(rand.NewPCG(1, 2))
	builds := []string{"foo-1-1", "foo-2-1", "docs-1-1", "bash-5-1"}
	changes := 0
	for step := range 40 {
		for range luck.IntN(3) {
			b := builds[luck.IntN(len(builds))]
			switch luck.IntN(6) {
			case 0:
				f.Administer("tagBuildBypass", "f40", b) // whether or not it was there
				f.Administer("untagBuildBypass", "f40", b)
				f.Administer("tagBuildBypass", "f40", "bash-5-1") // or the tag is empty
			case 1:
				f.happens("block docs tag=f40")
			case 2:
				f.happens("unblock docs tag=f40")
			case 3:
				f.happens(fmt.Sprintf("package new%d tag=f40", step))
			default:
				f.Administer("tagBuildBypass", "f40", b)
			}
			changes++
		}
		f.round(1000 * time.Hour)
		whole()
		if diff := cmp.Diff(f.record("whole"), f.record("f40")); diff != "" {
			t.Fatalf("step %d (-everything +changes):\n%s", step, diff)
		}
		f.clock.Step(time.Minute)
	}
	if changes < 20 {
		t.Errorf("only %d changes", changes)
	}
}

// TestRoundUntracked records the builds of a package from when it is tracked.
func TestRoundUntracked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.SetCollection("f40", pgtest.OnlyTracked())
	f.round(0)
	f.round(0)
	if got := f.builds("foo"); len(got) != 0 {
		t.Fatalf("builds of foo, which is not tracked: %v", got)
	}
	f.SetPackage("foo", pgtest.Tracked(true))
	f.round(0)
	if got := f.builds("foo"); len(got) != 1 {
		t.Errorf("builds of foo, which is tracked: %v, want one", got)
	}
}

// What changes alone did not bring is noticed, told and counted when everything is
// asked for. What has changed meanwhile was not missed.
func TestMissedChangesAreTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var log bytes.Buffer
	f.Log = slog.New(slog.NewTextHandler(&log, nil))
	registry := prometheus.NewRegistry()
	f.Metrics = kojisync.NewMetrics(registry)
	missed := func() (n float64) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == "koschei_missed_packages_total" {
				n = family.GetMetric()[0].GetCounter().GetValue()
			}
		}
		return n
	}
	f.round(0)
	f.TrackAll()
	f.Administer("tagBuildBypass", "f40", "foo-2-1")
	f.clock.Step(7 * time.Hour)
	f.round(0)
	if got := missed(); got != 0 || strings.Contains(log.String(), "missed") {
		t.Errorf("%v missed, want none:\n%s", got, log.String())
	}
	f.Administer("untagBuildBypass", "f40", "foo-2-1")
	f.happens("block docs tag=f40")
	f.clock.Step(2 * time.Hour)
	last := f.hub.World().Status().Events
	f.happens(fmt.Sprint("event ", last+1)) // so that the others are of long ago
	f.SetTagEvent(int64(last))              // as if they had been known
	f.round(0)
	f.clock.Step(7 * time.Hour)
	f.round(0)
	want := `msg="changes of a tag were missed until everything was asked for" collection=f40 packages=2 about="docs foo"`
	if got := missed(); got != 2 || !strings.Contains(log.String(), want) {
		t.Errorf("%v missed, want 2, and told:\n%s", got, log.String())
	}
}
