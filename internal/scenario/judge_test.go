package scenario_test

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// judge checks what must be true at the end of every story.
func (p *play) judge() {
	p.T.Helper()
	p.Hub.SetFaults(kojihub.Faults{})
	tasks, err := p.builtTasks()
	if err != nil {
		p.T.Error(err)
		return
	}
	builds, submitting := p.places()
	atHub := map[string]int{}
	live := map[string]int{}
	for i := range tasks {
		t := &tasks[i]
		place := t.Key() + " " + strconv.FormatInt(t.ID, 10)
		atHub[place]++
		if !t.State.Ended() {
			live[t.Key()]++
			if !slices.Contains(builds, place) && !slices.Contains(submitting, t.Key()) {
				p.T.Errorf("task %d with key %s runs at the hub, the record does not know of it", t.ID, t.Key())
			}
		}
		p.judgeTask(t.ID)
	}
	for _, place := range builds {
		if atHub[place] != 1 {
			p.T.Errorf("the hub has %d tasks for build and task %s of the record, want 1", atHub[place], place)
		}
	}
	for key, n := range live {
		if n > 1 {
			p.T.Errorf("%d tasks of build %s are left to run", n, key)
		}
	}
	p.judgeStates()
}

// ours are the scratch builds of the record that are no copies.
func (p *play) ours() []pgtest.Build {
	p.T.Helper()
	return slices.DeleteFunc(p.ScratchBuilds(), func(b pgtest.Build) bool { return b.CopiedFrom != 0 })
}

// places are the builds of the record with their tasks at the hub, as "build
// task", and the builds that are on their way there.
func (p *play) places() (builds, submitting []string) {
	p.T.Helper()
	for _, b := range p.ours() {
		if b.TaskID != 0 {
			builds = append(builds, fmt.Sprint(b.ID, " ", b.TaskID))
		}
		if b.Outcome == koschei.OutcomeSubmitting {
			submitting = append(submitting, strconv.FormatInt(b.ID, 10))
		}
	}
	return builds, submitting
}

// judgeStates holds what the schema makes of packages against the one place
// that decides what their state is.
func (p *play) judgeStates() {
	p.T.Helper()
	for _, stored := range p.Packages() {
		name := stored.Name + "@" + stored.Collection
		page, _, err := p.page(name)
		if err != nil {
			p.T.Error(err)
		} else if want := page.Package.State(); want != stored.State {
			p.T.Errorf("package %s is %s in the database, want %s", name, stored.State, want)
		}
	}
}

// judgeTask holds the outcome of a build against the truth.
func (p *play) judgeTask(task int64) {
	p.T.Helper()
	truth, known := p.Hub.World().Verdict(int(task))
	builds := slices.DeleteFunc(p.ours(), func(b pgtest.Build) bool { return b.TaskID != task })
	if !known || len(builds) == 0 {
		return
	}
	got := builds[0].Outcome
	want := map[kojisim.Cause][]koschei.Outcome{
		kojisim.CauseNone:           {koschei.OutcomeComplete},
		kojisim.CauseSource:         {koschei.OutcomeFailed},
		kojisim.CauseDependency:     {koschei.OutcomeFailed},
		kojisim.CauseFlake:          {koschei.OutcomeFailed},
		kojisim.CauseInfrastructure: {koschei.OutcomeInfrastructure},
		// If not even the buildroot's group can be installed, no package is to blame.
		kojisim.CauseUnresolvable: {koschei.OutcomeFailed, koschei.OutcomeInfrastructure},
	}[truth.Cause]
	if got.Ended() && !slices.Contains(want, got) {
		p.T.Errorf("build %s of task %d is %s, but the truth is %s: %s", truth.NVR, task, got, truth.Cause, truth.Detail)
	}
}
