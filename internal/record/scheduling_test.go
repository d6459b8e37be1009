package record_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// TestSchedulable holds the statement that chooses packages to the pure rules,
// on packages of every kind.
func TestSchedulable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Exec(`
		UPDATE collection
		SET priority_coefficient = 0.75, latest_repo_id = 1, latest_repo_event = 1, latest_repo_resolved = 'resolved'`)
	c, err := w.DB.Record.Collection(t.Context(), "f43")
	if err != nil {
		t.Fatal(err)
	}
	luck := rand.New(rand.NewPCG(1, 2))
	var all []*koschei.PackageStatus
	for i := range 300 {
		all = append(all, addAnyPackage(t, w, c, i, luck))
	}
	ranking := schema.Ranking{Rules: koschei.DefaultPriorityRules(), Now: noon}
	got, err := w.DB.Schedulable(t.Context(), c.ID, ranking, 1000)
	if err != nil {
		t.Fatal(err)
	}
	last := math.Inf(1)
	chosen := map[int64]bool{}
	for _, p := range got {
		total := ranking.Rules.Of(&p, c, noon).Total()
		if total > last+1e-6 {
			t.Errorf("package %s of priority %v comes after one of %v", p.Name, total, last)
		}
		last, chosen[p.ID] = total, true
	}
	eligible := 0
	for _, p := range all {
		want := len(p.Obstacles(c)) == 0 && !p.HeldAt(noon) &&
			ranking.Rules.Of(p, c, noon).Total() >= ranking.Rules.BuildThreshold
		if want {
			eligible++
		}
		if chosen[p.ID] != want {
			t.Errorf("%+v is chosen: %v, want %v (priority %v)", p, chosen[p.ID], want, ranking.Rules.Of(p, c, noon).Total())
		}
	}
	if eligible < 20 || eligible > 200 {
		t.Errorf("%d of %d packages are eligible: the test tests little", eligible, len(all))
	}
	// The fewer are asked for, the fewer are looked at.
	for limit := 1; limit <= len(got); limit++ {
		first, err := w.DB.Schedulable(t.Context(), c.ID, ranking, limit)
		if err != nil || len(first) != limit {
			t.Fatalf("%d of %d packages: %v", len(first), limit, err)
		}
		for i := range first {
			is, want := ranking.Rules.Of(&first[i], c, noon).Total(), ranking.Rules.Of(&got[i], c, noon).Total()
			if math.Abs(is-want) > 1e-6 {
				t.Fatalf("of %d packages, number %d has priority %v, want %v", limit, i, is, want)
			}
		}
	}
}

// addAnyPackage stores a package in a state that chance decides.
func addAnyPackage(t *testing.T, w *world, c *koschei.Collection, i int, luck *rand.Rand) *koschei.PackageStatus {
	t.Helper()
	one := func(n int) bool { return luck.IntN(n) == 0 }
	sometimes := func(n, limit int) int {
		if one(n) {
			return luck.IntN(2*limit) - limit/2
		}
		return 0
	}
	p := &koschei.PackageStatus{
		Package: koschei.Package{
			CollectionID: c.ID, Name: "any" + string(rune('a'+i%26)) + string(rune('a'+i/26)),
			Tracked: !one(8), Blocked: one(8), SkipResolution: one(8),
			StaticPriority: sometimes(6, 300), ManualPriority: sometimes(6, 300),
		},
		Resolution: koschei.Resolved, BuildPriority: sometimes(6, 300), DependencyPriority: sometimes(3, 600),
	}
	switch {
	case p.SkipResolution || one(8):
		p.Resolution = koschei.Unattempted
	case one(6):
		p.Resolution = koschei.Unresolved
	}
	if one(6) {
		p.HoldUntil = noon.Add(time.Duration(luck.IntN(10)-5) * time.Hour)
	}
	storeAnyPackage(t, w, p)
	if !one(10) {
		p.LastBuildStarted = noon.Add(-time.Duration(luck.IntN(14*24*60)) * time.Minute)
		p.LastBuildID = storeAnyBuild(t, w, p.ID, p.LastBuildStarted)
		if !one(8) {
			p.LastCompleteBuildID = p.LastBuildID
		}
		w.Exec(`
			UPDATE package
			SET last_build_id = $2, last_build_started = $3, last_complete_build_id = nullif($4::bigint, 0)
			WHERE id = $1`, p.ID, p.LastBuildID, p.LastBuildStarted, p.LastCompleteBuildID)
	}
	return p
}

