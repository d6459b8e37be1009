package chaos

import (
	"maps"
	"slices"
	"strconv"
	"strings"
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
	for _, line := range s.sql.Lines(`SELECT concat_ws(' ', id, outcome, coalesce(task_id, 0)) FROM build WHERE origin = 'scratch'`) {
		f := strings.Fields(line)
		task, err := strconv.Atoi(f[2])
		if err != nil {
			s.t.Fatal(err)
		}
		rows[f[0]] = row{f[0], f[1], task}
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
	for _, line := range s.sql.Lines(`SELECT name || ' ' || state FROM package WHERE state <> 'blocked'`) {
		name, state, _ := strings.Cut(line, " ")
		states[name] = state
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
	for _, check := range []struct{ what, query string }{
		{"packages whose last builds are others", `
			SELECT p.name || ': last ' || coalesce(p.last_build_id, 0) || ', complete ' || coalesce(p.last_complete_build_id, 0)
			FROM package p
			LEFT JOIN LATERAL (
				SELECT id, started FROM build b
				WHERE b.package_id = p.id AND NOT untagged AND outcome IN ('submitting', 'running', 'complete', 'failed')
				ORDER BY event DESC, id DESC LIMIT 1) l ON true
			LEFT JOIN LATERAL (
				SELECT id, outcome FROM build b
				WHERE b.package_id = p.id AND NOT untagged AND outcome IN ('complete', 'failed')
				ORDER BY event DESC, id DESC LIMIT 1) d ON true
			WHERE (p.last_build_id, p.last_build_started, p.last_complete_build_id, p.last_complete_outcome)
				IS DISTINCT FROM (l.id, l.started, d.id, d.outcome)`},
		{"states that were not noted", `SELECT name || ': ' || noted_state || ', is ' || state FROM package WHERE noted_state <> state`},
		{"states without their history", `
			SELECT p.name || ': ' || p.state || ', last change to ' || c.curr
			FROM package p
			JOIN LATERAL (SELECT curr FROM state_change c WHERE c.package_id = p.id ORDER BY c.id DESC LIMIT 1) c ON true
			WHERE c.curr <> p.state`},
		{"histories of states that jump", `
			SELECT p.name || ': ' || c.before || ', then from ' || c.prev
			FROM (SELECT package_id, prev, lag(curr) OVER (PARTITION BY package_id ORDER BY id) AS before FROM state_change) c
			JOIN package p ON p.id = c.package_id
			WHERE c.before <> c.prev`},
		{"verdicts that differ from the package's", `
			SELECT p.name || ': ' || p.resolution
			FROM package p
			LEFT JOIN resolution r ON r.package_id = p.id
			WHERE p.tracked AND NOT p.blocked AND (p.resolution = 'resolved') <> (r.set_hash IS NOT NULL)`},
		{"changes that do not begin at the build before", `
			SELECT a.build_id || ' from ' || a.prev_build_id
			FROM applied_change a
			JOIN build b ON b.id = a.build_id
			LEFT JOIN LATERAL (
				SELECT id FROM build o
				WHERE o.package_id = b.package_id AND (o.event, o.id) < (b.event, b.id)
					AND o.outcome IN ('running', 'submitting', 'complete', 'failed') AND o.deps = 'resolved'
				ORDER BY event DESC, id DESC LIMIT 1) o ON true
			WHERE o.id IS DISTINCT FROM a.prev_build_id`},
	} {
		if bad := s.sql.Lines(check.query); len(bad) > 0 {
			s.t.Errorf("%d %s, such as %q", len(bad), check.what, bad[:min(5, len(bad))])
		}
	}
	s.counts.add("sets left for cleanup", int(s.sql.Number(`
		SELECT count(*) FROM dependency_set d
		WHERE NOT EXISTS (SELECT 1 FROM build b WHERE b.dependency_set_id = d.id)`)))
	for _, line := range s.sql.Lines(`SELECT repo_id || ' ' || count(*) FROM build WHERE deps = 'unavailable' AND repo_id IS NOT NULL GROUP BY repo_id`) {
		id, n, _ := strings.Cut(line, " ")
		if repo, err := strconv.Atoi(id); err != nil || s.world.RepoReadable(repo) {
			s.t.Errorf("%s builds in repo %s are without dependencies, though it is there", n, id)
		}
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
