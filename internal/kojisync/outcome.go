package kojisync

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/record"
)

// An ending is what a task's end means for its build.
type ending struct {
	outcome   koschei.Outcome
	fault     string // one line; "" if it completed
	faultTask int64
	pinning   bool // the hub does not let us choose the repo
}

// judge finds out what the end of a task means. A task that failed says
// something about its package only if a builder came to build it: faults of
// the hub, of builders and of the way to the repo do not count.
func (s *Sync) judge(ctx context.Context, b *record.RunningBuild, task *koji.Task, children []koji.Task) (ending, error) {
	switch task.State {
	case koschei.TaskClosed:
		return ending{outcome: koschei.OutcomeComplete}, nil
	case koschei.TaskCanceled:
		return s.judgeCanceled(b, task, children), nil
	}
	fault, err := s.faultOf(ctx, task.ID)
	if err != nil {
		return ending{}, err
	}
	end := ending{outcome: koschei.OutcomeInfrastructure, fault: faultLine(fault), faultTask: task.ID}
	end.pinning = strings.Contains(end.fault, "policy violation (build_from_repo_id)")
	culprits := culpritsOf(children)
	if len(culprits) == 0 {
		if koji.ClassOfTask(fault) == koji.PackageOwn {
			end.outcome = koschei.OutcomeFailed
		}
		return end, nil
	}
	for i := range culprits {
		of, err := s.judgeChild(ctx, &culprits[i])
		if err != nil {
			return ending{}, err
		}
		if i == 0 || of.outcome == koschei.OutcomeFailed {
			of.pinning = end.pinning
			end = of
		}
		if of.outcome == koschei.OutcomeFailed {
			break
		}
	}
	return end, nil
}

// judgeChild finds out what it says of the package that a child of its task
// failed. Where builders let the other architectures go on, several may fail,
// each for a reason of its own.
func (s *Sync) judgeChild(ctx context.Context, child *koji.Task) (ending, error) {
	fault, err := s.faultOf(ctx, child.ID)
	if err != nil {
		return ending{}, err
	}
	end := ending{outcome: koschei.OutcomeInfrastructure, fault: faultLine(fault), faultTask: child.ID}
	if koji.ClassOfTask(fault) != koji.PackageOwn {
		return end, nil
	}
	trouble, err := s.troubleInLogs(ctx, child, end.fault)
	switch {
	case err != nil:
		return ending{}, err
	case trouble != "":
		end.fault = trouble
	default:
		end.outcome = koschei.OutcomeFailed
	}
	return end, nil
}

// faultOf is why a task failed.
func (s *Sync) faultOf(ctx context.Context, id int64) (*xmlrpc.Fault, error) {
	result, err := s.Primary.TaskResult(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("result of task %d: %w", id, err)
	}
	if result.Fault == nil {
		return nil, fmt.Errorf("task %d failed, but its result is no fault", id)
	}
	return result.Fault, nil
}

func (s *Sync) judgeCanceled(b *record.RunningBuild, task *koji.Task, children []koji.Task) ending {
	ran := cmp.Or(task.Completed, s.Now()).Sub(b.Started)
	switch {
	case b.CancelRequested:
		return ending{outcome: koschei.OutcomeCanceled, fault: "canceled on request", faultTask: task.ID}
	case ran >= s.TaskTimeout && !slices.ContainsFunc(children, func(t koji.Task) bool { return !t.Started.IsZero() }):
		return ending{
			outcome: koschei.OutcomeInfrastructure, faultTask: task.ID,
			fault: fmt.Sprintf("no builder took it within %s", s.TaskTimeout.Round(time.Minute)),
		}
	case ran >= s.TaskTimeout:
		return ending{
			outcome: koschei.OutcomeTimeout, faultTask: task.ID,
			fault: fmt.Sprintf("canceled after %s, the longest time a build may take", s.TaskTimeout.Round(time.Minute)),
		}
	default:
		return ending{outcome: koschei.OutcomeCanceled, fault: "canceled in Koji", faultTask: task.ID}
	}
}

// culpritsOf returns the children that failed, the first of them first.
func culpritsOf(children []koji.Task) []koji.Task {
	var failed []koji.Task
	for _, t := range children {
		if t.State == koschei.TaskFailed {
			failed = append(failed, t)
		}
	}
	slices.SortStableFunc(failed, func(a, b koji.Task) int {
		return cmp.Or(a.Completed.Compare(b.Completed), cmp.Compare(a.ID, b.ID))
	})
	return failed
}

// faultLine is a fault in one line. Of a traceback that is the first line below
// the last place in the code: what follows there explains it.
func faultLine(fault *xmlrpc.Fault) string {
	lines := strings.Split(strings.TrimSpace(fault.String), "\n")
	line := lines[0]
	if strings.HasPrefix(line, "Traceback") {
		line = exceptionOf(lines)
	}
	const longest = 500
	line = strings.ToValidUTF8(strings.TrimSpace(line), "?")
	if len(line) > longest {
		line = strings.ToValidUTF8(line[:longest], "") + "…"
	}
	return line
}

func exceptionOf(lines []string) string {
	for i, line := range slices.Backward(lines) {
		if !strings.HasPrefix(line, "  File ") {
			continue
		}
		for _, below := range lines[i+1:] {
			if below != "" && below[0] != ' ' && below[0] != '\t' {
				return below
			}
		}
	}
	return lines[len(lines)-1]
}
