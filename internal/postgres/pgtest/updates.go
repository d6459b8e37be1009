package pgtest

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// UpdatedRecord returns a record in which an update of openldap takes a library away
// and breaks packages of f43. Repo 1, made three hours before now, has openldap
// 2.6.10; repo 2, an hour later, has 2.6.11; repo 3 has gcc besides.
func UpdatedRecord(t testing.TB, now time.Time) *DB {
	t.Helper()
	w := NewSample(t)
	made := func(id int64) time.Time { return now.Add(time.Duration(id-4) * time.Hour) }
	intern := func(name, version, source string) (rpm.NEVRA, int32) {
		n := NEVRA(name, version)
		ids, err := w.DB.Sets.InternFrom(t.Context(), []rpm.NEVRA{n}, []depset.Source{{Name: source, Version: version + "-1"}})
		if err != nil {
			t.Fatal(err)
		}
		return n, ids[0]
	}
	store := func(id int64, changes ...depset.SourceChange) {
		err := w.Fenced.StoreRepo(t.Context(), &record.RepoReport{Changes: append([]depset.SourceChange{}, changes...), Repo: koschei.Repo{
			CollectionID: w.Collection, RepoID: id, CreateEvent: 10 * id, Created: made(id), Solved: made(id).Add(41 * time.Second),
			Resolved: koschei.Resolved, Packages: 6, PackagesFailed: 1, PackagesChanged: 5,
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	old, oldID := intern("openldap-libs", "2.6.10", "openldap")
	updated, newID := intern("openldap-libs", "2.6.11", "openldap")
	gcc, gccID := intern("gcc", "16", "gcc")
	store(1)
	var reached []depset.Member
	packages := map[string]int64{}
	for i, p := range []struct {
		name          string
		before, after koschei.Outcome
	}{
		{"389-ds-base", "complete", "failed"},
		{"apr-util", "failed", "complete"},
		{"curl", "complete", "complete"},
		{"dovecot", "failed", "failed"},
		{"exim", "complete", ""},
	} {
		id := w.Package(p.name)
		packages[p.name] = id
		reached = append(reached, depset.Member{ID: int32(id), Distance: uint8(i%4 + 1)})
		w.Event = 10 + int64(i)
		build := func(outcome koschei.Outcome, repo int64, set ...rpm.NEVRA) {
			b := w.Build(id, outcome)
			w.Exec(`UPDATE build SET repo_id = $2, fault = 'mock exited with status 1', started = $3, finished = $3::timestamptz + interval '5 min' WHERE id = $1`,
				b, repo, made(repo).Add(time.Minute))
			w.BuiltWith(b, set...)
		}
		build(p.before, 1, old)
		if p.after != "" {
			w.Event = 20 + int64(i)
			build(p.after, 2, updated)
		}
		w.Exec(`UPDATE package SET resolution = 'resolved', state_since = $2, noted_state = state WHERE id = $1`, id, made(2))
	}
	gone := w.Package("openldap-tools")
	w.Build(gone, koschei.OutcomeComplete)
	candidates, err := w.DB.Candidates(t.Context(), w.Collection, true)
	if err != nil {
		t.Fatal(err)
	}
	for i := range candidates {
		if candidates[i].PackageID == gone {
			_, err = w.Fenced.StoreVerdicts(t.Context(), &koschei.Repo{CollectionID: w.Collection, RepoID: 2, CreateEvent: 20}, []depset.Verdict{{
				Candidate: &candidates[i], Answered: true, Problems: []string{"BuildRequires: openldap-clients: nothing provides libldap.so.2"},
				Unmet: []depset.Unmet{{
					Dependency: "libldap.so.2", By: NEVRA("openldap-clients", "2.6.10"), Asked: "openldap-clients", Cause: depset.UnmetCause{
						Why: depset.UnmetGone, Source: "openldap", Before: "2.6.10-1", After: "2.6.11-1", Provider: "openldap-libs-2.6.10-1.x86_64",
					},
				}},
			}}, made(2))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	store(2, depset.SourceChange{Source: "openldap", Prev: []int32{oldID}, Curr: []int32{newID}, Reached: depset.NewSet(reached)})
	store(3, depset.SourceChange{Source: "gcc", Prev: []int32{0}, Curr: []int32{gccID}})
	w.Exec(`INSERT INTO build_failure (build_id, found, task_id, arch, log, phase, kind, message, error, lines, numbers, total, signature, read)
		SELECT last_build_id, true, 7, 'x86_64', 'build.log', '%build', 'ld.undefined', 'ldap_open', 0, $2, '{812}', 0, 'abc', $3 FROM package WHERE id = $1`,
		packages["389-ds-base"], []string{"ld: undefined reference to `ldap_open'"}, now)
	w.BuiltWith(w.Build(w.Package("zlib"), koschei.OutcomeComplete), gcc)
	return w.DB
}
