package html

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// What a folder declares wrongly, or forgets, is found at start-up.
func TestCheck(t *testing.T) {
	t.Parallel()
	type view struct{ Layout }
	good := &fstest.MapFile{Data: []byte(`{{define "content"}}<p>{{.Title}}</p>{{end}}`)}
	for want, files := range map[string]fstest.MapFS{
		"":                                {"page.html": good},
		"test/other.html is not declared": {"page.html": good, "other.html": good},
		"page.html: ":                     {},
		`unexpected "#"`:                  {"page.html": {Data: []byte(`{{define "content"}}{{#}}{{end}}`)}},
		"function \"nope\" not defined":   {"page.html": {Data: []byte(`{{define "content"}}{{nope}}{{end}}`)}},
		"does not define content":         {"page.html": {Data: []byte(`{{define "contents"}}{{end}}`)}},
	} {
		templates := New(koschei.Clock{})
		folder := templates.Folder("test", files)
		Whole[view](folder, "page.html")
		err := templates.Check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestExpectedTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	for late, want := range map[time.Duration]string{
		-2 * time.Hour:    "in 2 hours",
		-10 * time.Second: "in 10 seconds",
		-9 * time.Second:  "any moment",
		59 * time.Second:  "any moment",
		time.Minute:       "overdue by 60 seconds",
		3 * time.Hour:     "overdue by 3 hours",
	} {
		if got := expectedTime(now.Add(-late), now).Words; got != want {
			t.Errorf("%v late: got %q, want %q", late, got, want)
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
		want := Time{tt.want, at.UTC().Format("2006-01-02 15:04:05"), at.UTC().Format(time.RFC3339)}
		if got := relativeTime(at, now); got != want {
			t.Errorf("%v: got %v, want %v", tt.ago, got, want)
		}
	}
	if got := relativeTime(time.Time{}, now); got != (Time{Words: "–"}) {
		t.Errorf("no time: got %v", got)
	}
}

// shown is a version as readers see it, what is bold between asterisks.
func shown(v *EVR) string {
	if v == nil {
		return ""
	}
	s := v.Before
	if v.Bold != "" {
		s += "*" + v.Bold + "*"
	}
	if s += v.After; v.Whole != "" {
		s += "…"
	}
	return s
}

func TestEVRDifference(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ prev, curr, before, after string }{
		{"a-1.2.3-1.fc44.x86_64", "a-1.3.3-1.fc44.x86_64", "1.*2*.3-1.fc44", "1.*3*.3-1.fc44"},
		{"a-1.2-1.x86_64", "a-1:1.2-1.x86_64", "1.2-1", "*1*:1.2-1"},
		{"a-1.2-1.x86_64", "a-1.2-1.1.x86_64", "1.2-1", "1.2-1.*1*"},
		{"a-1~rc1-1.x86_64", "a-1~rc2-1.x86_64", "1~*rc1*-1", "1~*rc2*-1"},
		{"a-1-1.x86_64", "a-1-1.noarch", "1-1.*x86_64*", "1-1.*noarch*"},
		{"a-1-0.20250101git12345.fc44.noarch", "a-2-0.20250101git12345.fc44.noarch", "*1*-0.20250101git…", "*2*-0.20250101git…"},
		{"a-1-0.2.20250101git1.x86_64", "a-1-0.2.20250102git1.x86_64", "1-0.2.*20250101git1*", "1-0.2.*20250102git1*"},
		{"a-1-0.20250101.git1.fc43.x86_64", "a-1-0.20250101.git1.fc44.x86_64", "1-0.20250101.git1.*fc43*", "1-0.20250101.git1.*fc44*"},
		{"a-1-1<.x86_64", "a-2-1<.x86_64", "*1*-1<", "*2*-1<"},
		{"", "a-1-1.x86_64", "", "1-1"},
		{"a-1-1.x86_64", "", "1-1", ""},
	} {
		before, after := evrDifference(nevra(t, tt.prev), nevra(t, tt.curr))
		if got := shown(before); got != tt.before {
			t.Errorf("%s to %s: the old one is %s, want %s", tt.prev, tt.curr, got, tt.before)
		}
		if got := shown(after); got != tt.after {
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
	v := ChangesOf(make([]koschei.Change, 13))
	if len(v.Shown) != 10 || len(v.Folded) != 3 || v.Count() != 13 {
		t.Errorf("got %d shown and %d folded, want 10 and 3", len(v.Shown), len(v.Folded))
	}
}

// Every state that anything can be in has a sign of its own.
func TestMarks(t *testing.T) {
	t.Parallel()
	ring := MarkOf("anything else").Shape
	for _, name := range []string{
		string(koschei.StateOK), string(koschei.StateFailing), string(koschei.StateUnresolved), string(koschei.StateBlocked),
		string(koschei.OutcomeSubmitting), string(koschei.OutcomeRunning), string(koschei.OutcomeComplete), string(koschei.OutcomeFailed),
		string(koschei.OutcomeCanceled), string(koschei.OutcomeTimeout), string(koschei.OutcomeInfrastructure),
		string(koschei.TaskFree), string(koschei.TaskOpen), string(koschei.TaskClosed), string(koschei.TaskCanceled),
		string(koschei.TaskAssigned), string(koschei.TaskFailed), string(koschei.Resolved), string(koschei.Unresolved),
	} {
		if MarkOf(name).Shape == ring {
			t.Errorf("%s has no sign", name)
		}
	}
	for _, name := range []string{string(koschei.StateUnknown), string(koschei.StateUntracked), string(koschei.Unattempted)} {
		if got := MarkOf(name); got != (Mark{ring, name}) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 34230: "34,230", -1500: "-1,500", -150: "-150", 1234567: "1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

// TestHubLinks leads to the hub that a build was made at.
func TestHubLinks(t *testing.T) {
	t.Parallel()
	links := Links{
		koschei.Primary:   {WebURL: "https://first.test/koji", TopURL: "https://first.test/files"},
		koschei.Secondary: {WebURL: "https://second.test/koji", TopURL: "https://second.test/files"},
	}
	for hub, host := range map[koschei.Hub]string{koschei.Primary: "first", koschei.Secondary: "second"} {
		b := BuildOf(
			&koschei.Build{Hub: hub, TaskID: 31230},
			BuildHistory{Tasks: []koschei.Task{{TaskID: 31234, State: koschei.TaskFailed}}}, links)
		if want := "https://" + host + ".test/koji/taskinfo?taskID=31230"; b.TaskURL != want {
			t.Errorf("task at the %s hub: %s, want %s", hub, b.TaskURL, want)
		}
		logs := b.Tasks[0].Logs
		if want := "https://" + host + ".test/files/work/tasks/1234/31234/build.log"; len(logs) != 2 || logs[0].URL != want {
			t.Errorf("logs at the %s hub: %v, want first %s", hub, logs, want)
		}
	}
}

// That no newer repo is known says something only if somebody has looked.
func TestFreshUnseen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		looked time.Duration // ago; 0 for never
		newer  int
		speed  float64
		want   string
	}{
		{time.Minute, 0, 1, ""},
		{29 * time.Minute, 0, 1, ""},
		{31 * time.Minute, 0, 1, "the repo-resolver last looked 31 minutes ago"},
		{31 * time.Minute, 0, 60, ""},
		{0, 0, 1, "no repo-resolver has looked at the collection"},
		{31 * time.Minute, 1, 1, ""}, // it is behind, which is told
	} {
		f := &koschei.Freshness{Verdicts: koschei.Repo{RepoID: 7}, Newer: tt.newer}
		if tt.looked > 0 {
			f.Services = []koschei.ServiceReport{{Service: koschei.ServiceRepoResolver, Succeeded: now.Add(-tt.looked)}}
		}
		fresh := FreshOf(f, now, koschei.Clock{Speed: tt.speed})
		if fresh.Unseen != tt.want {
			t.Errorf("%+v: %q", tt, fresh.Unseen)
		}
		if strip := (&Strip{Fresh: fresh}).Dot(); (strip == "current") != (tt.want == "" && tt.newer == 0) {
			t.Errorf("%+v: the mark is %s", tt, strip)
		}
	}
}
