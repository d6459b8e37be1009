package pages

import (
	"html/template"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jba/templatecheck"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Every template fits the view that its handler gives it.
func TestTemplatesFitTheirViews(t *testing.T) {
	t.Parallel()
	site, err := New(nil, func() time.Time { return time.Time{} }, koschei.DefaultPriorityRules(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	views := map[string]any{
		"packages": &packagesView{}, "unified": &unifiedView{}, "package": &packageView{}, "build": &buildPageView{},
		"collections": &collectionsView{}, "collection": &collectionView{}, "groups": &groupsView{}, "status": &statusView{}, "error": &errorView{},
	}
	for name, tmpl := range site.templates {
		if views[name] == nil {
			t.Errorf("template %s has no view here", name)
			continue
		}
		if err := templatecheck.CheckHTML(tmpl, views[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRelativeTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.FixedZone("", 3600))
	for _, tt := range []struct {
		ago  time.Duration
		want string
	}{
		{0, "just now"},
		{-9 * time.Second, "just now"},
		{10 * time.Second, "10 seconds ago"},
		{119 * time.Second, "119 seconds ago"},
		{2 * time.Minute, "2 minutes ago"},
		{47 * time.Hour, "47 hours ago"},
		{48 * time.Hour, "2 days ago"},
		{30 * 24 * time.Hour, "4 weeks ago"},
		{800 * 24 * time.Hour, "2 years ago"},
		{-2 * time.Hour, "in 2 hours"},
	} {
		at := now.Add(-tt.ago)
		want := template.HTML(`<time datetime="` + at.UTC().Format(time.RFC3339) + `" title="` + at.UTC().Format("2006-01-02 15:04:05") + ` UTC">` + tt.want + `</time>`)
		if got := relativeTime(at, now); got != want {
			t.Errorf("%v: got %s, want %s", tt.ago, got, want)
		}
	}
	if got := relativeTime(time.Time{}, now); got != "–" {
		t.Errorf("no time: got %s", got)
	}
}

func TestEVRDifference(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ prev, curr, before, after string }{
		{"a-1.2.3-1.fc44.x86_64", "a-1.3.3-1.fc44.x86_64", "1.<b>2</b>.3-1.fc44", "1.<b>3</b>.3-1.fc44"},
		{"a-1.2-1.x86_64", "a-1:1.2-1.x86_64", "1.2-1", "<b>1</b>:1.2-1"},
		{"a-1.2-1.x86_64", "a-1.2-1.1.x86_64", "1.2-1", "1.2-1.<b>1</b>"},
		{"a-1~rc1-1.x86_64", "a-1~rc2-1.x86_64", "1~<b>rc1</b>-1", "1~<b>rc2</b>-1"},
		{"a-1-1.x86_64", "a-1-1.noarch", "1-1.<b>x86_64</b>", "1-1.<b>noarch</b>"},
		{"a-1-0.20250101git12345.fc44.noarch", "a-2-0.20250101git12345.fc44.noarch", "<b>1</b>-0.20250101git…", "<b>2</b>-0.20250101git…"},
		{"a-1-0.2.20250101git1.x86_64", "a-1-0.2.20250102git1.x86_64", "1-0.2.<b>20250101git1</b>", "1-0.2.<b>20250102git1</b>"},
		{"a-1-1<.x86_64", "a-2-1<.x86_64", "<b>1</b>-1&lt;", "<b>2</b>-1&lt;"},
		{"", "a-1-1.x86_64", "", "1-1"},
		{"a-1-1.x86_64", "", "1-1", ""},
	} {
		before, after := evrDifference(nevra(t, tt.prev), nevra(t, tt.curr))
		if got := strip(before); got != tt.before {
			t.Errorf("%s to %s: the old one is %s, want %s", tt.prev, tt.curr, got, tt.before)
		}
		if got := strip(after); got != tt.after {
			t.Errorf("%s to %s: the new one is %s, want %s", tt.prev, tt.curr, got, tt.after)
		}
	}
}

func nevra(t *testing.T, s string) *rpm.NEVRA {
	t.Helper()
	if s == "" {
		return nil
	}
	n, err := rpm.ParseNEVRA(s)
	if err != nil {
		t.Fatal(err)
	}
	return &n
}

// strip takes the element around a version off.
func strip(h template.HTML) string {
	s := string(h)
	if s == "" {
		return ""
	}
	for i := range s {
		if s[i] == '>' {
			return s[i+1 : len(s)-len("</span>")]
		}
	}
	return s
}

func TestChangeKinds(t *testing.T) {
	t.Parallel()
	one, two, noarch := nevra(t, "a-1-1.x86_64"), nevra(t, "a-2-1.x86_64"), nevra(t, "a-1-1.noarch")
	for want, c := range map[string]koschei.Change{
		"added": {Curr: one}, "removed": {Prev: one}, "upgraded": {Prev: one, Curr: two},
		"downgraded": {Prev: two, Curr: one}, "changed": {Prev: one, Curr: noarch},
	} {
		if got, _ := changeKind(c); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Long lists of changes are folded, none is lost.
func TestChangesAreFolded(t *testing.T) {
	t.Parallel()
	v := changesOf(make([]koschei.Change, 13))
	if len(v.Shown) != 10 || len(v.Folded) != 3 || v.Count() != 13 {
		t.Errorf("got %d shown and %d folded, want 10 and 3", len(v.Shown), len(v.Folded))
	}
}

// What a package waits for is told with every term.
func TestWhy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	site, err := New(nil, func() time.Time { return now }, koschei.DefaultPriorityRules(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := &koschei.Collection{LatestRepoResolved: koschei.Resolved, PriorityCoefficient: 1}
	p := koschei.PackageStatus{
		Package:    koschei.Package{Tracked: true, StaticPriority: 10},
		Resolution: koschei.Resolved, LastBuildID: 1, LastCompleteBuildID: 1,
		LastBuildStarted: now.Add(-6 * time.Hour), DependencyPriority: 128,
	}
	got := site.why(&p, c, 1, koschei.ServiceReport{})
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
	if got.Verdict != "Not due yet" || got.Total != "138" || got.When == "" {
		t.Errorf("got %q, %s, due %q", got.Verdict, got.Total, got.When)
	}
	// When it says it is due, it is.
	due := site.dueByTime(&p, site.rules.Of(&p, c, now))
	if total := site.rules.Of(&p, c, due).Total(); total < 255.9 || total > 256.1 {
		t.Errorf("at %v the priority is %g, want the threshold", due, total)
	}
	for verdict, change := range map[string]func(*koschei.PackageStatus){
		"Due":           func(p *koschei.PackageStatus) { p.ManualPriority = 200 },
		"Held back":     func(p *koschei.PackageStatus) { p.HoldReason, p.HoldUntil = "no builder is free", now.Add(time.Hour) },
		"Not scheduled": func(p *koschei.PackageStatus) { p.Resolution = koschei.Unresolved },
		"Not due yet":   func(p *koschei.PackageStatus) { p.HoldReason, p.HoldUntil = "over", now.Add(-time.Hour) },
	} {
		q := p
		change(&q)
		if got := site.why(&q, c, 1, koschei.ServiceReport{}); got.Verdict != verdict || len(got.Reasons) == 0 {
			t.Errorf("got %q because %q, want %q", got.Verdict, got.Reasons, verdict)
		}
	}
}

// TestHeldInList lists a package whose hold is over and one that is held.
func TestHeldInList(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	site, err := New(nil, func() time.Time { return now }, koschei.DefaultPriorityRules(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := &postgres.FrameCollection{Collection: koschei.Collection{LatestRepoResolved: koschei.Resolved}}
	for until, want := range map[time.Time]bool{now.Add(-time.Hour): false, now.Add(time.Hour): true} {
		p := postgres.ListedPackage{PackageStatus: koschei.PackageStatus{
			Package: koschei.Package{Tracked: true}, Resolution: koschei.Resolved, LastBuildID: 1, LastCompleteBuildID: 1,
			HoldReason: "no builder is free", HoldUntil: until,
		}}
		if row := site.packageRow(p, c, now); row.Held != want {
			t.Errorf("with a hold until %v the list says held: %v, want %v", until, row.Held, want)
		}
	}
}

// What is due tells what its collection waits for.
func TestTurn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		r    koschei.ServiceReport
		want string
	}{
		{koschei.ServiceReport{}, "when Koji has room."},
		{koschei.ServiceReport{Remark: "all 30 places for builds are taken"}, "It waits because all 30 places for builds are taken."},
		{koschei.ServiceReport{Trouble: "Koji says: no", Remark: "old"}, "But the scheduler has trouble with the collection: Koji says: no."},
	} {
		if got := turn(tt.r); !strings.HasSuffix(got, tt.want) {
			t.Errorf("got %q, want it to end with %q", got, tt.want)
		}
	}
}

// Every kind of finding has a name on pages.
func TestKindNames(t *testing.T) {
	t.Parallel()
	for _, k := range koschei.FindingKinds() {
		if kindName(k) == string(k) {
			t.Errorf("%s has no name", k)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 34230: "34,230", -1500: "-1,500", -150: "-150", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
