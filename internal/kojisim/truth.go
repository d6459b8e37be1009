package kojisim

import (
	"strconv"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Cause is why a build ended as it did.
type Cause string

// The causes there are.
const (
	CauseNone           Cause = "none"           // it succeeded
	CauseSource         Cause = "source"         // its own source is broken
	CauseDependency     Cause = "dependency"     // something in its buildroot broke it
	CauseInfrastructure Cause = "infrastructure" // the build system failed
	CauseFlake          Cause = "flake"          // chance
	CauseUnresolvable   Cause = "unresolvable"   // its buildroot cannot be installed
)

// A Breakage is a rule by which builds of a package fail: from the source
// version From on until it is fixed in Until (zero: never); with a Dependency
// only when that binary package has reached DependencyFrom in the repo.
type Breakage struct {
	Package        string
	From, Until    rpm.EVR
	Dependency     string
	DependencyFrom rpm.EVR
	Message        string // what the build log says
	Arch           string // fails only there, "" is everywhere
}

// A Verdict is the truth about one build task.
type Verdict struct {
	Task       int
	Package    string
	NVR        string
	Repo       int
	Cause      Cause
	Dependency string // which one broke it, with its version
	Detail     string
}

// truth is the script and what it led to.
type truth struct {
	breakages map[string][]Breakage // by package
	flaky     map[string]float64
	attempts  map[string]int // by source and repo
	verdicts  map[int]Verdict
}

func (t *truth) init() {
	t.breakages = map[string][]Breakage{}
	t.flaky = map[string]float64{}
	t.attempts = map[string]int{}
	t.verdicts = map[int]Verdict{}
}

// Break adds a rule by which builds fail.
func (world *World) Break(b Breakage) {
	w := world.Lock()
	defer world.Unlock()
	w.Break(b)
}

// Break adds a rule by which builds fail.
func (w *System) Break(b Breakage) {
	w.truth.breakages[b.Package] = append(w.truth.breakages[b.Package], b)
}

// Mend ends all reasons for which builds of a package fail.
func (w *System) Mend(name string) {
	delete(w.truth.breakages, name)
	delete(w.truth.flaky, name)
}

// MakeFlaky makes builds of a package fail by chance with probability p.
func (w *System) MakeFlaky(name string, p float64) { w.truth.flaky[name] = p }

// Repair ends all breakages of a package with the source version evr.
func (w *System) Repair(name string, evr rpm.EVR) {
	bs := w.truth.breakages[name]
	for i := range bs {
		if bs[i].Until == (rpm.EVR{}) {
			bs[i].Until = evr
		}
	}
}

// Flaky makes builds of a package fail by chance with probability p.
func (world *World) Flaky(name string, p float64) {
	w := world.Lock()
	defer world.Unlock()
	w.MakeFlaky(name, p)
}

// Verdict tells why the top-level build task ended as it did; false if it has
// not ended, was canceled, or was no build.
func (world *World) Verdict(task int) (Verdict, bool) {
	w := world.Lock()
	defer world.Unlock()
	v, ok := w.truth.verdicts[task]
	return v, ok
}

// Verdicts returns all of them, by task.
func (world *World) Verdicts() map[int]Verdict {
	w := world.Lock()
	defer world.Unlock()
	out := make(map[int]Verdict, len(w.truth.verdicts))
	for id, v := range w.truth.verdicts {
		out[id] = v
	}
	return out
}

// applies reports whether the breakage hits a source in a repo.
func (b Breakage) applies(w *System, src *Build, r *Repo) bool {
	if src.EVR.Order(b.From) < 0 || b.Until != (rpm.EVR{}) && src.EVR.Order(b.Until) >= 0 {
		return false
	}
	if b.Dependency == "" {
		return true
	}
	got, ok := w.installedInRepo(r, b.Dependency)
	return ok && got.Order(b.DependencyFrom) >= 0
}

// An outcome is what will come of a build, decided when it starts.
type outcome struct {
	Verdict
	arch    string // which architecture fails; "" is all
	Message string
	Luck    draw.Draw // for durations and details
	noRoot  bool      // not even the buildroot's group can be installed
}

// decide draws the outcome of building src in r.
func (w *System) decide(taskID int, src *Build, r *Repo) outcome {
	key := src.NEVRA().String() + " " + strconv.Itoa(r.ID)
	w.truth.attempts[key]++
	luck := draw.From(w.Seed, "outcome", key, strconv.Itoa(w.truth.attempts[key]))
	o := outcome{Luck: luck, Verdict: Verdict{
		Task: taskID, Package: src.Package.Name, NVR: src.NVR(), Repo: r.ID, Cause: CauseNone,
	}}
	infra, flake := luck.Fraction(), luck.Fraction()
	switch {
	case w.cannotInstall(&o, src, r):
	case infra < w.Rules.Infrastructure:
		o.Cause, o.Detail = CauseInfrastructure, "the builder lost its network"
	case w.broken(&o, src, r):
	case flake < w.truth.flaky[src.Package.Name]:
		o.Cause, o.Message = CauseFlake, "timed out waiting for worker"
		o.Detail = o.Message
	}
	return o
}

// Foresee tells what building the newest source of each package in a repo
// comes to: by package, without those that are blocked or have no build. Chance
// and the build system's own failures are left out.
func (world *World) Foresee(repoID int) map[string]Verdict {
	w := world.Lock()
	defer world.Unlock()
	out := map[string]Verdict{}
	r := w.RepoByID(repoID)
	if r == nil {
		return out
	}
	for _, p := range w.Packages {
		src := r.Tag.LatestBuild(p, w.LastEvent())
		if src == nil || IsBlocked(r.Tag.Order(), p) {
			continue
		}
		o := outcome{Verdict: Verdict{Package: p.Name, NVR: src.NVR(), Repo: r.ID, Cause: CauseNone}}
		if !w.cannotInstall(&o, src, r) {
			w.broken(&o, src, r)
		}
		out[p.Name] = o.Verdict
	}
	return out
}

// cannotInstall decides whether the buildroot of src cannot be installed from r.
func (w *System) cannotInstall(o *outcome, src *Build, r *Repo) bool {
	l, release := w.lookIn(r)
	defer release()
	if bad, unmet := l.brokenGroup(); unmet {
		o.Cause, o.Detail, o.noRoot = CauseUnresolvable, "the group build: "+bad.String(), true
		return true
	}
	bad, unmet := l.Unmet(src.Requires)
	if unmet {
		o.Cause, o.Detail = CauseUnresolvable, bad.String()
	}
	return unmet
}

// broken decides whether a breakage hits src in r.
func (w *System) broken(o *outcome, src *Build, r *Repo) bool {
	for _, b := range w.truth.breakages[src.Package.Name] {
		if !b.applies(w, src, r) {
			continue
		}
		o.Cause, o.Message, o.arch, o.Detail = CauseSource, b.Message, b.Arch, b.Message
		if b.Dependency != "" {
			o.Cause = CauseDependency
			o.Dependency = b.Dependency + "-" + b.DependencyFrom.String()
		}
		return true
	}
	return false
}

// brokenGroup returns what keeps the group of the buildroot from being
// installed. A member that does not exist is passed over, as mock does.
func (l *Look) brokenGroup() (rpm.Relation, bool) {
	g := l.tag.GroupByName("build")
	if g == nil {
		return rpm.Relation{}, false
	}
	for _, m := range g.AllMembers() {
		name := rpm.Relation{Name: m.Name}
		if m.Kind != "optional" && len(l.Candidates(name)) > 0 && !l.met(name) {
			return name, true
		}
	}
	return rpm.Relation{}, false
}
