package site_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/pasts"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// What was taken over from the original Koschei is shown with what it kept, and
// no more is said of it.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	author := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: now}
	c, err := db.View.Collection(t.Context(), "f43")
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.TakeOver(t.Context(), author, &edit.Takeover{
		Collections: []koschei.Collection{*c}, Packages: []edit.TakenPackage{{Collection: "f43", Name: "taken", Tracked: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.TakePasts(t.Context(), c.ID, []pasts.TakenPast{past()}); err != nil {
		t.Fatal(err)
	}
	b := browse(t, config(db.View))
	pages := map[string][]string{"/package/taken?collection=f43": {
		"unresolved in Fedora 43 Its build dependencies cannot be installed : nothing provides bread",
		"1-1 9 hours ago 1 h 0 min 5 2 flour 1 -1 → 2 -1 task 1",
		"unresolved 24 hours ago Nothing provides bread.",
	}}
	for i, want := range []string{
		"What it was built with is not known: the Koschei it was taken over from did not keep it. 2 ↑ upgraded flour 1 -1 → 2 -1",
		"It is not known any more what the build before was made with. These changes were stored when it was: 1 ↑ upgraded oven 1 -1 → 2 -1",
	} {
		id := b.find("/package/taken?collection=f43", `class="evr" href="/build/([0-9]+)"`)[1-i]
		pages[fmt.Sprint("/build/", id)] = []string{want}
	}
	for url, want := range pages {
		for _, sentence := range want {
			if text := b.read(url); !strings.Contains(text, sentence) {
				t.Errorf("%s does not say %q, but:\n%s", url, sentence, text)
			}
		}
	}
}

// past is that of a package with two builds, of which one was kept.
func past() pasts.TakenPast {
	nevra := func(name, version string) *rpm.NEVRA {
		return &rpm.NEVRA{Name: name, EVR: rpm.EVR{Version: version, Release: "1"}, Arch: "noarch"}
	}
	change := func(name string, distance int) []koschei.Change {
		return []koschei.Change{{Name: name, Prev: nevra(name, "1"), Curr: nevra(name, "2"), Distance: distance}}
	}
	build := func(task int64, deps koschei.DepsState) koschei.Build {
		started := now.Add(time.Duration(task-10) * time.Hour)
		return koschei.Build{
			Origin: koschei.Scratch, Outcome: koschei.OutcomeComplete, Event: task, Hub: koschei.Primary, TaskID: task,
			EVR: rpm.EVR{Version: "1", Release: fmt.Sprint(task)}, RepoID: 5, Started: started, Finished: started.Add(time.Hour), Deps: deps,
		}
	}
	return pasts.TakenPast{
		Package: "taken", Resolution: koschei.Unresolved,
		Builds: []pasts.TakenBuild{
			{Build: build(1, koschei.DepsForgotten), Changes: change("flour", 2)},
			{
				Build:  build(2, koschei.DepsPending),
				Set:    []koschei.Dependency{{NEVRA: *nevra("oven", "2"), Distance: 1}},
				Before: &pasts.TakenKey{Package: "taken", Origin: koschei.Scratch, TaskID: 1}, Changes: change("oven", 1),
			},
		},
		Transitions: []pasts.TakenTransition{{Event: 3, Problems: []string{"nothing provides bread"}, Changed: now.Add(-24 * time.Hour)}},
	}
}
