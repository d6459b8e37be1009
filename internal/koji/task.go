package koji

import (
	"context"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// A Task is a piece of work at the hub. A build is a task with children: one
// that makes the source package, one for each architecture.
type Task struct {
	ID        int64             `koji:"id"`
	Parent    int64             `koji:"parent"` // 0 at the top
	Method    string            `koji:"method"`
	Label     string            `koji:"label"` // of a child: "srpm" or the architecture
	Arch      string            `koji:"arch"`
	State     koschei.TaskState // may go back to free while it has not ended
	OwnerID   int64             `koji:"owner"`
	HostID    int64             `koji:"host_id"` // 0 while free
	ChannelID int64             `koji:"channel_id"`
	Priority  int               `koji:"priority"`
	Created   time.Time         `koji:"create_ts"`
	Started   time.Time         `koji:"start_ts"`      // zero if never
	Completed time.Time         `koji:"completion_ts"` // zero until ended
	Request   []any             // its parameters as submitted, nil if not asked for
}

// taskStates are in the order of the hub's numbers.
func taskStates() []koschei.TaskState {
	return []koschei.TaskState{
		koschei.TaskFree, koschei.TaskOpen, koschei.TaskClosed,
		koschei.TaskCanceled, koschei.TaskAssigned, koschei.TaskFailed,
	}
}

// UnmarshalXMLRPC implements xmlrpc.Unmarshaler.
func (t *Task) UnmarshalXMLRPC(value any) error {
	type fields Task
	if err := xmlrpc.Unmarshal(value, (*fields)(t)); err != nil {
		return err
	}
	var rest struct {
		State   int `koji:"state"`
		Request any `koji:"request"` // text if the hub was not asked to decode it
	}
	if err := xmlrpc.Unmarshal(value, &rest); err != nil {
		return err
	}
	states := taskStates()
	if rest.State < 0 || rest.State >= len(states) {
		return fmt.Errorf("state %d of a task", rest.State)
	}
	t.State = states[rest.State]
	t.Request, _ = rest.Request.([]any)
	return nil
}

// RepoID returns the repo that the task builds from; 0 if that is not in its
// request, as in a build that takes the current repo. Then its children know.
func (t *Task) RepoID() int64 {
	id, _ := t.option("repo_id").(int64)
	return id
}

// Key returns the key that Build sent with the task, "" if there is none.
func (t *Task) Key() string {
	key, _ := t.option(keyOption).(string)
	return key
}

// Event returns the event of the past that a newRepo task is about, 0 if it is
// about the present.
func (t *Task) Event() int64 {
	event, _ := t.option("event").(int64)
	return event
}

// Source returns what a build or a buildArch task is made from.
func (t *Task) Source() string {
	if len(t.Request) == 0 {
		return ""
	}
	source, _ := t.Request[0].(string)
	return source
}

// option returns a named option of the request. Each method has its options at
// another place, but none has two structs with the same option.
func (t *Task) option(name string) any {
	for _, parameter := range t.Request {
		if members, ok := parameter.(xmlrpc.Struct); ok {
			if value, ok := members.Get(name); ok {
				return value
			}
		}
	}
	return nil
}

// taskChunk is the number of tasks asked for in one call, each of which the hub
// looks up by its primary key.
const taskChunk = 1000

// Tasks returns tasks by their ids, in the same order, nil where there is none.
func (c *Client) Tasks(ctx context.Context, ids []int64) ([]*Task, error) {
	tasks := make([]*Task, 0, len(ids))
	for len(ids) > 0 {
		chunk := ids[:min(taskChunk, len(ids))]
		ids = ids[len(chunk):]
		part, err := readList[*Task](ctx, c, "getTaskInfo", chunk, named("request", true))
		if err != nil {
			return nil, err
		}
		if len(part) != len(chunk) {
			return nil, fmt.Errorf("getTaskInfo: %d answers for %d tasks", len(part), len(chunk))
		}
		tasks = append(tasks, part...)
	}
	return tasks, nil
}

// Task returns a task; ErrNotFound if there is none.
func (c *Client) Task(ctx context.Context, id int64) (*Task, error) {
	var task *Task
	if err := c.read(ctx, &task, "getTaskInfo", id, named("request", true)); err != nil {
		return nil, err
	}
	if task == nil {
		return nil, notFound("task", id)
	}
	return task, nil
}

// Children are the children of one task, in no order, or why they are not
// known.
type Children struct {
	Tasks []Task
	Err   error
}

// TaskChildren returns the children of tasks, in the order of the ids. An
// unknown task has none.
func (c *Client) TaskChildren(ctx context.Context, ids []int64) ([]Children, error) {
	calls := make([]xmlrpc.Call, len(ids))
	for i, id := range ids {
		calls[i] = xmlrpc.Call{Method: "getTaskChildren", Params: []any{id, named("request", true)}}
	}
	results, err := c.Multicall(ctx, calls)
	if err != nil {
		return nil, err
	}
	children := make([]Children, len(ids))
	for i, r := range results {
		if err := resultOf(r, &children[i].Tasks); err != nil {
			children[i] = Children{Err: fmt.Errorf("children of task %d: %w", ids[i], err)}
		}
	}
	return children, nil
}

// A TaskQuery selects tasks.
type TaskQuery struct {
	OwnerID      int64 // 0 for anybody
	Method       string
	States       []koschei.TaskState
	CreatedAfter time.Time
	Limit        int // required
	Offset       int
}

func (q *TaskQuery) params() []any {
	options := xmlrpc.Struct{{Name: "decode", Value: true}}
	if q.OwnerID != 0 {
		options = append(options, xmlrpc.Member{Name: "owner", Value: q.OwnerID})
	}
	if q.Method != "" {
		options = append(options, xmlrpc.Member{Name: "method", Value: q.Method})
	}
	if q.States != nil {
		options = append(options, xmlrpc.Member{Name: "state", Value: stateNumbers(q.States)})
	}
	if !q.CreatedAfter.IsZero() {
		// Hubs before 1.35 take a number for a time of their own zone.
		text := q.CreatedAfter.UTC().Format("2006-01-02 15:04:05.000000-07:00")
		options = append(options, xmlrpc.Member{Name: "createdAfter", Value: text})
	}
	page := xmlrpc.Struct{{Name: "order", Value: "-id"}, {Name: "limit", Value: q.Limit}}
	if q.Offset > 0 {
		page = append(page, xmlrpc.Member{Name: "offset", Value: q.Offset})
	}
	return []any{options, page}
}

func stateNumbers(states []koschei.TaskState) []int {
	numbers := []int{}
	for number, known := range taskStates() {
		for _, state := range states {
			if state == known {
				numbers = append(numbers, number)
			}
		}
	}
	return numbers
}

// ListTasks returns tasks, the newest first, with their requests.
func (c *Client) ListTasks(ctx context.Context, q TaskQuery) ([]Task, error) {
	return readList[Task](ctx, c, "listTasks", q.params()...)
}

// CancelTask cancels a task and all below it that has not ended. An ended task
// stays as it is. Only the owner may, and administrators.
func (c *Client) CancelTask(ctx context.Context, id int64) error {
	var nothing any
	return c.session.change(ctx, &nothing, "cancelTask", id)
}
