package scenario_test

import (
	"slices"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
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
	builds := p.Lines(`SELECT id || ' ' || task_id FROM build WHERE origin = 'scratch' AND copied_from IS NULL AND task_id IS NOT NULL`)
	atHub := map[string]int{}
	live := map[string]int{}
	for i := range tasks {
		t := &tasks[i]
		place := t.Key() + " " + strconv.FormatInt(t.ID, 10)
		atHub[place]++
		if !t.State.Ended() {
			live[t.Key()]++
			if !slices.Contains(builds, place) && p.Number(`SELECT count(*) FROM build WHERE id = $1 AND outcome = 'submitting'`, t.Key()) == 0 {
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

// judgeStates holds what the schema makes of packages against the one place
// that decides what their state is.
func (p *play) judgeStates() {
	p.T.Helper()
	for _, line := range p.Lines(`
		SELECT p.name || '@' || c.name || ' ' || p.state
		FROM package p
		JOIN collection c ON c.id = p.collection_id`) {
		name, state, _ := strings.Cut(line, " ")
		page, _, err := p.page(name)
		if err != nil {
			p.T.Error(err)
		} else if want := page.Package.State(); string(want) != state {
			p.T.Errorf("package %s is %s in the database, want %s", name, state, want)
		}
	}
}

// judgeTask holds the outcome of a build against the truth.
func (p *play) judgeTask(task int64) {
	p.T.Helper()
	truth, known := p.Hub.World().Verdict(int(task))
	outcomes := p.Lines(`SELECT outcome FROM build WHERE origin = 'scratch' AND copied_from IS NULL AND task_id = $1`, task)
	if !known || len(outcomes) == 0 {
		return
	}
	got := koschei.Outcome(outcomes[0])
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
