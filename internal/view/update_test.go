package view_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
)

// lib is a binary of source lib in a version, and its id.
func lib(t *testing.T, w *pgtest.Sample, name, version string) (rpm.NEVRA, int32) {
	t.Helper()
	n := pgtest.NEVRA(name, version)
	ids, err := w.DB.Sets.InternFrom(t.Context(), []rpm.NEVRA{n}, []depset.Source{{Name: "src-" + name, Version: version + "-1"}})
	if err != nil {
		t.Fatal(err)
	}
	return n, ids[0]
}

// storeRepo stores a repo, made at hour id, of event 10 times its id, with changes.
func storeRepo(t *testing.T, w *pgtest.Sample, id int64, changes ...depset.SourceChange) {
	t.Helper()
	made := pgtest.SampleTime().Add(time.Duration(id) * time.Hour)
	err := w.Fenced.StoreRepo(t.Context(), &record.RepoReport{
		Repo: koschei.Repo{
			CollectionID: w.Collection, RepoID: id, CreateEvent: 10 * id, Created: made, Solved: made.Add(time.Minute), Resolved: koschei.Resolved,
		},
		Changes: append([]depset.SourceChange{}, changes...),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// updated is a record in which repo 2 has lib 2 and other 2, and repo 3 lib 3.
func updated(t *testing.T) *pgtest.Sample {
	t.Helper()
	w := pgtest.NewSample(t)
	old, oldID := lib(t, w, "lib", "1")
	now, nowID := lib(t, w, "lib", "2")
	_, laterID := lib(t, w, "lib", "3")
	other, otherID := lib(t, w, "other", "2")
	storeRepo(t, w, 1)
	var reached []depset.Member
	for i, p := range []struct {
		name          string
		before, after koschei.Outcome // by the repo that it was built in
		set           []rpm.NEVRA
	}{
		{"broke", "complete", "failed", []rpm.NEVRA{now}},
		{"mended", "failed", "complete", []rpm.NEVRA{now}},
		{"builds", "complete", "complete", []rpm.NEVRA{now}},
		{"fails", "failed", "failed", []rpm.NEVRA{now}},
		{"waiting", "complete", "", nil},
		{"torn", "complete", "failed", []rpm.NEVRA{now, other}},
	} {
		pkg := w.Package(p.name)
		reached = append(reached, depset.Member{ID: int32(pkg), Distance: uint8((i + 1) % 5)})
		w.Event = 10 + int64(i)%9 // within the event of repo 1 and that of repo 2
		w.BuiltWith(w.Build(pkg, p.before), old)
		if p.after != "" {
			w.Event = 20 + int64(i)
			b := w.Build(pkg, p.after)
			w.Exec(`UPDATE build SET repo_id = 2, fault = 'rpmbuild failed' WHERE id = $1`, b)
			w.BuiltWith(b, p.set...)
		}
		w.Exec(`UPDATE package SET resolution = 'resolved' WHERE id = $1`, pkg)
		end(t, w, pgtest.SampleTime().Add(48*time.Hour), pkg)
	}
	storeRepo(t, w, 2,
		depset.SourceChange{Source: "src-lib", Prev: []int32{oldID}, Curr: []int32{nowID}, Reached: depset.NewSet(reached)},
		depset.SourceChange{Source: "src-other", Prev: []int32{0}, Curr: []int32{otherID}})
	storeRepo(t, w, 3, depset.SourceChange{Source: "src-lib", Prev: []int32{nowID}, Curr: []int32{laterID}})
	return w
}

func TestUpdatePage(t *testing.T) {
	t.Parallel()
	w := updated(t)
	page, err := w.DB.Repos.Update(t.Context(), w.Collection, "src-lib", "2-1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range page.Packages {
		got = append(got, fmt.Sprintf("%s at %d: %s, now %s %s", p.Package, p.Distance, p.Effect, p.State, p.Fault))
	}
	want := []string{
		"broke at 1: broke, now failing rpmbuild failed", "torn at 1: broke, now failing rpmbuild failed",
		"mended at 2: mended, now ok rpmbuild failed", "builds at 3: builds, now ok rpmbuild failed",
		"fails at 4: fails, now failing rpmbuild failed", "waiting at 0: waiting, now ok ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if n := page.Effects(); n[view.EffectBroke] != 2 || n[view.EffectWaiting] != 1 {
		t.Errorf("effects %v", n)
	}
	line := func(u *view.Update) string {
		return fmt.Sprintf("%s %s -> %s in %d: %d binaries, reached %d, broke %d", u.Source, u.Before, u.After, u.RepoID, u.Binaries, u.Reached, u.Broke)
	}
	const second = "src-lib 1-1 -> 2-1 in 2: 1 binaries, reached 6, broke 2"
	got = []string{line(&page.Update), fmt.Sprintf("%d %d %d %s", page.Others, page.Repo.RepoID, len(page.Changes), page.Changes[0].Name)}
	for i := range page.History {
		got = append(got, line(&page.History[i]))
	}
	want = []string{second, "1 2 1 lib", "src-lib 2-1 -> 3-1 in 3: 1 binaries, reached 0, broke 0", second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the update and its source's history (-want +got):\n%s", diff)
	}
	newest, err := w.DB.Repos.Update(t.Context(), w.Collection, "src-lib", "")
	if err != nil || newest.After != "3-1" {
		t.Errorf("the newest update is %+v (%v)", newest, err)
	}
	for _, source := range []string{"lib", "src-lib"} {
		if _, err := w.DB.Repos.Update(t.Context(), w.Collection, source, "9-1"); !errors.Is(err, koschei.ErrNotFound) {
			t.Errorf("no update of %s: %v", source, err)
		}
	}

	got = nil
	key, last := view.UpdateKey{}, 0
	for len(got) < 9 {
		updates, err := w.DB.Repos.Updates(t.Context(), w.Collection, pgtest.SampleTime(), key, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i := range updates {
			got = append(got, line(&updates[i]))
			key = view.UpdateKey{Event: updates[i].Event, Source: updates[i].Source}
		}
		if last = len(updates); last < 2 {
			break
		}
	}
	want = []string{
		"src-lib 2-1 -> 3-1 in 3: 1 binaries, reached 0, broke 0", second, "src-other  -> 2-1 in 2: 1 binaries, reached 0, broke 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("updates, two a page (-want +got):\n%s", diff)
	}
}

func TestBlames(t *testing.T) {
	t.Parallel()
	w := updated(t)
	gone := w.Package("gone")
	storeUnmet(t, w, 3, gone, depset.Unmet{Dependency: "liblib.so.2", By: pgtest.NEVRA("clients", "1"), Asked: "clients", Cause: depset.UnmetCause{
		Why: depset.UnmetGone, Source: "src-lib", Before: "2-1", After: "3-1", Provider: "lib-2-1.x86_64",
	}})
	w.Exec(`
		INSERT INTO build_failure (build_id, found, task_id, arch, log, phase, kind, message, error, lines, numbers, total, signature, read)
		SELECT p.last_complete_build_id, true, 0, '', 'build.log', '%check', 'test', '', 1, '{before,"  FAIL: test_list"}', '{1,2}', 2, '', $2
		FROM package p
		WHERE name = $1`, "torn", pgtest.SampleTime())
	w.Exec(`UPDATE package SET state_since = $2 WHERE name = 'fails' AND state = $1`, "failing", pgtest.SampleTime().Add(time.Hour))
	blames, err := w.DB.Repos.Blames(t.Context(), w.Collection, pgtest.SampleTime().Add(24*time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range blames {
		got = append(got, fmt.Sprintf("%s %s: %s %s -> %s at %d of %d, proved %v: %s", b.Package, b.State, b.Source, b.Before, b.After, b.Distance, b.Suspects,
			b.Proved(), b.Line))
	}
	want := []string{
		"gone unresolved: src-lib 2-1 -> 3-1 at 0 of 1, proved true: liblib.so.2",
		"broke failing: src-lib 1-1 -> 2-1 at 1 of 1, proved false: rpmbuild failed",
		"torn failing: src-lib 1-1 -> 2-1 at 1 of 1, proved false: FAIL: test_list",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("blames (-want +got):\n%s", diff)
	}
	for cause, want := range map[view.Cause]string{
		{Source: "src-lib"}:                 "broke gone torn",
		{Source: "src-lib", Version: "2-1"}: "broke torn",
		{Source: "src-lib", Version: "3-1"}: "gone",
		{Source: "src-other"}:               "torn",
		{Source: "src-lib", Version: "4-1"}: "",
		{Failure: "none"}:                   "",
	} {
		var broken []string
		list, _, err := w.DB.Packages.List(t.Context(), view.PackageFilter{Collections: []int64{w.Collection}, Cause: cause},
			view.ListOrder{{Key: "name"}}, view.Span{Limit: 10}, schema.Ranking{})
		for _, p := range list {
			broken = append(broken, p.Name)
		}
		if got := strings.Join(broken, " "); err != nil || got != want {
			t.Errorf("%+v: broke %q (%v), want %q", cause, got, err, want)
		}
	}
	page, err := w.DB.Packages.Page(t.Context(), "gone", w.Collection, view.HistoryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if unmet := page.Unmet; len(unmet) != 1 || unmet[0].Asked != "clients" || unmet[0].NeededBy != "clients" || unmet[0].Provider != "lib-2-1.x86_64" {
		t.Errorf("what is not met for a package: %+v", unmet)
	}
	storeRepo(t, w, 4) // counts
	now, err := w.DB.Packages.UnmetNow(t.Context(), w.Collection, 10)
	if err != nil || len(now) != 1 || now[0].Packages != 1 || now[0].RepoID != 3 {
		t.Fatalf("what is not met now: %+v (%v)", now, err)
	}
	names, err := w.DB.Packages.UnmetPackages(t.Context(), now[0].ID, "", 10)
	if err != nil || strings.Join(names, " ") != "gone" {
		t.Errorf("packages that want it: %v (%v)", names, err)
	}
}

// storeUnmet has a repo say of a package, which it gives a build, that something is
// not met.
func storeUnmet(t *testing.T, w *pgtest.Sample, repo, pkg int64, unmet depset.Unmet) {
	t.Helper()
	w.Build(pkg, "complete")
	candidates, err := w.DB.Candidates(t.Context(), w.Collection, false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range candidates {
		if candidates[i].PackageID != pkg {
			continue
		}
		verdict := depset.Verdict{Candidate: &candidates[i], Answered: true, Problems: []string{"nothing provides it"}, Unmet: []depset.Unmet{unmet}}
		_, err := w.Fenced.StoreVerdicts(t.Context(), &koschei.Repo{CollectionID: w.Collection, RepoID: repo, CreateEvent: 10 * repo},
			[]depset.Verdict{verdict}, pgtest.SampleTime().Add(72*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("the package is no candidate")
}

func TestRepoPages(t *testing.T) {
	t.Parallel()
	w := updated(t)
	storeUnmet(t, w, 3, w.Package("gone"), depset.Unmet{Dependency: "x"})
	lines, err := w.DB.Repos.List(t.Context(), w.Collection, 40, 2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range lines {
		got = append(got, fmt.Sprintf("%d: %d updates, %d unresolved, %d mended, broke %d", r.RepoID, r.Updates, r.Unresolved, r.Mended, r.Broke))
	}
	want := []string{"3: 1 updates, 1 unresolved, 0 mended, broke 0", "2: 2 updates, 0 unresolved, 0 mended, broke 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("repos (-want +got):\n%s", diff)
	}
	page, err := w.DB.Repos.Page(t.Context(), w.Collection, 2, 10)
	if err != nil {
		t.Fatal(err)
	}
	if page.Before != 1 || page.Next != 3 || len(page.Changed) != 2 {
		t.Errorf("repo 2 is after %d and before %d, %d sources changed", page.Before, page.Next, len(page.Changed))
	}
	if diff := cmp.Diff(map[int]int{0: 1, 1: 2, 2: 1, 3: 1, 4: 1}, page.Distances); diff != "" {
		t.Errorf("packages reached by distance (-want +got):\n%s", diff)
	}
	if page, err := w.DB.Repos.Page(t.Context(), w.Collection, 3, 10); err != nil || len(page.Unmet) != 1 || page.Unmet[0].Why != depset.UnmetUnknown {
		t.Errorf("repo 3: %+v (%v)", page, err)
	}
	if _, err := w.DB.Repos.Page(t.Context(), w.Collection, 99, 10); !errors.Is(err, koschei.ErrNotFound) {
		t.Errorf("no such repo: %v", err)
	}
	d, err := w.DB.Repos.Difference(t.Context(), w.Collection, 1, 3, 10)
	if err != nil {
		t.Fatal(err)
	}
	steps := []view.SourceStep{
		{Source: "src-lib", Before: "1-1", After: "3-1", Repos: 2, RepoID: 3}, {Source: "src-other", After: "2-1", Repos: 1, RepoID: 2},
	}
	if diff := cmp.Diff(steps, d.Updates); diff != "" || d.Repos != 2 || d.Missing != 0 {
		t.Errorf("from repo 1 to 3, in %d repos, %d missing (-want +got):\n%s", d.Repos, d.Missing, diff)
	}
	if _, err := w.DB.Repos.Difference(t.Context(), w.Collection, 3, 1, 10); !errors.Is(err, koschei.ErrInvalid) {
		t.Errorf("the wrong way round: %v", err)
	}
}

func TestSourcesAndVia(t *testing.T) {
	t.Parallel()
	w := pgtest.NewSample(t)
	old, _ := lib(t, w, "lib", "1")
	now, id := lib(t, w, "lib", "2")
	gcc, gccID := lib(t, w, "gcc", "1")
	unknown := pgtest.NEVRA("unknown", "1")
	w.Set(unknown)
	sources, err := w.DB.Builds.Sources(t.Context(), []rpm.NEVRA{now, gcc, unknown})
	want := map[rpm.NEVRA]depset.Source{now: {Name: "src-lib", Version: "2-1"}, gcc: {Name: "src-gcc", Version: "1-1"}}
	if diff := cmp.Diff(want, sources); err != nil || diff != "" {
		t.Errorf("sources: %v (-want +got):\n%s", err, diff)
	}
	foo := w.Package("foo")
	w.BuiltWith(w.Build(foo, "complete"), old, gcc)
	build := w.Build(foo, "failed")
	storeVia(t, w, build, w.Set(now, gcc), depset.Via{id: {gccID}})
	via, err := w.DB.Builds.Via(t.Context(), build)
	if diff := cmp.Diff(map[string][]string{"lib": {"gcc"}}, via); err != nil || diff != "" {
		t.Errorf("how changes came in: %v (-want +got):\n%s", err, diff)
	}
	if _, err := w.DB.Builds.Via(t.Context(), build+1); !errors.Is(err, koschei.ErrNotFound) {
		t.Errorf("no such build: %v", err)
	}
}

func storeVia(t *testing.T, w *pgtest.Sample, build int64, set depset.Set, via depset.Via) {
	t.Helper()
	n, err := w.Fenced.SaveBuildDependencies(t.Context(), []built.BuildDependencies{{BuildID: build, Set: set, Via: via}})
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
}
