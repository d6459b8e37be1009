package record_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/record/maintain"
	"github.com/koschei-ci/koschei/internal/rpm"
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
			_, err := w.db.SetPriority(w.t.Context(), someone, "f43", []string{p.name}, edit.StaticPriority, 100+p.n)
			return err
		}},
		{name: "set architectures", do: func(w *world, p contended) error {
			_, err := w.db.SetArchOverride(w.t.Context(), someone, "f43", []string{p.name}, "x86_64")
			return err
		}},
		{name: "edit group", do: func(w *world, p contended) error {
			_, err := w.db.CreateGroup(w.t.Context(), someone, fmt.Sprintf("group-%d-%d", p.n, time.Now().UnixNano()), []string{p.name}, nil)
			return err
		}},
		{name: "resolve", do: storeVerdict},
		{name: "real build", do: addReal},
		{name: "end scratch build", do: func(w *world, p contended) error { return report(w, p, koschei.OutcomeFailed) }},
		{name: "lose scratch build", do: func(w *world, p contended) error { return report(w, p, koschei.OutcomeLost) }},
		{name: "schedule", do: func(w *world, p contended) error {
			_, err := w.db.BeginSubmission(w.t.Context(), record.Submission{
				PackageID: p.id, EVR: rpm.EVR{Version: "1", Release: "1"}, Event: 500, RepoID: 1, Now: testTime,
			})
			return err
		}},
		{name: "cancel", do: func(w *world, p contended) error {
			_, err := w.db.RequestCancel(w.t.Context(), someone, p.running)
			return err
		}},
		{name: "resolve build", do: func(w *world, p contended) error {
			set, err := setFor(w, p.n, "build")
			if err != nil {
				return err
			}
			_, err = w.fenced.SaveBuildDependencies(w.t.Context(), []built.BuildDependencies{{BuildID: p.running, Set: set}})
			return err
		}},
		{name: "block", once: true, do: func(w *world, _ contended) error {
			_, err := w.db.SavePackageList(w.t.Context(), w.collection, record.PackageListing{
				Names: []string{"contended-0", "contended-1", "contended-2"}, Blocked: []bool{false, true, true},
			}, testTime)
			return err
		}},
		{name: "retag", once: true, do: func(w *world, _ contended) error {
			_, err := w.db.SaveTagged(w.t.Context(), &koschei.Collection{ID: w.collection}, koschei.Primary, []record.TaggedBuild{
				{Name: "contended-0", KojiBuildID: 77, Event: 400, EVR: rpm.EVR{Version: "0", Release: "1"}},
			}, nil, 1000, testTime)
			return err
		}},
		{name: "branch", once: true, do: func(w *world, _ contended) error {
			_, err := w.db.BranchCollection(w.t.Context(), someone, edit.Branch{
				Master: "f43", NewName: fmt.Sprintf("f44-%d", time.Now().UnixNano()), Target: "f44", DestTag: "f44",
				BuildTag: "f44-build", DisplayName: "Fedora 44",
			})
			return err
		}},
		{name: "clean up", once: true, do: func(w *world, _ contended) error {
			_, err := w.db.Cleanup(w.t.Context(), someone, maintain.Retention{Builds: testTime.Add(1000 * time.Hour), Transitions: testTime.Add(1000 * time.Hour)})
			return err
		}},
	}
}

func setFor(w *world, n int, what string) (depset.Set, error) {
	ids, err := w.db.Intern(w.t.Context(), []rpm.NEVRA{nevra("glibc", "3"), nevra(fmt.Sprintf("%s-%d", what, n), "1")})
	if err != nil {
		return nil, err
	}
	return depset.NewSet([]depset.Member{{ID: ids[0], Distance: 1}, {ID: ids[1], Distance: 2}}), nil
}

func storeVerdict(w *world, p contended) error {
	candidates, err := w.db.Candidates(w.t.Context(), w.collection, false)
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
		_, err := w.fenced.StoreVerdicts(w.t.Context(), &koschei.Repo{CollectionID: w.collection, RepoID: 2, CreateEvent: 2}, []depset.Verdict{v}, testTime)
		return err
	}
	return nil // not to be resolved any more
}

func addReal(w *world, p contended) error {
	_, err := w.db.AddRealBuilds(w.t.Context(), []record.RealBuild{{
		PackageID: p.id, Hub: koschei.Primary, KojiBuildID: 9000, Event: 450, RepoID: 1,
		EVR: rpm.EVR{Version: "2", Release: "1"}, Started: testTime, Finished: testTime.Add(time.Minute),
	}}, testTime)
	return err
}

