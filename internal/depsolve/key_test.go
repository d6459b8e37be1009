package depsolve_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// An answered goal.
type answered struct {
	Result    depsolve.Result
	Distances []uint8
}

func answerOf(s *depsolve.Solver, g depsolve.Goal) answered {
	r := s.Solve(g)
	return answered{r, s.Distances(r.Packages)}
}

// TestKey asks for the same things in another order, and for some of them
// twice. Where the key stays the same the answer must.
func TestKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		s := w.universe().NewSolver(depsolve.SolverOptions{WeakDeps: rapid.Bool().Draw(t, "weak")})
		for _, requires := range w.goals {
			if len(requires) == 0 {
				continue
			}
			other := append(rapid.Permutation(requires).Draw(t, "other"), requires[0])
			if string(s.AppendKey(nil, requires)) != string(s.AppendKey(nil, other)) {
				continue
			}
			want := answerOf(s, depsolve.Goal{Group: w.group, Requires: requires})
			learned := s.Learned()
			got := answerOf(s, depsolve.Goal{Group: w.group, Requires: other})
			if diff := cmp.Diff(want, got); diff != "" && !learned && !s.Learned() {
				t.Fatalf("%v\n%v and %v have one key (-first +second)\n%s", w, requires, other, diff)
			}
		}
	})
}

// TestKeyOfSources looks at all sources of a distribution that have one key.
func TestKeyOfSources(t *testing.T) {
	d := load(t, bookworm)
	s := d.universe.NewSolver(depsolve.SolverOptions{})
	answers := make(map[string]answered)
	same := 0
	for i := 0; i < len(d.sources); i += stride {
		goal := d.goal(i)
		key := string(s.AppendKey(nil, goal.Requires))
		got := answerOf(s, goal)
		if s.Learned() {
			continue
		}
		want, ok := answers[key]
		if !ok {
			answers[key] = got
			continue
		}
		same++
		if !slices.Equal(want.Result.Packages, got.Result.Packages) || !slices.Equal(want.Distances, got.Distances) {
			t.Errorf("%s has another answer than one with its key", d.sources[i].name)
		}
	}
	if same == 0 {
		t.Error("no two sources have one key")
	}
}

// TestKeyTells asks for different things.
func TestKeyTells(t *testing.T) {
	t.Parallel()
	b := depsolve.NewBuilder(depsolve.Options{Arch: "x86_64"})
	repo := b.AddRepo("repo", 99)
	for _, name := range []string{"a", "b", "c"} {
		p := &rpm.Package{NEVRA: rpm.NEVRA{Name: name, EVR: rpm.EVR{Version: "2", Release: "1"}, Arch: "noarch"}}
		if name != "a" {
			p.Provides = []rpm.Relation{{Name: "b-or-c"}}
		}
		if _, err := b.Add(repo, p); err != nil {
			t.Fatal(err)
		}
	}
	s := b.Universe().NewSolver(depsolve.SolverOptions{})
	key := func(requires ...string) string {
		var relations []rpm.Relation
		for _, text := range requires {
			r, err := rpm.ParseRelation(text)
			if err != nil {
				t.Fatal(err)
			}
			relations = append(relations, r)
		}
		return string(s.AppendKey(nil, relations))
	}
	if a, b := key("a", "b"), key("b >= 1", "a", "b"); a != b {
		t.Errorf("keys %q and %q are not the same", a, b)
	}
	seen := make(map[string]string)
	for _, text := range []string{"a", "b", "b-or-c", "(b or c)", "none", "a > 2", "a > 3"} {
		k := key(text)
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s have one key", text, other)
		}
		seen[k] = text
	}
}
