package record_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/record/maintain"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A contended package has a complete build with known dependencies, one that
// was canceled, and a running one.
type contended struct {
	n                 int
	id                int64
	name              string
	complete, running int64
}

// An operation does something to a package, or through it to more. once
// makes it run for the first package alone.
type operation struct {
	name string
	once bool
	do   func(w *world, p contended) error
}

var someone = audit.Act{Actor: koschei.Actor{Name: "someone", From: koschei.FromFrontend, Admin: true}, Now: testTime}

// operations are what may happen to one package at the same time.
func operations() []operation {
	return []operation{
		{name: "set priority", do: func(w *world, p contended) error {
			_, err := w.DB.SetPriority(w.t.Context(), someone, "f43", []string{p.name}, edit.StaticPriority, 100+p.n)
			return err
		}},
		{name: "set architectures", do: func(w *world, p contended) error {
			_, err := w.DB.SetArchOverride(w.t.Context(), someone, "f43", []string{p.name}, "x86_64")
			return err
		}},
		{name: "edit group", do: func(w *world, p contended) error {
			_, err := w.DB.CreateGroup(w.t.Context(), someone, fmt.Sprintf("group-%d-%d", p.n, time.Now().UnixNano()), []string{p.name}, nil)
			return err
		}},
		{name: "resolve", do: storeVerdict},
		{name: "real build", do: addReal},
		{name: "end scratch build", do: func(w *world, p contended) error { return report(w, p, koschei.OutcomeFailed) }},
		{name: "lose scratch build", do: func(w *world, p contended) error { return report(w, p, koschei.OutcomeLost) }},
		{name: "schedule", do: func(w *world, p contended) error {
			_, err := w.DB.BeginSubmission(w.t.Context(), record.Submission{
				PackageID: p.id, EVR: rpm.EVR{Version: "1", Release: "1"}, Event: 500, RepoID: 1, Now: testTime,
			})
			return err
		}},
		{name: "cancel", do: func(w *world, p contended) error {
			_, err := w.DB.RequestCancel(w.t.Context(), someone, p.running)
			return err
		}},
		{name: "resolve build", do: func(w *world, p contended) error {
			set, err := setFor(w, p.n, "build")
			if err != nil {
				return err
			}
			_, err = w.Fenced.SaveBuildDependencies(w.t.Context(), []built.BuildDependencies{{BuildID: p.running, Set: set}})
			return err
		}},
		{name: "block", once: true, do: func(w *world, _ contended) error {
			_, err := w.DB.SavePackageList(w.t.Context(), w.Collection, record.PackageListing{
				Names: []string{"contended-0", "contended-1", "contended-2"}, Blocked: []bool{false, true, true},
			}, testTime)
			return err
		}},
		{name: "retag", once: true, do: func(w *world, _ contended) error {
			_, err := w.DB.Tags.SaveTagged(w.t.Context(), &koschei.Collection{ID: w.Collection}, koschei.Primary, []record.TaggedBuild{
				{Name: "contended-0", KojiBuildID: 77, Event: 400, EVR: rpm.EVR{Version: "0", Release: "1"}},
			}, nil, 1000, testTime)
			return err
		}},
		{name: "branch", once: true, do: func(w *world, _ contended) error {
			_, err := w.DB.BranchCollection(w.t.Context(), someone, edit.Branch{
				Master: "f43", NewName: fmt.Sprintf("f44-%d", time.Now().UnixNano()), Target: "f44", DestTag: "f44",
				BuildTag: "f44-build", DisplayName: "Fedora 44",
			})
			return err
		}},
		{name: "clean up", once: true, do: func(w *world, _ contended) error {
			_, err := w.DB.Cleanup(w.t.Context(), someone, maintain.Retention{Builds: testTime.Add(1000 * time.Hour), Transitions: testTime.Add(1000 * time.Hour)})
			return err
		}},
	}
}

func setFor(w *world, n int, what string) (depset.Set, error) {
	ids, err := w.DB.Sets.Intern(w.t.Context(), []rpm.NEVRA{pgtest.NEVRA("glibc", "3"), pgtest.NEVRA(fmt.Sprintf("%s-%d", what, n), "1")})
	if err != nil {
		return nil, err
	}
	return depset.NewSet([]depset.Member{{ID: ids[0], Distance: 1}, {ID: ids[1], Distance: 2}}), nil
}

func storeVerdict(w *world, p contended) error {
	candidates, err := w.DB.Candidates(w.t.Context(), w.Collection, false)
	if err != nil {
		return err
	}
	set, err := setFor(w, p.n, "repo")
	if err != nil {
		return err
	}
	for i := range candidates {
		if candidates[i].PackageID != p.id {
			continue
		}
		v := depset.Verdict{Candidate: &candidates[i], Answered: true, Set: set, Hash: hashOf(set), Priority: 50}
		if p.n%2 == 1 {
			v.Set, v.Hash, v.Problems = nil, nil, []string{"nothing provides something"}
		}
		_, err := w.Fenced.StoreVerdicts(w.t.Context(), &koschei.Repo{CollectionID: w.Collection, RepoID: 2, CreateEvent: 2}, []depset.Verdict{v}, testTime)
		return err
	}
	return nil // not to be resolved any more
}