func report(w *world, p contended, outcome koschei.Outcome) error {
	_, err := w.db.SaveBuildReport(w.t.Context(), record.BuildReport{
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
	w.event = 10
	var packages []contended
	for n := range 4 {
		p := contended{n: n, name: fmt.Sprintf("contended-%d", n)}
		p.id = w.pkg(p.name)
		p.complete = w.build(p.id, "complete")
		w.builtWith(p.complete, nevra("glibc", "1"))
		w.build(p.id, "canceled")
		p.running = w.build(p.id, "running")
		packages = append(packages, p)
	}
	w.exec(`UPDATE package SET noted_state = state`)
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
	w.checkInvariants()
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
				kept = w.number(`SELECT count(*) FROM package WHERE name = $1 AND static_priority = $2`, p.name, 100+p.n)
			case "set architectures":
				kept = w.number(`SELECT count(*) FROM package WHERE name = $1 AND arch_override = 'x86_64'`, p.name)
			case "cancel":
				kept = w.number(`SELECT count(*) FROM build WHERE id = $1 AND (cancel_requested OR outcome <> 'running')`, p.running)
			case "end scratch build":
				kept = w.number(`SELECT count(*) FROM build WHERE id = $1 AND outcome IN ('failed', 'lost')`, p.running)
			case "real build":
				kept = w.number(`SELECT count(*) FROM build WHERE package_id = $1 AND koji_build_id = 9000 AND outcome = 'complete'`, p.id)
			default:
				continue
			}
			if kept == 0 {
				w.t.Errorf("%s: what was done to %s is lost", name, p.name)
			}
		}
	}
}

// invariants are statements that find what must not be.
var invariants = []struct{ what, sql string }{
	{"packages that do not point to their newest build", `
		SELECT p.name
		FROM package p
		WHERE p.last_build_id IS DISTINCT FROM (
			SELECT b.id FROM build b
			WHERE b.package_id = p.id AND NOT b.untagged AND b.outcome IN ('submitting', 'running', 'complete', 'failed')
			ORDER BY b.event DESC, b.id DESC LIMIT 1)`},
	{"packages that do not point to their newest complete build", `
		SELECT p.name
		FROM package p
		LEFT JOIN LATERAL (
			SELECT b.id, b.outcome FROM build b
			WHERE b.package_id = p.id AND NOT b.untagged AND b.outcome IN ('complete', 'failed')
			ORDER BY b.event DESC, b.id DESC LIMIT 1) n ON true
		WHERE (p.last_complete_build_id, p.last_complete_outcome) IS DISTINCT FROM (n.id, n.outcome)`},
	{"states not noted", `SELECT name || ' is ' || state || ', noted ' || noted_state FROM package WHERE state <> noted_state`},
	{"transitions that do not follow from the one before", `
		SELECT c.package_id || ': ' || before || ', then ' || c.prev || ' to ' || c.curr
		FROM (SELECT s.*, lag(s.curr) OVER (PARTITION BY s.package_id ORDER BY s.id) AS before FROM state_change s) c
		WHERE c.before <> c.prev`},
	{"last transitions that do not lead to the state", `
		SELECT p.name
		FROM package p
		JOIN LATERAL (SELECT curr FROM state_change s WHERE s.package_id = p.id ORDER BY s.id DESC LIMIT 1) l ON true
		WHERE l.curr <> p.noted_state`},
	{"events that are not one for each change of state", `
		SELECT format('%s transitions, %s events', changes, events)
		FROM (SELECT
			(SELECT count(*) FROM state_change s
				JOIN package p ON p.id = s.package_id AND p.collection_id = (SELECT min(id) FROM collection)) AS changes,
			(SELECT count(*) FROM event WHERE kind = 'package state') AS events) n
		WHERE changes <> events AND NOT EXISTS (SELECT FROM audit WHERE message LIKE 'cleanup%')`},
	{"packages with two scratch builds under way", `
		SELECT package_id::text FROM build
		WHERE origin = 'scratch' AND outcome IN ('submitting', 'running')
		GROUP BY package_id HAVING count(*) > 1`},
	{"changes of builds that are not to the build before", `
		SELECT a.build_id::text
		FROM applied_change a
		JOIN build b ON b.id = a.build_id
		WHERE b.outcome IN ('running', 'complete', 'failed') AND b.copied_from IS NULL AND a.prev_build_id <> (
			SELECT p.id FROM build p
			WHERE p.package_id = b.package_id AND (p.event, p.id) < (b.event, b.id) AND p.deps = 'resolved'
				AND p.outcome IN ('submitting', 'running', 'complete', 'failed')
			ORDER BY p.event DESC, p.id DESC LIMIT 1)`},
	{"builds that broke and are not noted, or the reverse", `
		SELECT a.build_id::text
		FROM applied_change a
		JOIN build b ON b.id = a.build_id
		WHERE a.broke <> (b.outcome = 'failed' AND coalesce((
			SELECT e.outcome FROM build e
			WHERE e.package_id = b.package_id AND (e.event, e.id) < (b.event, b.id) AND e.outcome IN ('complete', 'failed')
			ORDER BY e.event DESC, e.id DESC LIMIT 1) = 'complete', false))`},
	{"resolutions that their packages do not show", `
		SELECT p.name || ' is ' || p.resolution
		FROM resolution r
		JOIN package p ON p.id = r.package_id
		WHERE p.resolution <> 'unattempted'
			AND p.resolution <> CASE WHEN r.problems = '{}' THEN 'resolved' ELSE 'unresolved' END`},
	{"deadlocks", `SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0`},
}

func (w *world) checkInvariants() {
	w.t.Helper()
	for _, check := range invariants {
		rows, err := w.pool.Query(w.t.Context(), check.sql)
		if err != nil {
			w.t.Fatalf("%s: %v", check.what, err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			w.t.Fatalf("%s: %v", check.what, err)
		}
		if len(found) > 0 {
			w.t.Errorf("%s: %s", check.what, strings.Join(found, "; "))
		}
	}
}
