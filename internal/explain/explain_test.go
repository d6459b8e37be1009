package explain

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
)

var (
	now        = time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	collection = koschei.Collection{LatestRepoResolved: koschei.Resolved, PriorityCoefficient: 1}
)

// pkg is a package with a priority of 138.
func pkg() koschei.PackageStatus {
	var p koschei.PackageStatus
	p.Tracked, p.Resolution, p.LastBuildID, p.LastCompleteBuildID = true, koschei.Resolved, 1, 1
	p.LastBuildStarted, p.DependencyPriority, p.StaticPriority = now.Add(-6*time.Hour), 128, 10
	return p
}

func TestPackage(t *testing.T) {
	t.Parallel()
	later := now.Add(time.Hour)
	for name, tt := range map[string]struct {
		change  func(*koschei.PackageStatus)
		want    Verdict
		phrases []string
	}{
		"due":     {func(p *koschei.PackageStatus) { p.ManualPriority = 200 }, Due, []string{}},
		"not due": {func(*koschei.PackageStatus) {}, NotDue, []string{"its priority of 138 is below 256"}},
		"held": {
			func(p *koschei.PackageStatus) {
				p.ManualPriority, p.HoldReason, p.HoldUntil = 200, "no builder is free", later
			},
			Held,
			[]string{"held until 2026-11-23 23:00Z: no builder is free"},
		},
		"held and not due": {
			func(p *koschei.PackageStatus) { p.HoldReason, p.HoldUntil = "no builder is free", later },
			Held,
			[]string{"held until 2026-11-23 23:00Z: no builder is free", "its priority of 138 is below 256"},
		},
		"held until now":           {func(p *koschei.PackageStatus) { p.ManualPriority, p.HoldReason, p.HoldUntil = 200, "over", now }, Due, []string{}},
		"a reason left, no time":   {func(p *koschei.PackageStatus) { p.ManualPriority, p.HoldReason = 200, "left" }, Due, []string{}},
		"a reason left, not due":   {func(p *koschei.PackageStatus) { p.HoldReason = "left" }, NotDue, []string{"its priority of 138 is below 256"}},
		"held without a reason":    {func(p *koschei.PackageStatus) { p.ManualPriority, p.HoldUntil = 200, later }, Held, []string{"held until 2026-11-23 23:00Z: "}},
		"obstacles, priority none": {func(p *koschei.PackageStatus) { p.Tracked = false }, Impossible, []string{string(koschei.ObstacleUntracked)}},
		"obstacle and hold": {
			func(p *koschei.PackageStatus) {
				p.Resolution, p.HoldReason, p.HoldUntil = koschei.Unresolved, "no builder is free", later
			},
			Impossible,
			[]string{string(koschei.ObstacleUnresolved), "held until 2026-11-23 23:00Z: no builder is free"},
		},
	} {
		p := pkg()
		tt.change(&p)
		w := Package(koschei.DefaultPriorityRules(), &p, &collection, koschei.ServiceReport{}, now)
		if w.Verdict != tt.want {
			t.Errorf("%s: verdict %q, want %q", name, w.Verdict, tt.want)
		}
		if diff := cmp.Diff(tt.phrases, w.Phrases()); diff != "" {
			t.Errorf("%s: phrases (-want +got):\n%s", name, diff)
		}
		if w.DueAt.IsZero() == (tt.want == NotDue) {
			t.Errorf("%s: due at %v", name, w.DueAt)
		}
	}
}

// When it says that a package is due, it is.
func TestDueAt(t *testing.T) {
	t.Parallel()
	p, rules := pkg(), koschei.DefaultPriorityRules()
	due := Package(rules, &p, &collection, koschei.ServiceReport{}, now).DueAt
	if total := rules.Of(&p, &collection, due).Total(); total < 255.9 || total > 256.1 {
		t.Errorf("at %v the priority is %g, want the threshold", due, total)
	}
	never := collection
	never.PriorityCoefficient = 0
	if w := Package(rules, &p, &never, koschei.ServiceReport{}, now); !w.DueAt.IsZero() {
		t.Errorf("time does not count, and yet it is due at %v", w.DueAt)
	}
}

// Trouble of the scheduler hides what it said before.
func TestWait(t *testing.T) {
	t.Parallel()
	p := pkg()
	for want, r := range map[string]koschei.ServiceReport{
		"":                        {},
		"all 30 places are taken": {Remark: "all 30 places are taken"},
		"the scheduler has trouble with the collection: Koji says: no": {Trouble: "Koji says: no", Remark: "old"},
	} {
		if got := Package(koschei.DefaultPriorityRules(), &p, &collection, r, now).Wait.Phrase(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTermsAddUp(t *testing.T) {
	t.Parallel()
	p := koschei.Priority{Manual: 1, Static: 2, Dependency: 3, Build: 4, Time: 5, Coefficient: 0.5}
	sum := 0.0
	for _, term := range Terms(p) {
		sum += term.Points
	}
	if sum != p.Total() {
		t.Errorf("terms add up to %g, the total is %g", sum, p.Total())
	}
}
