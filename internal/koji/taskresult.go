package koji

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// ErrNotFinished is the error of asking a task for its result too early.
var ErrNotFinished = errors.New("the task is not finished")

// A TaskResult is how a task ended.
type TaskResult struct {
	State koschei.TaskState // closed, failed or canceled
	Value any               // of a closed task; nil for a build
	Fault *xmlrpc.Fault     // of a failed one; a parent has that of its first failed child
}

// TaskResult returns how a task ended; ErrNotFinished if it has not,
// ErrNotFound if there is none. The fault of the task is part of the result,
// not an error of the call.
func (c *Client) TaskResult(ctx context.Context, id int64) (*TaskResult, error) {
	var value any
	err := c.read(ctx, &value, "getTaskResult", id, named("raise_fault", false))
	var fault *xmlrpc.Fault
	if errors.As(err, &fault) && fault.Code == codeGeneric {
		// The hub has one code for all three and tells them apart by words only.
		switch {
		case fault.String == fmt.Sprintf("Task %d is canceled", id):
			return &TaskResult{State: koschei.TaskCanceled}, nil
		case fault.String == fmt.Sprintf("Task %d is not finished", id):
			return nil, fmt.Errorf("task %d: %w", id, ErrNotFinished)
		case strings.HasPrefix(fault.String, "No such task"):
			return nil, notFound("task", id)
		}
	}
	if err != nil {
		return nil, err
	}
	if members, ok := value.(xmlrpc.Struct); ok {
		if fault, ok := xmlrpc.FaultOf(members); ok {
			return &TaskResult{State: koschei.TaskFailed, Fault: fault}, nil
		}
	}
	return &TaskResult{State: koschei.TaskClosed, Value: value}, nil
}

// ClassOfTask tells what the fault of a build task means: PackageOwn if it
// says something about the package, Permanent if the hub does not do what we
// asked for, Infrastructure if another attempt may end otherwise.
func ClassOfTask(fault *xmlrpc.Fault) Class {
	switch code := fault.Code; {
	case code < codeGeneric || code > codeLast:
		return Infrastructure // an exception that Koji did not foresee
	case code == codeBuild:
		return classOfBuildError(fault.String)
	case code == codePreBuild || code == codePostBuild:
		return PackageOwn
	case code == codeGeneric || code == codeNotAllowed || code == codeParameter:
		return Permanent
	default:
		return Infrastructure // locks, an offline hub, a buildroot that cannot be made
	}
}

// buildersOwn are faults that builders raise as if a build had failed, although
// they are about the builder, the repo or what the hub is told of its tags. Of
// those of mock, all but the statuses of a build and of installing packages are.
var buildersOwn = regexp.MustCompile(`^(?:No such repo:|Bad repo:|Repo/Target mismatch:|` +
	`host \S+ \(.*\) does not support any arches of tag |No arch list for |No arches for tag |` +
	`SRPM file missing: |could not find a built srpm|The build system failed to set the \S+ tag|` +
	`Invalid source specification: |arch_override is only allowed |Destination tag |Tag \S+ is locked)` +
	`|mock was killed by signal \d+|mock exited with status (?:[2-6]|25|60|65|70|80|90|110|129|13\d|14\d)\b`)

func classOfBuildError(text string) Class {
	if buildersOwn.MatchString(text) {
		return Infrastructure
	}
	return PackageOwn
}
