package scenario_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/scenario"
	"github.com/koschei-ci/koschei/internal/scheduler"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// judgedFailures is how many failures are enough.
const judgedFailures = 40

// TestPagesTellTheTruth lets packagers of a distribution break things, and compares
// what the page of each package that fails says of why with what the simulator knows.
// The page names the true cause, has it among those that it cannot choose from, or
// says that it does not know.
func TestPagesTellTheTruth(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes some 30 s")
	}
	world, err := distro.Generate(t.Context(), distro.Options{Packages: 150, Seed: 11, History: 48 * time.Hour, Updates: 40, Hosts: 40})
	if err != nil {
		t.Fatal(err)
	}
	l := &everydayLife{Stage: scenario.New(t, world, scenario.As(distro.KoscheiUser, distro.KoscheiUser), scenario.Empty()), world: world}
	l.troupe = newTroupe(l.Stage, l.Repositories(), "first", scheduler.Config{
		Rules: l.Sync.Rules, MaxBuilds: 60, LoadThreshold: 0.9, BuildArches: []string{"x86_64", "aarch64"}, TaskPriority: 30,
	})
	c := &koschei.Collection{
		Name: "f44", DisplayName: "Rawhide", Target: distro.TargetName, DestTag: distro.DestTagName, BuildTag: distro.BuildTagName,
		BuildGroup: koschei.DefaultBuildGroup, PriorityCoefficient: 1, Weight: 1,
	}
	if _, err := l.Store.CreateCollection(t.Context(), l.author(), c); err != nil {
		t.Fatal(err)
	}
	p := &play{Stage: l.Stage}
	p.config.Rules = l.Sync.Rules
	judged, seen := map[string]int{}, map[int64]bool{}
	for hours := 0; len(seen) < judgedFailures && hours < 21*24; hours += 6 {
		l.live(6 * time.Hour)
		for _, pkg := range l.PackagesIn("f44") {
			if pkg.State == koschei.StateFailing && len(seen) < judgedFailures {
				p.judgeFailure(world, pkg.Name, seen, judged)
			}
		}
	}
	t.Logf("of %d failures: %v", len(seen), judged)
	if len(seen) < judgedFailures || judged["named"]+judged["among suspects"] < judgedFailures/5 {
		t.Error("too little was judged, or said")
	}
}

// judgeFailure compares what is said of a package's first failure with the truth.
func (p *play) judgeFailure(world *kojisim.World, name string, seen map[int64]bool, judged map[string]int) {
	p.T.Helper()
	c, err := p.Store.View.Collection(p.T.Context(), "f44")
	if err != nil {
		p.T.Fatal(err)
	}
	page, err := p.Store.Packages.Page(p.T.Context(), name, c.ID, view.HistoryQuery{Limit: 100})
	if err != nil {
		p.T.Fatal(err)
	}
	first := page.FirstFailure
	if first == nil || seen[first.ID] {
		return
	}
	i := slices.IndexFunc(page.History, func(e view.HistoryEntry) bool { return e.Build != nil && e.Build.ID == first.ID })
	if i < 0 {
		return
	}
	truth, known := world.Verdict(int(page.History[i].Build.TaskID))
	if !known {
		return
	}
	seen[first.ID] = true
	said, err := p.sentence(html.PackageURL(name, "f44"))
	if err != nil {
		p.T.Fatal(err)
	}
	word := judgement(&truth, said[0], page.Broke.List)
	judged[word]++
	if word == "wrong" {
		p.T.Errorf("%s: %q, in truth %s %s %s", name, said[0], truth.Cause, truth.Dependency, truth.Detail)
	}
}

// judgement is how a sentence about a failure does beside the truth.
func judgement(truth *kojisim.Verdict, said string, changed []koschei.Change) string {
	among := slices.ContainsFunc(changed, func(c koschei.Change) bool {
		return c.Curr != nil && strings.HasPrefix(truth.Dependency, c.Curr.Name+"-")
	})
	switch {
	case strings.Contains(said, " may have broken it"):
		if truth.Cause == kojisim.CauseDependency && among {
			return "among suspects"
		}
		return fmt.Sprintf("not known, in truth %s", truth.Cause)
	case strings.HasPrefix(said, "The update of "), strings.HasPrefix(said, "One of "):
		if truth.Cause == kojisim.CauseDependency && among {
			return "named"
		}
	case strings.HasPrefix(said, "Nothing in its buildroot changed"), strings.HasPrefix(said, "Its own version"):
		if truth.Cause != kojisim.CauseDependency {
			return "named"
		}
	default:
		return "not known"
	}
	return "wrong"
}
