package scenario_test

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/scenario"
	"github.com/koschei-ci/koschei/internal/scheduler"
)

// An everydayLife is a distribution in which what is usual at a large hub
// happens in a few days, and services that follow it.
type everydayLife struct {
	*scenario.Stage
	world  *kojisim.World
	troupe *troupe
	notOK  int // packages that were judged and are not ok in truth
}

// TestEverydayLife lives through an upgrade of the hub, draft builds, overrides
// that become updates, a mass rebuild that is merged at once, repos made on
// demand, and a branching during which all builds are tagged once more. In the
// end every package is in the state that the hub's own history gives it.
func TestEverydayLife(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes some 30 s")
	}
	const hour = time.Hour
	world, err := distro.Generate(t.Context(), distro.Options{
		Packages: 70, Seed: 5, History: 48 * hour, Updates: 12, Hosts: 20,
		Everyday: distro.Everyday{
			Drafts: 4 * hour, Pushes: 8 * hour, Upgrade: 20 * hour, MassRebuild: 24 * hour, OnDemand: 40 * hour, OnDemandFor: 12 * hour,
			Branch: 60*hour + time.Minute, Lasting: 9 * hour, Rebuilds: 30, Few: 6,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &everydayLife{Stage: scenario.New(t, world, scenario.As(distro.KoscheiUser, distro.KoscheiUser), scenario.Empty()), world: world}
	l.troupe = newTroupe(l.Stage, l.Repositories(), "first", scheduler.Config{
		Rules: l.Sync.Rules, MaxBuilds: 30, LoadThreshold: 0.9, BuildArches: []string{"x86_64", "aarch64"}, TaskPriority: 30,
	})
	// As with production, updates and overrides are in the collection, too.
	c := &koschei.Collection{
		Name: "f44", DisplayName: "Rawhide", Target: distro.TargetName, DestTag: distro.BuildTagName, BuildTag: distro.BuildTagName,
		BuildGroup: koschei.DefaultBuildGroup, PriorityCoefficient: 1, Weight: 1,
	}
	if _, err := l.Store.CreateCollection(t.Context(), l.author(), c); err != nil {
		t.Fatal(err)
	}
	l.live(61 * hour)
	branched := l.branch()
	l.live(24 * hour)
	world.SendHome()
	l.live(24 * hour)
	l.troupe.reconfigure(func(c *scheduler.Config) { c.MaxBuilds = 0 })
	l.live(24 * hour)

	// What was under way at the branching stayed with the collection that went on.
	l.judge("f44", distro.BuildTagName, func(buildTag string, made, ended time.Time) bool {
		return buildTag == distro.BuildTagName && (made.After(branched) || !ended.After(branched))
	})
	l.judge(distro.BranchTag, distro.BranchTag, func(buildTag string, made, _ time.Time) bool {
		return buildTag == distro.BranchTag+"-build" || made.Before(branched)
	})
	if l.notOK == 0 {
		t.Error("all packages are ok: the test has tested little")
	}
	lived := distro.LivedIn(world)
	t.Logf("%+v", lived)
	if lived.Drafts > 0 || lived.Merged < 10 || lived.Overrides < 3 || lived.Branched < 60 || lived.Asked == 0 || lived.Version != "1.36.0" {
		t.Errorf("not all of everyday life has happened: %+v", lived)
	}
}

func (l *everydayLife) author() audit.Act {
	return audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: l.Clock.Now()}
}

// live lets time pass while services work.
func (l *everydayLife) live(d time.Duration) {
	l.T.Helper()
	for ; d > 0; d -= time.Hour {
		l.Clock.Step(time.Hour)
		for _, name := range serviceNames() {
			heard, err := l.troupe.pass(l.T.Context(), name)
			if err != nil {
				l.T.Fatal(err)
			}
			for _, line := range heard {
				l.T.Logf("%s: %s", name, line)
			}
		}
		l.TrackAll()
	}
}

// branch has an operator follow the branching. It returns when that was.
func (l *everydayLife) branch() time.Time {
	l.T.Helper()
	_, err := l.Store.BranchCollection(l.T.Context(), l.author(), edit.Branch{
		Master: "f44", NewName: distro.BranchTag, Target: distro.BranchTag, DestTag: distro.BranchTag,
		BuildTag: distro.BranchTag + "-build", DisplayName: "Fedora 44",
	})
	if err != nil {
		l.T.Fatal(err)
	}
	return l.Clock.Now()
}

// judge wants every package of a collection to be in the state that follows from
// what became of its newest source at the hub, and from what is in the latest
// repo.
func (l *everydayLife) judge(collection, tag string, counts func(buildTag string, made, ended time.Time) bool) {
	l.T.Helper()
	row, err := l.Store.View.Collection(l.T.Context(), collection)
	if err != nil {
		l.T.Fatal(err)
	}
	if row.LatestRepoResolved != koschei.Resolved {
		l.T.Fatalf("%s: %+v", collection, row)
	}
	if repo, settled := l.world.Settled(row.BuildTag, distro.KoscheiUser); !settled || repo != int(row.LatestRepoID) {
		l.T.Errorf("%s is at repo %d, the hub at %d, settled: %t", collection, row.LatestRepoID, repo, settled)
	}
	found := map[string]int{}
	standings := l.world.Standings(tag, int(row.LatestRepoID), distro.KoscheiUser, counts)
	for _, p := range l.PackagesIn(collection) {
		at := standings[p.Name]
		found[at.State]++
		if string(p.State) != at.State {
			l.T.Errorf("%s@%s is %s, in truth %s: %+v", p.Name, collection, p.State, at.State, at)
		}
	}
	l.T.Logf("%s: %v", collection, found)
	l.notOK += len(standings) - found["ok"]
	if found["ok"] < 40 {
		l.T.Errorf("%s: %v: the test has tested little", collection, found)
	}
}
