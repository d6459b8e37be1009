package resolution_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Two repos of one tag: in the second one bash, lib and its headers are newer,
// and alone is gone.
const world = `-- world --
user root password=secret perms=admin
tag f44
tag f44-old
tag f44-build arches=x86_64 parents=f44
tag old-build arches=x86_64 parents=f44-old
group f44-build build
member f44-build build mandatory bash
member f44-build build mandatory no-such-package
group f44-build more
require f44-build build mandatory more
member f44-build more default coreutils
member f44-build more optional alone
package bash tag=f44
package coreutils tag=f44
package lib tag=f44
package broken tag=f44
package fight tag=f44
package alone tag=f44
package bash tag=f44-old
package coreutils tag=f44-old
package lib tag=f44-old
package alone tag=f44-old
build bash-5-1 tag=f44-old
 binary bash
build bash-6-1 tag=f44
 binary bash
build coreutils-1-1 tag=f44-old
 binary coreutils noarch
build coreutils-2-1 tag=f44
 binary coreutils noarch
build lib-1-1 tag=f44-old
 binary lib
  provides lib.so.1
 binary lib-devel
  requires lib.so.1
build lib-2-1 tag=f44
 binary lib
  provides lib.so.2
 binary lib-devel
  requires lib.so.2
build broken-1-1 tag=f44
 binary broken
  requires gone
build fight-1-1 tag=f44
 binary fight-a
  requires (gone if fight-b)
 binary fight-b
build alone-1-1 tag=f44-old
 binary alone
repo f44-build
repo old-build
`

// numbers interns packages for one test.
type numbers struct {
	mu  sync.Mutex
	ids map[rpm.NEVRA]int32
}

func (n *numbers) intern(_ context.Context, nevras []rpm.NEVRA, _ []depset.Source) ([]int32, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ids := make([]int32, len(nevras))
	for i, nevra := range nevras {
		if n.ids[nevra] == 0 {
			n.ids[nevra] = int32(1000 - len(n.ids)) // not in the order of names
		}
		ids[i] = n.ids[nevra]
	}
	return ids, nil
}

func (n *numbers) names() map[int32]*rpm.NEVRA {
	names := map[int32]*rpm.NEVRA{}
	for nevra, id := range n.ids {
		names[id] = &nevra
	}
	return names
}

// print writes a set as people read it.
func (n *numbers) print(set depset.Set) []string {
	names := n.names()
	texts := []string{}
	for _, m := range set {
		texts = append(texts, fmt.Sprintf("%s/%d", names[m.ID], m.Distance))
	}
	slices.Sort(texts)
	return texts
}

