package koji

import (
	"context"
	"fmt"

	"github.com/koschei-ci/koschei"
)

// NewRepoAt has the hub make a repo of a tag as it was at an event and returns
// the task's id. It needs a permission.
func (c *Client) NewRepoAt(ctx context.Context, tag string, event int64) (int64, error) {
	var task int64
	err := c.session.changeOnce(ctx, &task, "newRepo", tag, named("event", event))
	return task, err
}

// NewRepo has the hub make a repo of a tag now and returns the task's id. It
// needs a permission.
func (c *Client) NewRepo(ctx context.Context, tag string) (int64, error) {
	var task int64
	err := c.session.changeOnce(ctx, &task, "newRepo", tag)
	return task, err
}

// NewRepoTasks returns the newest newRepo tasks of our user, the newest first.
// Source and Event of a task tell what it is about.
func (c *Client) NewRepoTasks(ctx context.Context, limit int) ([]Task, error) {
	me, err := c.ourselves(ctx)
	if err != nil {
		return nil, err
	}
	return c.ListTasks(ctx, TaskQuery{OwnerID: me.ID, Method: "newRepo", Limit: limit})
}

// A NoRepoError says that a newRepo task has ended and made no repo.
type NoRepoError struct {
	TaskID int64
	Reason string
}

func (e *NoRepoError) Error() string { return fmt.Sprintf("newRepo task %d: %s", e.TaskID, e.Reason) }

// MadeRepo returns the id of the repo that a newRepo task has made. An error is
// ErrNotFinished as long as it has not, a NoRepoError if it never will,
// ErrNotFound if there is no such task.
func (c *Client) MadeRepo(ctx context.Context, task int64) (repo int64, err error) {
	result, err := c.TaskResult(ctx, task)
	switch {
	case err != nil:
		return 0, err
	case result.Fault != nil:
		return 0, &NoRepoError{task, result.Fault.String}
	case result.State != koschei.TaskClosed:
		return 0, &NoRepoError{task, string(result.State)}
	}
	// The answer is the repo and its event.
	if values, _ := result.Value.([]any); len(values) > 0 {
		repo, _ = values[0].(int64)
	}
	if repo == 0 {
		return 0, &NoRepoError{task, fmt.Sprintf("it ended with %v, which names no repo", result.Value)}
	}
	return repo, nil
}
