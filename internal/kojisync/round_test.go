package kojisync

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
)

// counted makes the fixture's calls to the hub be counted by method.
func (f *fixture) counted() (take func() []string) {
	f.t.Helper()
	var mu sync.Mutex
	calls := map[string]int{}
	client, err := koji.New(koji.Config{
		Server: f.url + "/kojihub", Login: koji.Login{User: "koschei", Password: "secret"},
		Retry: koji.Retry{Attempts: 2, Min: 1, Max: 1},
		Observe: func(method string, _ koji.Class, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			calls[method]++
		},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.Primary = client
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		got := []string{}
		for _, m := range slices.Sorted(maps.Keys(calls)) {
			got = append(got, fmt.Sprintf("%s %d", m, calls[m]))
		}
		clear(calls)
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
	for _, name := range f.query(`SELECT name FROM collection WHERE name <> 'whole' ORDER BY name`) {
		c, err := f.DB.Collection(f.t.Context(), name)
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
	f.exec(`INSERT INTO collection (name, display_name, target, dest_tag, build_tag) VALUES ($1, $1, 'f40', 'f40', 'f40-build')`, name)
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
	check("the first time", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "listPackages 1", "listTagged 1", "multiCall 4")
	f.exec(`UPDATE package SET tracked = true`)
	f.round(0)
	check("nothing changed", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "tagChangedSinceEvent 1")
	f.administer("tagBuildBypass", "f40", "foo-2-1")
	f.round(0)
	check("one build was tagged", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "multiCall 7", "tagChangedSinceEvent 1")
	if got := f.builds("foo"); len(got) != 4 {
		t.Errorf("builds of foo: %v, want two in each collection", got)
	}
	f.round(0)
	check("nothing changed again", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "tagChangedSinceEvent 1")
	f.clock.Step(7 * time.Hour)
	f.round(0)
	check("it is time for everything", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "listPackages 1", "listTagged 1")
	f.exec(`UPDATE tag_cursor SET basis = 'another inheritance'`)
	f.round(0)
	check("the inheritance changed", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "listPackages 1", "listTagged 1")
	f.exec(`UPDATE tag_cursor SET pending = '{bash}'`)
	f.round(0)
	check("something is left over", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "multiCall 2", "tagChangedSinceEvent 1")
	f.round(0)
	check("nothing is left", "getFullInheritance 1", "getLastEvent 1", "getTag 1", "tagChangedSinceEvent 1")
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
	record := func(collection string) []string {
		return f.query(`
			SELECT concat_ws(' ', p.name, p.blocked, b.version, b.event, b.untagged, b.id = p.last_build_id)
			FROM package p JOIN collection c ON c.id = p.collection_id LEFT JOIN build b ON b.package_id = p.id
			WHERE c.name = $1 ORDER BY p.name, b.event, b.version`, collection)
	}
	luck := rand.New(rand.NewPCG(1, 2))
	builds := []string{"foo-1-1", "foo-2-1", "docs-1-1", "bash-5-1"}
	changes := 0
	for step := range 40 {
		for range luck.IntN(3) {
			b := builds[luck.IntN(len(builds))]
			switch luck.IntN(6) {
			case 0:
				f.administer("tagBuildBypass", "f40", b) // whether or not it was there
				f.administer("untagBuildBypass", "f40", b)
				f.administer("tagBuildBypass", "f40", "bash-5-1") // or the tag is empty
			case 1:
				f.happens("block docs tag=f40")
			case 2:
				f.happens("unblock docs tag=f40")
			case 3:
				f.happens(fmt.Sprintf("package new%d tag=f40", step))
			default:
				f.administer("tagBuildBypass", "f40", b)
			}
			changes++
		}
		f.round(1000 * time.Hour)
		whole()
		if diff := cmp.Diff(record("whole"), record("f40")); diff != "" {
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
	f.exec(`UPDATE collection SET poll_untracked = false`)
	f.round(0)
	f.round(0)
	if got := f.builds("foo"); len(got) != 0 {
		t.Fatalf("builds of foo, which is not tracked: %v", got)
	}
	f.exec(`UPDATE package SET tracked = true WHERE name = 'foo'`)
	f.round(0)
	if got := f.builds("foo"); len(got) != 1 {
		t.Errorf("builds of foo, which is tracked: %v, want one", got)
	}
}