// hub serves the world's repos: those of f44-build and old-build.
func hub(t *testing.T) (repos *resolution.Repos, n *numbers, f44, old string) {
	t.Helper()
	w, err := worldtext.Parse([]byte(world), 1)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(kojihub.New(w, kojisim.NewStepClock(w.Now()), slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	n = &numbers{ids: map[rpm.NEVRA]int32{}}
	repos = &resolution.Repos{
		Files: &repodata.Cache{Dir: t.TempDir(), Client: repodata.NewClient()}, Arch: "x86_64", Intern: n.intern,
	}
	top := server.URL + "/kojifiles/repos/"
	return repos, n, top + "f44-build/1/x86_64", top + "old-build/2/x86_64"
}

func open(t *testing.T, repos *resolution.Repos, url string) *resolution.Repo {
	t.Helper()
	repo, err := repos.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// TestConflicts has BuildConflicts, and boolean BuildRequires that are not met, in
// both ways to take them.
func TestConflicts(t *testing.T) {
	t.Parallel()
	repos, n, f44, _ := hub(t)
	repo := open(t, repos, f44)
	asked := []resolution.Goal{
		{Requires: []string{"lib-devel"}, Conflicts: []string{"lib"}},
		{Requires: []string{"lib-devel"}, Conflicts: []string{"alone"}},
		{Requires: []string{"lib-devel"}},
		{Requires: []string{"(gone and lib)"}},
		{Requires: []string{"lib"}, Conflicts: []string{"(lib"}},
		{Requires: []string{"lib-devel", "alone"}, Conflicts: []string{"lib"}},
	}
	const (
		devel    = "lib-2-1.x86_64/2 lib-devel-2-1.x86_64/1"
		missing  = "BuildRequires: alone: nothing provides it"
		conflict = "BuildRequires: lib-devel; BuildConflicts: lib: package lib-devel-2-1.x86_64 requires lib.so.2, but none of the providers can be installed"
	)
	for _, test := range []struct {
		lenient bool
		want    []string
	}{
		{false, []string{
			conflict,
			devel, devel,
			"BuildRequires: (gone and lib): nothing provides gone",
			`BuildConflicts: (lib: it cannot be read: dependency "(lib", byte 5: the closing ")" is missing`,
			missing + conflict,
		}},
		{true, []string{
			devel, devel, devel,
			"BuildRequires: (gone and lib): nothing provides gone",
			`BuildConflicts: (lib: it cannot be read: dependency "(lib", byte 5: the closing ")" is missing`,
			missing,
		}},
	} {
		answers, err := repo.Resolver(resolution.Options{Lenient: test.lenient}).Resolve(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range answers {
			text := strings.Join(n.print(a.Set), " ")
			got = append(got, strings.Join(append(a.Problems, text), "")) // one of the two is empty
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("lenient %v (-want +got)\n%s", test.lenient, diff)
		}
	}
}

// A wish is what a package requires in the world's newer repo, and the answer.
type wish struct {
	name     string
	requires []string
	want     []string // the set, or
	problems []string
}

func wishes() []wish {
	const fight = "BuildRequires: fight-a, fight-b: package fight-a-1-1.x86_64 requires (gone if fight-b), " +
		"but none of the providers can be installed; nothing provides gone"
	return []wish{
		{"nothing", nil, []string{"bash-6-1.x86_64/0", "coreutils-2-1.noarch/0"}, nil},
		{
			"distances",
			[]string{"lib-devel"},
			[]string{"bash-6-1.x86_64/0", "coreutils-2-1.noarch/0", "lib-2-1.x86_64/2", "lib-devel-2-1.x86_64/1"},
			nil,
		},
		{"boolean", []string{"(bash or alone)"}, []string{"bash-6-1.x86_64/1", "coreutils-2-1.noarch/0"}, nil},
		{"missing", []string{"alone", "lib"}, nil, []string{"BuildRequires: alone: nothing provides it"}},
		{"version", []string{"lib < 2"}, nil, []string{"BuildRequires: lib < 2: nothing provides it; there is lib 2-1"}},
		{
			"two of three",
			[]string{"alone", "broken", "lib"},
			nil,
			[]string{
				"BuildRequires: alone: nothing provides it",
				"BuildRequires: broken: nothing provides gone needed by broken-1-1.x86_64",
			},
		},
		{
			"together only",
			[]string{"fight-a", "fight-b"},
			nil,
			[]string{fight},
		},
		{
			"gone, and the others not together",
			[]string{"fight-a", "alone", "fight-b"},
			nil,
			[]string{"BuildRequires: alone: nothing provides it", fight},
		},
		{
			"boolean that the group makes unmeetable",
			[]string{"(gone if bash)", "(gone if alone)"},
			nil,
			[]string{"BuildRequires: (gone if bash); Buildroot group: bash\n  - they cannot be installed together\n  - nothing provides gone"},
		},
		{
			"unreadable",
			[]string{"lib", "lib >= "},
			nil,
			[]string{`BuildRequires: lib >= : it cannot be read: dependency "lib >= ", byte 8: the version is empty`},
		},
	}
}

func checkAnswer(t *testing.T, n *numbers, test *wish, a *resolution.Answer) {
	t.Helper()
	if diff := cmp.Diff(test.problems, a.Problems); diff != "" {
		t.Fatalf("%s: problems (-want +got):\n%s", test.name, diff)
	}
	if diff := cmp.Diff(append([]string{}, test.want...), n.print(a.Set)); diff != "" {
		t.Fatalf("%s: set (-want +got):\n%s", test.name, diff)
	}
	if !slices.IsSortedFunc(a.Set, func(a, b depset.Member) int { return int(a.ID - b.ID) }) {
		t.Fatalf("%s: the set is not sorted: %v", test.name, a.Set)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	repos, n, f44, _ := hub(t)
	repo := open(t, repos, f44)
	group, err := repo.Group("build", noHub)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bash", "no-such-package", "coreutils"}, group); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	if _, err := repo.Group("other", noHub); !errors.Is(err, errHub) {
		t.Errorf("a group that is not there: the hub is not asked: %v", err)
	}
	tests := wishes()
	for _, goroutines := range []int{1, 4} {
		resolver := repo.Resolver(resolution.Options{Group: group, Goroutines: goroutines})
		var requires [][]string
		for range 20 { // more than one goroutine takes
			for _, test := range tests {
				requires = append(requires, test.requires)
			}
		}
		answers, err := resolver.Resolve(t.Context(), goals(requires))
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range answers {
			checkAnswer(t, n, &tests[i%len(tests)], &a)
		}
		again := goals(requires)
		for i, a := range answers {
			again[i].Known = hashOf(a.Set)
		}
		again[0].Known = hashOf(answers[0].Set[:1])
		known, err := resolver.Resolve(t.Context(), again)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range known {
			if same := i > 0 && answers[i].Resolved(); a.Same != same || (a.Set == nil) != (same || !a.Resolved()) {
				t.Fatalf("%s: the answer is the same: %v, with a set: %v", tests[i%len(tests)].name, a.Same, a.Set != nil)
			}
		}
		if base := resolver.Base(); !cmp.Equal(base.Set, answers[0].Set) {
			t.Errorf("base %v, want %v", base.Set, answers[0].Set)
		}
	}
	bad := repo.Resolver(resolution.Options{Group: []string{"broken"}}).Base()
	if bad.Resolved() || len(bad.Problems) != 1 {
		t.Errorf("a group that cannot be installed: %+v", bad)
	}
}

var errHub = errors.New("the hub is asked")

func noHub() ([]string, error) { return nil, errHub }

func goals(requires [][]string) []resolution.Goal {
	goals := make([]resolution.Goal, len(requires))
	for i := range requires {
		goals[i].Requires = requires[i]
	}
	return goals
}

func hashOf(s depset.Set) []byte {
	hash := s.Hash()
	return hash[:]
}

func TestResolverIsUsedAgain(t *testing.T) {
	t.Parallel()
	repos, _, f44, _ := hub(t)
	repo := open(t, repos, f44)
	options := resolution.Options{Group: []string{"bash"}, Goroutines: 1}
	first := repo.Resolver(options)
	if repo.Resolver(options) == first {
		t.Error("a resolver in use was handed out")
	}
	first.Done()
	if repo.Resolver(resolution.Options{Group: []string{"lib"}, Goroutines: 1}) == first {
		t.Error("a resolver for another group was handed out")
	}
	if repo.Resolver(options) != first {
		t.Error("a resolver that is done was not handed out again")
	}
}

func TestResolveEnds(t *testing.T) {
	t.Parallel()
	repos, _, f44, _ := hub(t)
	repo := open(t, repos, f44)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := repo.Resolver(resolution.Options{}).Resolve(ctx, make([]resolution.Goal, 100)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	repos, n, f44, old := hub(t)
	difference := open(t, repos, f44).Contents.Since(open(t, repos, old).Contents)
	names := n.names()
	text := func(id int32) string {
		if id == 0 {
			return "none"
		}
		return names[id].String()
	}
	var got []string
	for _, c := range difference.Changes(names, difference.Reach()) {
		for i := range c.Prev {
			got = append(got, fmt.Sprintf("%s: %s -> %s", c.Source, text(c.Prev[i]), text(c.Curr[i])))
		}
	}
	want := []string{
		"alone: alone-1-1.x86_64 -> none",
		"bash: bash-5-1.x86_64 -> bash-6-1.x86_64",
		"broken: none -> broken-1-1.x86_64",
		"coreutils: coreutils-1-1.noarch -> coreutils-2-1.noarch",
		"fight: none -> fight-a-1-1.x86_64",
		"fight: none -> fight-b-1-1.x86_64",
		"lib: lib-1-1.x86_64 -> lib-2-1.x86_64",
		"lib: lib-devel-1-1.x86_64 -> lib-devel-2-1.x86_64",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestDistances(t *testing.T) {
	t.Parallel()
	repos, n, f44, old := hub(t)
	answer := func(url string) depset.Set {
		a, err := open(t, repos, url).Resolver(resolution.Options{Group: []string{"bash"}}).Resolve(t.Context(), []resolution.Goal{{Requires: []string{"lib-devel"}}})
		if err != nil {
			t.Fatal(err)
		}
		return a[0].Set
	}
	prev, curr := answer(old), answer(f44)
	gone, come := depset.Diff(prev, curr)
	if len(gone)+len(come) != 6 {
		t.Errorf("%d packages are in one only, want 3 of each", len(gone)+len(come))
	}
	names := n.names()
	var got []string
	for _, c := range koschei.DiffDependencies(dependencies(gone, names), dependencies(come, names)) {
		got = append(got, fmt.Sprintf("%s %s -> %s at %d", c.Name, c.Prev.EVR, c.Curr.EVR, c.Distance))
	}
	want := []string{"lib-devel 1-1 -> 2-1 at 1", "lib 1-1 -> 2-1 at 2", "bash 5-1 -> 6-1 at 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	distances := resolution.Distances(gone, come, names)
	if want := (koschei.Distances{1: 1, 2: 1, koschei.NoDistance: 1}); distances != want {
		t.Errorf("changes by distance %v, want %v", distances, want)
	}
	if p := koschei.DefaultPriorityRules().Dependency(distances); p != 256+128+32 {
		t.Errorf("priority %d", p)
	}
}

// dependencies are the members of a set in the order of package koschei.
func dependencies(set depset.Set, names map[int32]*rpm.NEVRA) (all []koschei.Dependency) {
	for _, m := range set {
		all = append(all, koschei.Dependency{NEVRA: *names[m.ID], Distance: int(m.Distance)})
	}
	slices.SortFunc(all, koschei.CompareDependencies)
	return all
}

// TestDistancesAreThoseOfTheChanges compares what is counted with what is listed.
func TestDistancesAreThoseOfTheChanges(t *testing.T) {
	t.Parallel()
	names := map[int32]*rpm.NEVRA{}
	for id := range int32(30) {
		names[id] = &rpm.NEVRA{Name: string(rune('a' + id/4)), EVR: rpm.EVR{Version: strconv.Itoa(int(id))}, Arch: "noarch"}
	}
	sets := rapid.Custom(func(t *rapid.T) depset.Set {
		members := rapid.MapOf(rapid.Int32Range(0, 29), rapid.Uint8Range(0, 4)).Draw(t, "members")
		var set depset.Set
		for _, id := range slices.Sorted(maps.Keys(members)) {
			set = append(set, depset.Member{ID: id, Distance: members[id]})
		}
		return set
	})
	rapid.Check(t, func(t *rapid.T) {
		prev, curr := sets.Draw(t, "prev"), sets.Draw(t, "curr")
		var want koschei.Distances
		for _, c := range koschei.DiffDependencies(dependencies(prev, names), dependencies(curr, names)) {
			want[c.Distance]++
		}
		gone, come := depset.Diff(prev, curr)
		if got := resolution.Distances(gone, come, names); got != want {
			t.Fatalf("changes by distance %v, want %v", got, want)
		}
	})
}

func TestDiffers(t *testing.T) {
	t.Parallel()
	set := depset.Set{{ID: 1, Distance: 1}, {ID: 2}}
	hash, other := set.Hash(), set[:1].Hash()
	resolved := resolution.Answer{Set: set, Hash: hash[:]}
	unresolved := resolution.Answer{Problems: []string{"b", "a"}}
	tests := []struct {
		name   string
		answer resolution.Answer
		stored depset.Candidate
		want   bool
	}{
		{"new", resolved, depset.Candidate{Resolution: koschei.Unattempted}, true},
		{"new, but once the same", resolved, depset.Candidate{Resolution: koschei.Unattempted, SetHash: hash[:]}, true},
		{"same set", resolved, depset.Candidate{Resolution: koschei.Resolved, SetHash: hash[:]}, false},
		{"other set", resolved, depset.Candidate{Resolution: koschei.Resolved, SetHash: other[:]}, true},
		{"broken", unresolved, depset.Candidate{Resolution: koschei.Resolved, SetHash: hash[:]}, true},
		{"same problems", unresolved, depset.Candidate{Resolution: koschei.Unresolved, Problems: []string{"a", "b"}}, false},
		{"other problems", unresolved, depset.Candidate{Resolution: koschei.Unresolved, Problems: []string{"a"}}, true},
		{"mended", resolved, depset.Candidate{Resolution: koschei.Unresolved, Problems: []string{"a"}}, true},
	}
	for _, test := range tests {
		if got := test.answer.Differs(&test.stored); got != test.want {
			t.Errorf("%s: differs %v", test.name, got)
		}
	}
}

func TestRepos(t *testing.T) {
	t.Parallel()
	repos, _, f44, old := hub(t)
	repos.Keep = 1
	if _, err := repos.Open(t.Context(), f44+"/nowhere", nil); err == nil {
		t.Error("a repo that is not there was opened")
	}
	opened := make(chan *resolution.Repo)
	for range 8 {
		go func() {
			repo, err := repos.Open(t.Context(), f44, nil)
			if err != nil {
				t.Error(err)
			}
			opened <- repo
		}()
	}
	first := <-opened
	for range 7 {
		if repo := <-opened; repo != first {
			t.Error("a repo was loaded twice")
		}
	}
	repos.Forget()
	again := open(t, repos, f44)
	if again == first {
		t.Error("a forgotten repo was kept")
	}
	open(t, repos, old)
	if open(t, repos, f44) == again {
		t.Error("two repos were kept, want one")
	}
}
