package chaos

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
)

// judge compares the record with the hub and with the truth.
func (s *stage) judge(repo int) {
	rows := s.rows()
	s.judgeTwins(rows)
	s.judgeOutcomes(rows)
	s.judgeStates(repo)
	s.judgeRecord()
	s.judgeLogs()
	for _, what := range append(worstTrouble(), "builds complete", "builds failed", "builds infrastructure") {
		if s.counts.of(what) == 0 {
			s.t.Errorf("%s: none, the test has tested little", what)
		}
	}
}

// A row is a scratch build in the record.
type row struct {
	id, outcome string
	task        int // 0 if there is none
}

func (s *stage) rows() map[string]row {
	rows := map[string]row{}
	for _, b := range s.record.ScratchBuilds() {
		id := strconv.FormatInt(b.ID, 10)
		rows[id] = row{id, string(b.Outcome), int(b.TaskID)}
	}
	s.counts.add("builds in the record", len(rows))
	return rows
}

// judgeTwins wants one row for each task, but for those that were canceled
// because there was another one, and one task for each row, but for those that
// the hub has never heard of.
func (s *stage) judgeTwins(rows map[string]row) {
	byKey := s.tasksByKey()
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		tasks := byKey[key]
		s.counts.add("tasks at the hub", len(tasks))
		row, known := rows[key]
		if !known {
			s.t.Errorf("the tasks %v have key %q, which is no build", tasks, key)
			continue
		}
		ran, ours := 0, 0
		for _, task := range tasks {
			switch {
			case task.ID == row.task:
				ours++
			case task.State == "CANCELED":
				s.counts.add("tasks canceled for want of a row", 1)
			default:
				s.t.Errorf("build %s (%s, task %d): nothing is known of task %d (%s)", key, row.outcome, row.task, task.ID, task.State)
			}
			if task.State != "CANCELED" {
				ran++
			}
		}
		if ran > 1 {
			s.t.Errorf("build %s: %d tasks were left to run: %v", key, ran, tasks)
		}
		if row.task != 0 && ours != 1 {
			s.t.Errorf("build %s (%s): its task %d is not among those with its key, %v", key, row.outcome, row.task, tasks)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		switch row := rows[key]; {
		case row.task != 0 && len(byKey[key]) == 0:
			s.t.Errorf("build %s (%s): the hub does not have its task %d", key, row.outcome, row.task)
		case row.task == 0 && row.outcome != "lost":
			s.t.Errorf("build %s is %s without a task", key, row.outcome)
		}
		s.counts.add("builds "+rows[key].outcome, 1)
	}
}

// judgeOutcomes wants every build to have ended as its task did.
func (s *stage) judgeOutcomes(rows map[string]row) {
	verdicts := s.world.Verdicts()
	for key, tasks := range s.tasksByKey() {
		for _, task := range tasks {
			got := koschei.Outcome(rows[key].outcome)
			if task.ID == rows[key].task && !slices.Contains(endings(task, verdicts), got) {
				s.t.Errorf("build %s is %s, its task %d of %s in repo %d is %s by %+v", key, got, task.ID, task.Package, task.Repo, task.State, verdicts[task.ID])
			}
		}
	}
}

// endings are the outcomes that a build with such a task may have.
func endings(task kojisim.BuildTask, verdicts map[int]kojisim.Verdict) []koschei.Outcome {
	v, known := verdicts[task.ID]
	switch {
	case task.State == "CLOSED":
		return []koschei.Outcome{koschei.OutcomeComplete}
	case task.State == "CANCELED":
		return []koschei.Outcome{koschei.OutcomeCanceled, koschei.OutcomeTimeout}
	case !known || v.Cause == kojisim.CauseInfrastructure:
		return []koschei.Outcome{koschei.OutcomeInfrastructure}
	}
	return []koschei.Outcome{koschei.OutcomeFailed}
}

