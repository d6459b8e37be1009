package chaos

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
)

// madePackages is how many packages the month has if it passes in a made-up
// distribution, 0 if not.
func madePackages() int {
	n, _ := strconv.Atoi(os.Getenv("KOSCHEI_MONTH_PACKAGES"))
	return n
}

// makeWorld is the distribution that the month passes in, with everyday life to
// come.
func (m *month) makeWorld() *kojisim.World {
	m.t.Helper()
	options := distro.Options{
		Seed: m.plan.seed, Packages: madePackages(), Arches: m.arches(), Everyday: m.everyday(),
		Rules: &kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3, RepoDeleteAfter: 48 * time.Hour, FreedTasks: 0.01, Infrastructure: 0.01},
	}
	var world *kojisim.World
	var err error
	if madePackages() > 0 {
		options.History = 3 * 24 * time.Hour
		world, err = distro.Generate(m.t.Context(), options)
	} else {
		world, err = distro.Load(m.t.Context(), distribution, options)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.packages = len(world.Lock().Packages)
	world.Unlock()
	return world
}

func (m *month) arches() []string { return []string{"x86_64"} }

// everyday is what is usual at a large hub, each once, however few days pass.
func (m *month) everyday() distro.Everyday {
	all := time.Duration(m.days) * 24 * time.Hour
	at := func(percent time.Duration) time.Duration { return all * percent / 100 }
	e := distro.Everyday{
		Drafts: at(5), Pushes: at(10), Upgrade: at(25), MassRebuild: at(30), OnDemand: at(50), OnDemandFor: max(at(10), 3*time.Hour), Branch: at(65),
		Lasting: max(at(10), 4*time.Hour), Rebuilds: 500, Few: 40, Held: true,
	}
	if n := madePackages(); n > 0 {
		e.Rebuilds, e.Few = n/4, n/20
	}
	return e
}

// beginEveryday lets everyday life begin.
func (m *month) beginEveryday() {
	m.t.Helper()
	err := m.hub.Change(func(w *kojisim.System) error {
		w.BeginLife()
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// followBranching has an operator branch f44 once its new tag is there.
func (m *month) followBranching() {
	tag := m.world.Lock().TagByName(distro.BranchTag)
	m.world.Unlock()
	if tag == nil || !m.branched.IsZero() {
		return
	}
	_, err := m.db.BranchCollection(m.t.Context(), m.author(), edit.Branch{
		Master: "f44", NewName: distro.BranchTag, Target: distro.BranchTag, DestTag: distro.BranchTag,
		BuildTag: distro.BranchTag + "-build", DisplayName: "f44",
	})
	if err != nil {
		m.t.Errorf("branching: %v", err)
	}
	m.branched = m.now()
	m.t.Logf("f44 is branched from %s", distro.BranchTag)
}

// comeToRest sends the packagers home and waits until nothing is under way and
// services have had some hours to hear of everything.
func (m *month) comeToRest() {
	m.world.SendHome()
	for _, l := range m.slots {
		if l.service == "scheduler" {
			if err := l.replace("KOSCHEI_KOJI_MAX_BUILDS=0"); err != nil {
				m.t.Errorf("%s did not end as it should: %v", l.name, err)
			}
		}
	}
	var rest time.Time
	m.await("rest", func() string {
		if why := m.unrest(); why != "" {
			rest = time.Time{}
			return why
		}
		if rest.IsZero() {
			rest = m.now()
		}
		if m.now().Sub(rest) < 7*time.Hour {
			return "there is no rest for long enough"
		}
		return ""
	})
}

// unrest says what is still under way.
func (m *month) unrest() string {
	for _, name := range m.judged() {
		c, err := m.db.View.Collection(m.t.Context(), name)
		if err != nil {
			return err.Error()
		}
		repo, settled := m.world.Settled(c.BuildTag, distro.KoscheiUser)
		if !settled || int(c.LatestRepoID) != repo {
			return fmt.Sprintf("%s is at repo %d, its tag at %d, settled: %t", name, c.LatestRepoID, repo, settled)
		}
	}
	tasks := 0
	for _, task := range m.world.BuildTasks(distro.KoscheiUser, "koschei") {
		if !task.Ended {
			tasks++
		}
	}
	open, due := 0, m.record.PackagesToResolve()
	for _, b := range m.record.ScratchBuilds() {
		if !b.Outcome.Ended() {
			open++
		}
	}
	if tasks+open > 0 || due > 0 {
		return fmt.Sprintf("%d tasks, %d builds, %d packages to resolve", tasks, open, due)
	}
	return ""
}

// judged are the collections whose states are compared with the truth.
func (m *month) judged() []string { return []string{"f44", "f45", distro.BranchTag} }

// judgeEveryday wants every package to be in the state that the hub's own history
// gives it.
func (m *month) judgeEveryday() {
	m.t.Helper()
	lived := distro.LivedIn(m.world)
	m.t.Logf("everyday life: %+v", lived)
	if m.branched.IsZero() || lived.Drafts > 0 || lived.Merged == 0 || lived.Overrides == 0 || lived.Asked == 0 || lived.Version != "1.36.0" {
		m.t.Errorf("not all of everyday life has happened: %+v", lived)
		return
	}
	for _, name := range m.judged() {
		c, err := m.db.View.Collection(m.t.Context(), name)
		if err != nil {
			m.t.Errorf("%v", err)
			continue
		}
		// A build that ended right before the branching may or may not have been
		// heard of: what was under way then stayed with the collection that went on.
		early := m.standings(c, m.branched.Add(-3*time.Hour))
		m.judgeCollection(c, m.standings(c, m.branched), early)
	}
}

// standings are the truth about a collection, of whose builds those that had
// ended by then were copied when it was branched off.
func (m *month) standings(c *koschei.Collection, copied time.Time) map[string]kojisim.Standing {
	counts := func(buildTag string, made, ended time.Time) bool {
		switch c.Name {
		case distro.BranchTag:
			return buildTag == c.BuildTag || buildTag == distro.BuildTagName && made.Before(m.branched)
		case "f44":
			return buildTag == c.BuildTag && (made.After(m.branched) || ended.Before(copied))
		}
		return buildTag == c.BuildTag
	}
	return m.world.Standings(c.DestTag, int(c.LatestRepoID), distro.KoscheiUser, counts)
}

func (m *month) judgeCollection(c *koschei.Collection, standings, or map[string]kojisim.Standing) {
	m.t.Helper()
	wrong, found := 0, map[string]int{}
	for _, p := range m.record.PackagesIn(c.Name) {
		at := standings[p.Name]
		found[at.State]++
		if state := string(p.State); state == at.State || state == or[p.Name].State || p.State == koschei.StateUntracked {
			continue
		}
		if wrong++; wrong <= 20 {
			m.t.Errorf("%s@%s is %s, in truth %s: %+v", p.Name, c.Name, p.State, at.State, at)
		}
	}
	m.t.Logf("%s: %d states are wrong, of %s", c.Name, wrong, strings.Trim(fmt.Sprint(found), "map[]"))
	if wrong > 0 {
		m.t.Errorf("%s: %d states are wrong", c.Name, wrong)
	}
}
