package packagepage

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/explain"
)

// What a package waits for is told with every term.
func TestWhy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	c := &koschei.Collection{LatestRepoResolved: koschei.Resolved, PriorityCoefficient: 1}
	var p koschei.PackageStatus
	p.Tracked, p.Resolution, p.LastBuildID, p.LastCompleteBuildID = true, koschei.Resolved, 1, 1
	p.LastBuildStarted, p.DependencyPriority, p.StaticPriority = now.Add(-6*time.Hour), 128, 10
	why := func(p *koschei.PackageStatus) whyView {
		return whyOf(explain.Package(koschei.DefaultPriorityRules(), p, c, koschei.ServiceReport{}, now), p, 1, now)
	}
	got := why(&p)
	want := []termView{
		{"Manual priority", "0", "set by a user, until the next build"},
		{"Static priority", "10", "set by an operator"},
		{"Dependencies", "128", "1 change since the last build"},
		{"Last build", "0", "nothing about it asks for another"},
		{"Time", "0", "6 hours since the last build started"},
	}
	if diff := cmp.Diff(want, got.Terms); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
	if got.Verdict != "Not due yet" || got.Total != "138" || got.DueAt.IsZero() {
		t.Errorf("got %q, %s, due %v", got.Verdict, got.Total, got.DueAt)
	}
	for verdict, tt := range map[string]struct {
		change func(*koschei.PackageStatus)
		reason string
	}{
		"Due":           {func(p *koschei.PackageStatus) { p.ManualPriority = 200 }, "It is built as soon as its turn comes"},
		"Held back":     {func(p *koschei.PackageStatus) { p.HoldReason, p.HoldUntil = "no builder is free", now.Add(time.Hour) }, "No builder is free. It is tried again after 2026-11-23 23:00:00 UTC."},
		"Not scheduled": {func(p *koschei.PackageStatus) { p.Resolution = koschei.Unresolved }, "Its build dependencies cannot be installed."},
		"Not due yet":   {func(p *koschei.PackageStatus) { p.HoldReason, p.HoldUntil = "over", now.Add(-time.Hour) }, "Its priority of 138 is below the 256 from which packages are built."},
	} {
		q := p
		tt.change(&q)
		if got := why(&q); got.Verdict != verdict || !strings.HasPrefix(strings.Join(got.Reasons, " "), tt.reason) {
			t.Errorf("got %q because %q, want %q because %q", got.Verdict, got.Reasons, verdict, tt.reason)
		}
	}
}

// What is due tells what its collection waits for.
func TestTurn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		w    explain.Wait
		want string
	}{
		{explain.Wait{}, "when Koji has room."},
		{explain.Wait{Limit: "all 30 places for builds are taken"}, "It waits because all 30 places for builds are taken."},
		{explain.Wait{Trouble: "Koji says: no"}, "But the scheduler has trouble with the collection: Koji says: no."},
	} {
		if got := turn(tt.w); !strings.HasSuffix(got, tt.want) {
			t.Errorf("got %q, want it to end with %q", got, tt.want)
		}
	}
}