// judgeStates wants every package's state to be the truth about it in the repo.
func (s *stage) judgeStates(repo int) {
	truth := s.world.Foresee(repo)
	last := s.lastVerdicts(repo)
	states := map[string]string{}
	for _, p := range s.record.PackagesIn(collection) {
		if p.State != koschei.StateBlocked {
			states[p.Name] = string(p.State)
		}
	}
	for name, v := range truth {
		got := states[name]
		delete(states, name)
		want, cause := "failing", v.Cause
		if last[name].Cause == kojisim.CauseFlake {
			cause = kojisim.CauseFlake // chance may have it fail besides
		}
		switch cause {
		case kojisim.CauseNone:
			want = "ok"
		case kojisim.CauseUnresolvable:
			want = "unresolved"
		}
		s.counts.add("packages "+want, 1)
		if got != want {
			s.t.Errorf("%s is %q, but in truth %s: %+v, last built %+v", name, got, want, v, last[name])
		}
		if want != "unresolved" && last[name].Cause != cause {
			s.t.Errorf("%s was last built as %+v, foreseen was %+v", name, last[name], v)
		}
	}
	for name, state := range states {
		if state != "unknown" {
			s.t.Errorf("%s is %s, but has no build", name, state)
		}
	}
}

// lastVerdicts are those about our last builds in a repo, by package.
func (s *stage) lastVerdicts(repo int) map[string]kojisim.Verdict {
	last := map[string]kojisim.Verdict{}
	verdicts := s.world.Verdicts()
	for _, task := range s.world.BuildTasks(distro.KoscheiUser, "koschei") {
		v, known := verdicts[task.ID]
		if known && task.Repo == repo && task.State != "CANCELED" && v.Cause != kojisim.CauseInfrastructure {
			last[task.Package] = v
		}
	}
	return last
}

// judgeRecord wants the record to agree with itself.
func (s *stage) judgeRecord() {
	for _, bad := range s.record.Contradictions() {
		s.t.Errorf("%s", bad)
	}
	s.counts.add("sets left for cleanup", int(s.record.SetsLeft()))
	for _, b := range s.record.Builds() {
		if b.Deps == koschei.DepsUnavailable && b.RepoID != 0 && s.world.RepoReadable(int(b.RepoID)) {
			s.t.Errorf("build %d in repo %d is without dependencies, though the repo is there", b.ID, b.RepoID)
		}
	}
}

// judgeLogs wants the logs of most failures to have told something: hubs keep them,
// and what is wrong with a package is in them.
func (s *stage) judgeLogs() {
	for _, f := range s.record.Failures() {
		if f.Found {
			s.counts.add("failures whose logs tell why", 1)
		} else {
			s.counts.add("failures whose logs tell nothing", 1)
		}
	}
	if told, not := s.counts.of("failures whose logs tell why"), s.counts.of("failures whose logs tell nothing"); told <= not {
		s.t.Errorf("of %d failures the logs tell why, of %d they do not", told, not)
	}
}

// report prints what has happened.
func (s *stage) report() {
	log := s.t.Logf
	log("trouble for %s, %.1f days of domain time", s.lasted.Round(time.Second), s.plan.domain(s.lasted).Hours()/24)
	s.counts.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(s.counts.n)) {
		log("%8d %s", s.counts.n[name], name)
	}
	s.counts.mu.Unlock()
	messages := s.hub.MessagesSent()
	for _, fate := range slices.Sorted(maps.Keys(messages)) {
		log("%8d messages of the hub: %s", messages[fate], fate)
	}
	faults := s.hub.FaultsSeen()
	for _, kind := range slices.Sorted(maps.Keys(faults)) {
		log("%8d requests met: %s", faults[kind], kind)
	}
	s.heard.mu.Lock()
	for _, message := range slices.Sorted(maps.Keys(s.heard.n)) {
		log("%8d times logged: %s", s.heard.n[message], message)
	}
	s.heard.mu.Unlock()
	for _, line := range s.recovery {
		log("%s", line)
	}
}
