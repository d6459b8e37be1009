package packagepage

import (
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/view"
)

// A verdict says what the record proves, and no more.
func TestVerdict(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	changes := []koschei.Change{
		{Name: "near", Curr: &rpm.NEVRA{Name: "near"}, Distance: 1}, {Name: "far", Curr: &rpm.NEVRA{Name: "far"}, Distance: koschei.NoDistance},
	}
	// failing has built 1-1 as build 1 and failed with version as build 2.
	failing := func(version string, between []koschei.Change, prev int64) *view.PackagePage {
		good := &view.BuildRef{ID: 1, EVR: rpm.EVR{Version: "1", Release: "1"}, Started: now.AddDate(0, 0, -5)}
		bad := &view.BuildRef{ID: 2, EVR: rpm.EVR{Version: version, Release: "1"}, Started: now.AddDate(0, 0, -1)}
		p := page(koschei.Resolved, koschei.OutcomeFailed)
		p.LastSuccess, p.FirstFailure = good, bad
		p.History = []view.HistoryEntry{{Build: &view.BuildRecord{
			Build: koschei.Build{ID: 2, Deps: koschei.DepsResolved}, PrevBuildID: prev, Changes: between,
		}}}
		return p
	}
	never := failing("1", nil, 0)
	never.LastSuccess = nil
	faulty := page(koschei.Resolved, koschei.OutcomeComplete)
	faulty.Package.Faults, faulty.Package.HoldReason, faulty.Package.HoldUntil = 3, "it ended for no fault of its own", now.Add(time.Hour)
	unresolved := page(koschei.Unresolved, koschei.OutcomeComplete)
	unresolved.Now.Problems = []string{"nothing provides x"}
	untracked := page(koschei.Resolved, koschei.OutcomeComplete)
	untracked.Package.Tracked = false
	blocked := page(koschei.Resolved, koschei.OutcomeComplete)
	blocked.Package.Blocked = true
	unbuilt := page(koschei.Unattempted, "")
	unbuilt.Package.LastBuildID, unbuilt.Package.LastCompleteBuildID = 0, 0
	for _, tt := range []struct {
		name     string
		page     *view.PackagePage
		want     string
		suspects int
	}{
		{"same buildroot", failing("1", nil, 1), "Nothing in its buildroot changed. The same source with the same packages built on 18 November and failed on 22 November.", 0},
		{"changes", failing("1", changes, 1), "2 packages of its buildroot changed before it failed.", 2},
		{"one change", failing("1", changes[:1], 1), "Of its buildroot only near changed before it failed.", 1},
		{"own source", failing("2", changes, 1), "Its own version 2-1 fails. 1-1 built.", 2},
		{"a build between", failing("1", nil, 7), "It failed after it had built.", 0},
		{"never succeeded", never, "No build of it is known to have succeeded.", 0},
		{"builders' faults", faulty, "Builds.  Its last 3 builds ended for no fault of its own. It is tried again after 2026-11-23 23:00 UTC.", 0},
		{"unresolved", unresolved, "Its build dependencies cannot be installed  nothing provides x", 0},
		{"untracked", untracked, "Not tracked.", 0},
		{"blocked", blocked, "Blocked.", 0},
		{"never built", unbuilt, "Never built. No build of it is known.", 0},
	} {
		v := verdictOf(tt.page, nil, now)
		got := v.Say + " " + v.More + " " + v.Faults + strings.Join(v.Problems, " ")
		if !strings.HasPrefix(got, tt.want) || len(v.Suspects) != tt.suspects {
			t.Errorf("%s: got %q and %d suspects, want %q and %d", tt.name, got, len(v.Suspects), tt.want, tt.suspects)
		}
	}
}

// page is that of a tracked package whose last build ended so.
func page(r koschei.Resolution, last koschei.Outcome) *view.PackagePage {
	var p koschei.PackageStatus
	p.Tracked, p.Resolution, p.LastBuildID, p.LastCompleteBuildID, p.LastCompleteOutcome = true, r, 2, 2, last
	return &view.PackagePage{Package: &p}
}