func addReal(w *world, p contended) error {
	_, err := w.DB.Tags.AddRealBuilds(w.t.Context(), []record.RealBuild{{
		PackageID: p.id, Hub: koschei.Primary, KojiBuildID: 9000, Event: 450, RepoID: 1,
		EVR: rpm.EVR{Version: "2", Release: "1"}, Started: testTime, Finished: testTime.Add(time.Minute),
	}}, testTime)
	return err
}

func report(w *world, p contended, outcome koschei.Outcome) error {
	_, err := w.DB.SaveBuildReport(w.t.Context(), record.BuildReport{
		BuildID: p.running, Outcome: outcome, Finished: testTime.Add(time.Hour),
		BackOff: record.BackOff{Reason: "lost", Base: time.Minute, Longest: time.Hour},
	}, koschei.DefaultPriorityRules(), testTime)
	return err
}

// TestConcurrency runs every operation at the same time as every other, and
// as itself, on the same packages in opposite orders. Nothing may deadlock, no
// edit may be lost, and what follows from something else must still do so.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	all := operations()
	for i, a := range all {
		for _, b := range all[i:] {
			t.Run(a.name+" and "+b.name, func(t *testing.T) {
				t.Parallel()
				testPair(t, a, b)
			})
		}
	}
}

func testPair(t *testing.T, a, b operation) {
	w := newWorld(t)
	w.Event = 10
	var packages []contended
	for n := range 4 {
		p := contended{n: n, name: fmt.Sprintf("contended-%d", n)}
		p.id = w.Package(p.name)
		p.complete = w.Build(p.id, "complete")
		w.BuiltWith(p.complete, pgtest.NEVRA("glibc", "1"))
		w.Build(p.id, "canceled")
		p.running = w.Build(p.id, "running")
		packages = append(packages, p)
	}
	w.Exec(`UPDATE package SET noted_state = state`)
	w.Exec(`INSERT INTO doubt (collection_id, what, packages, total, since, seen, steady, accepted)
		SELECT c.id, w, 4, 4, now(), now(), now(), 'infinity' FROM collection c, unnest('{untagged,blocked}'::text[]) w`)
	var wg sync.WaitGroup
	for side, op := range []operation{a, b} {
		wg.Go(func() {
			for i := range packages {
				if side == 1 {
					i = len(packages) - 1 - i
				}
				if op.once && i != 0 {
					continue
				}
				if err := op.do(w, packages[i]); err != nil && !expected(err) {
					t.Errorf("%s of %s: %v", op.name, packages[i].name, err)
				}
			}
		})
	}
	wg.Wait()
	w.CheckInvariants()
	w.checkEdits(packages, a.name, b.name)
}

// expected errors tell an operation that the other was first.
func expected(err error) bool {
	return errors.Is(err, koschei.ErrConflict) || errors.Is(err, koschei.ErrNotFound)
}

// checkEdits finds lost updates: what people set stands, whoever else wrote.
func (w *world) checkEdits(packages []contended, names ...string) {
	w.t.Helper()
	for _, name := range names {
		for _, p := range packages {
			var kept int64
			switch name {
			case "set priority":
				kept = w.Number(`SELECT count(*) FROM package WHERE name = $1 AND static_priority = $2`, p.name, 100+p.n)
			case "set architectures":
				kept = w.Number(`SELECT count(*) FROM package WHERE name = $1 AND arch_override = 'x86_64'`, p.name)
			case "cancel":
				kept = w.Number(`SELECT count(*) FROM build WHERE id = $1 AND (cancel_requested OR outcome <> 'running')`, p.running)
			case "end scratch build":
				kept = w.Number(`SELECT count(*) FROM build WHERE id = $1 AND outcome IN ('failed', 'lost')`, p.running)
			case "real build":
				kept = w.Number(`SELECT count(*) FROM build WHERE package_id = $1 AND koji_build_id = 9000 AND outcome = 'complete'`, p.id)
			default:
				continue
			}
			if kept == 0 {
				w.t.Errorf("%s: what was done to %s is lost", name, p.name)
			}
		}
	}
}

// Who has locked a package may write what refers to its collection, though
// somebody has locked that, and wants the package: neither waits for the other.
func TestLockedCollectionIsReferredTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Package("foo")
	err := w.DB.PG.Transact(t.Context(), func(tx pgx.Tx) error {
		c, err := schema.LockCollection(t.Context(), tx, "f43")
		if err != nil {
			return err
		}
		return w.DB.PG.Transact(t.Context(), func(other pgx.Tx) error {
			_, err := other.Exec(t.Context(), `SET LOCAL lock_timeout = '1s'`)
			if err != nil {
				return err
			}
			_, err = other.Exec(t.Context(), `
				INSERT INTO doubt (collection_id, what, packages, total, since, seen, steady) VALUES ($1, 'untagged', 1, 1, now(), now(), now())`, c.ID)
			return err
		})
	})
	if err != nil {
		t.Error(err)
	}
}
