package kojisim

import (
	"strconv"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Break adds a rule by which builds fail.
func (w *System) Break(b Breakage) {
	w.truth.breakages[b.Package] = append(w.truth.breakages[b.Package], b)
}

// Mend ends all reasons for which builds of a package fail.
func (w *System) Mend(name string) {
	delete(w.truth.breakages, name)
	delete(w.truth.flaky, name)
	delete(w.truth.logs, name)
}

// WriteLog adds a line to a log that tasks leave which fail to build a package,
// in the place of what they would write themselves.
func (w *System) WriteLog(name, log, line string) error {
	if w.truth.logs[name] == nil {
		w.truth.logs[name] = map[string]string{}
	}
	if line != "" {
		line += "\n"
	}
	w.truth.logs[name][log] += line
	return nil
}

// WrittenLog is what WriteLog has put into a log of a failed task.
func (w *System) WrittenLog(t *Task, log string) (text string, written bool) {
	if t.State != TaskFailed || t.Notes.Source == nil {
		return "", false
	}
	text, written = w.truth.logs[t.Notes.Source.Package.Name][log]
	return text, written
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

// cannotInstall decides whether the buildroot of src cannot be installed from r.
func (w *System) cannotInstall(o *outcome, src *Build, r *Repo) bool {
	l, release := w.lookIn(r)
	defer release()
	if bad, unmet := l.brokenGroup(); unmet {
		o.Cause, o.Detail, o.noRoot = CauseUnresolvable, "the group build: "+bad.String(), true
		return true
	}
	bad, unmet := l.Unmet(src.Requires)
	if !unmet {
		bad, unmet = l.unwanted(src.Conflicts)
	}
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
		if o.fault = b.Fault; b.Fault != nil {
			o.Cause, o.task = b.Cause, b.Task
		}
		if b.Dependency != "" {
			o.Cause = CauseDependency
			o.Dependency = b.Dependency + "-" + b.DependencyFrom.String()
		}
		return true
	}
	return false
}
