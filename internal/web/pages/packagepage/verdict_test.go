package packagepage

import (
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/view"
)

// A verdict says what the record proves, and no more.
func TestVerdict(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	changes := []koschei.Change{
		change("near", 1), change("far", koschei.NoDistance),
	}
	// failing has built 1-1 as build 1 and failed with version as build 2.
	failing := func(version string, between []koschei.Change, known bool) *view.PackagePage {
		good := &view.BuildRef{ID: 1, EVR: rpm.EVR{Version: "1", Release: "1"}, RepoID: 70, Started: now.AddDate(0, 0, -5)}
		bad := &view.BuildRef{ID: 2, EVR: rpm.EVR{Version: version, Release: "1"}, Started: now.AddDate(0, 0, -1)}
		p := page(koschei.Resolved, koschei.OutcomeFailed)
		p.LastSuccess, p.FirstFailure, p.Broke = good, bad, view.Changes{Known: known, Size: 214, List: between}
		return p
	}
	never := failing("1", nil, false)
	never.LastSuccess = nil
	faulty := page(koschei.Resolved, koschei.OutcomeComplete)
	faulty.Package.Faults, faulty.Package.HoldReason, faulty.Package.HoldUntil = 3, "no builder is free", now.Add(time.Hour)
	unresolved := page(koschei.Unresolved, koschei.OutcomeComplete)
	unresolved.Now.Problems, unresolved.Now.Repo.RepoID = []string{"nothing provides x"}, 77
	onlyFaults := page(koschei.Unattempted, "")
	onlyFaults.Package.Faults, onlyFaults.Package.HoldReason, onlyFaults.Package.HoldUntil = 3, "no builder is free", now.Add(time.Hour)
	untracked := page(koschei.Resolved, koschei.OutcomeComplete)
	untracked.Package.Tracked = false
	blocked := page(koschei.Resolved, koschei.OutcomeComplete)
	blocked.Package.Blocked = true
	unbuilt := page(koschei.Unattempted, "")
	unbuilt.Package.LastBuildID, unbuilt.Package.LastCompleteBuildID = 0, 0
	untagged := page(koschei.Unattempted, "")
	untagged.Package.LastBuildID, untagged.Package.LastCompleteBuildID = 0, 0
	untagged.History = []view.HistoryEntry{{Build: &view.BuildRecord{}}}
	oneUpdate := failing("1", []koschei.Change{change("lib-devel", 1), change("lib-common", 2)}, true)
	oneUpdate.Broke.List[0].Prev = &rpm.NEVRA{Name: "lib-devel", EVR: rpm.EVR{Version: "1", Release: "1"}}
	oneUpdate.Sources = map[rpm.NEVRA]depset.Source{
		*oneUpdate.Broke.List[0].Prev: {Name: "libs", Version: "1-1"}, *oneUpdate.Broke.List[0].Curr: {Name: "libs", Version: "2-1"},
		*oneUpdate.Broke.List[1].Curr: {Name: "libs", Version: "2-1"},
	}
	oneUpdate.History = []view.HistoryEntry{{Build: &view.BuildRecord{Build: koschei.Build{ID: 3, Outcome: koschei.OutcomeFailed, Event: 1, EVR: oneUpdate.FirstFailure.EVR}}}}
	var many []koschei.Change
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		many = append(many, change(name, koschei.NoDistance))
	}
	lacking := func(u view.Unmet, packages int) *view.PackagePage {
		p := page(koschei.Unresolved, koschei.OutcomeComplete)
		u.RepoID, u.Packages = 6934101, packages
		p.Unmet = []view.WantedUnmet{{Unmet: u}}
		return p
	}
	ldap := view.Unmet{Dependency: "libldap.so.2", NeededBy: "openldap-clients"}
	ldap.Why, ldap.Source, ldap.Before, ldap.After = depset.UnmetGone, "openldap", "2.6.10-3", "2.6.11-1"
	gone := lacking(ldap, 32)
	ldap.After = ""
	sourceGone := lacking(ldap, 2)
	crate := view.Unmet{Dependency: "crate(foo) >= 2"}
	crate.Why = depset.UnmetAbsent
	absent := lacking(crate, 1)
	crate.Why, crate.Source, crate.After, crate.NeededBy = depset.UnmetNew, "rust-bar", "2-1", "rust-bar-devel"
	newlyWanted := lacking(crate, 1)
	newlyWanted.Unmet = append(newlyWanted.Unmet, newlyWanted.Unmet[0])
	for _, tt := range []struct {
		name     string
		page     *view.PackagePage
		want     string
		suspects int
	}{
		{"same buildroot", failing("1", nil, true), "Nothing in its buildroot changed: same source, same 214 packages, built on 18 November, failed on 22 November. It is flaky, or the world around it changed.", 0},
		{"changes", failing("1", changes, true), "One of 2 updates may have broken it, most likely near, the nearest: near, far.", 2},
		{"far changes", failing("1", changes[1:], true), "The update of far (new, 2-1) may have broken it. Nothing else in its buildroot changed, but it has failed only once.", 0},
		{"one update", oneUpdate, "The update of libs 1-1 to 2-1 broke it. Nothing else in its buildroot changed.", 2},
		{"many far updates", failing("1", many, true), "One of 5 updates may have broken it, none of which it requires: a, b, c and 2 more.", 3},
		{"gone", gone, "libldap.so.2 is gone since openldap 2.6.11-1 (repo 6934101). openldap-clients still needs it. 31 other packages wait for the same.", 0},
		{"source gone", sourceGone, "libldap.so.2 is gone with openldap 2.6.10-3 (repo 6934101). openldap-clients still needs it. 1 other package waits for the same.", 0},
		{"newly wanted", newlyWanted, "Nothing provides crate(foo) >= 2, which is wanted since rust-bar 2-1 (repo 6934101). rust-bar-devel needs it.|It lacks 1 other thing, too.", 0},
		{"never had it", absent, "Nothing provides crate(foo) >= 2 here, and nothing did in the repo before (repo 6934101). It is wanted by its own BuildRequires.", 0},
		{"own source", failing("2", changes, true), "Its own version 2-1 fails; 1-1 built in repo 70.|2 packages of its buildroot changed, too.", 2},
		{"not known", failing("1", nil, false), "It failed after it had built. What the two builds were made with is not known, so nothing can be said of why.", 0},
		{"never succeeded", never, "No build of it is known to have succeeded.", 0},
		{"builders' faults", faulty, "Builds.|Its last 3 builds ended for no fault of their own (no builder is free). It is tried again at 2026-11-23 23:00 UTC.", 0},
		{"only faults", onlyFaults, "Its last 3 builds ended for no fault of their own (no builder is free). It is tried again at 2026-11-23 23:00 UTC.", 0},
		{"unresolved", unresolved, "Its build dependencies cannot be installed since repo 77:|nothing provides x", 0},
		{"untracked", untracked, "Not tracked. It is not built until somebody asks for that.", 0},
		{"blocked", blocked, "Blocked. The package is blocked in Koji, so it is not built.", 0},
		{"untagged", untagged, "No build of it is tagged. It is built again when one is.", 0},
		{"never built", unbuilt, "Never built. No build of it is known.", 0},
	} {
		v := verdictOf(tt.page, "f44", now)
		got := v.Say.String()
		for _, p := range v.Evidence {
			got += "|" + p.String()
		}
		got += "|" + strings.Join(v.Problems, " ")
		if !strings.HasPrefix(got, tt.want) || len(v.Suspects) != tt.suspects {
			t.Errorf("%s: got %q and %d suspects, want %q and %d", tt.name, got, len(v.Suspects), tt.want, tt.suspects)
		}
	}
}

// change is of a package that was new in the buildroot.
func change(name string, distance int) koschei.Change {
	return koschei.Change{Name: name, Curr: &rpm.NEVRA{Name: name, EVR: rpm.EVR{Version: "2", Release: "1"}}, Distance: distance}
}

// page is that of a tracked package whose last build ended so.
func page(r koschei.Resolution, last koschei.Outcome) *view.PackagePage {
	var p koschei.PackageStatus
	p.Tracked, p.Resolution, p.LastBuildID, p.LastCompleteBuildID, p.LastCompleteOutcome = true, r, 2, 2, last
	return &view.PackagePage{Package: &p}
}