func storeAnyPackage(t *testing.T, w *world, p *koschei.PackageStatus) {
	t.Helper()
	var hold *time.Time
	if !p.HoldUntil.IsZero() {
		hold = &p.HoldUntil
	}
	err := w.Pool.QueryRow(t.Context(), `
		WITH base AS (INSERT INTO base_package (name) VALUES ($1) RETURNING id)
		INSERT INTO package (base_id, collection_id, name, tracked, blocked, skip_resolution, resolution,
			static_priority, manual_priority, build_priority, hold_until)
		SELECT id, $2, $1, $3, $4, $5, $6, $7, $8, $9, $10 FROM base RETURNING id`,
		p.Name, p.CollectionID, p.Tracked, p.Blocked, p.SkipResolution, p.Resolution,
		p.StaticPriority, p.ManualPriority, p.BuildPriority, hold).Scan(&p.ID)
	if err != nil {
		t.Fatal(err)
	}
	if p.DependencyPriority != 0 {
		w.Exec(`INSERT INTO resolution (package_id, collection_id, repo_id, dependency_priority) VALUES ($1, $2, 1, $3)`,
			p.ID, p.CollectionID, p.DependencyPriority)
	}
}

func storeAnyBuild(t *testing.T, w *world, packageID int64, started time.Time) (id int64) {
	t.Helper()
	err := w.Pool.QueryRow(t.Context(), `
		INSERT INTO build (package_id, origin, outcome, event, koji_build_id, version, release, started, finished)
		VALUES ($1, 'real', 'complete', 1, $1, '1', '1', $2, $2) RETURNING id`, packageID, started).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestSubmission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foo := w.Package("foo")
	if err := w.Fenced.HoldPackage(t.Context(), foo, record.Hold{Kind: record.HoldSource, Reason: "no source", Until: noon.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if got := w.Lines(`SELECT hold_reason FROM package WHERE name = 'foo'`); got[0] != "no source" {
		t.Errorf("foo is held for %q, want no source", got[0])
	}
	s := record.Submission{
		PackageID: foo, EVR: rpm.EVR{Epoch: 1, Version: "2", Release: "3"}, Event: 7, RepoID: 5, Arches: "x86_64",
		Trigger: koschei.Priority{Manual: 300, Coefficient: 1}, Now: noon,
	}
	id, err := w.DB.BeginSubmission(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.DB.BeginSubmission(t.Context(), s); !errors.Is(err, koschei.ErrConflict) {
		t.Errorf("a second submission: %v, want ErrConflict", err)
	}
	open, err := w.DB.OpenSubmissions(t.Context())
	if err != nil || len(open) != 1 || open[0].BuildID != id || open[0].Package != "foo" || !open[0].Started.Equal(noon) {
		t.Errorf("open submissions are %+v (%v), want build %d of foo", open, err, id)
	}
	running, err := w.DB.ScratchBuildsRunning(t.Context())
	if err != nil || len(running) != 1 {
		t.Errorf("running builds: %v (%v), want one collection", running, err)
	}
	if got := w.Lines(`SELECT hold_reason || running || (trigger->>'total') FROM package p JOIN build b ON b.id = p.last_build_id WHERE p.name = 'foo'`); len(got) != 1 || got[0] != "true300" {
		t.Errorf("foo after the submission: %v", got)
	}
	if _, err := w.DB.SaveBuildReport(t.Context(), record.BuildReport{BuildID: id, Outcome: koschei.OutcomeRunning, TaskID: 99},
		koschei.DefaultPriorityRules(), noon); err != nil {
		t.Fatal(err)
	}
	if open, err := w.DB.OpenSubmissions(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("open submissions are %+v (%v), want none", open, err)
	}
}

func TestPinningRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Package("foo")
	if at, err := w.DB.PinningRefused(t.Context()); err != nil || !at.IsZero() {
		t.Errorf("refused at %v (%v), want never", at, err)
	}
	w.Exec(`
		INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, started, finished, fault)
		SELECT id, 'scratch', 'infrastructure', 1, 1, '1', '1', $1, $1, 'ActionNotAllowed: policy violation (build_from_repo_id): denied'
		FROM package WHERE name = 'foo'`, noon)
	if at, err := w.DB.PinningRefused(t.Context()); err != nil || !at.Equal(noon) {
		t.Errorf("refused at %v (%v), want %v", at, err, noon)
	}
}

// While verdicts on a new repo are being stored, nothing that has one is built in
// the repo before.
func TestBeginSubmissionInOlderRepo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Package("foo")
	w.Exec(`INSERT INTO repo (collection_id, repo_id, create_event, created, resolved, problems, solved)
		SELECT id, n, n * 100, now(), 'resolved', '{}', now() FROM collection, generate_series(11, 12) n`)
	w.Exec(`INSERT INTO resolution (package_id, collection_id, repo_id) SELECT id, collection_id, 12 FROM package`)
	s := record.Submission{PackageID: p, EVR: rpm.EVR{Version: "1", Release: "1"}, Event: 1, RepoID: 11, Now: time.Now()}
	if _, err := w.DB.BeginSubmission(t.Context(), s); !errors.Is(err, koschei.ErrConflict) {
		t.Errorf("a build in the repo before: %v, want %v", err, koschei.ErrConflict)
	}
	s.RepoID = 12
	if _, err := w.DB.BeginSubmission(t.Context(), s); err != nil {
		t.Error(err)
	}
}
