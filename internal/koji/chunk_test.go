package koji

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// Long lists go out in chunks and come back in order, each with its own
// failure.
func TestMulticallChunks(t *testing.T) {
	t.Parallel()
	hub := newTestHub()
	c := serve(t, hub, Config{})
	mustBuild(t, c, "only")
	calls := make([]xmlrpc.Call, 250)
	for i := range calls {
		calls[i] = xmlrpc.Call{Method: "getTaskInfo", Params: []any{i}}
	}
	calls[7].Method = "noSuchMethod"
	results, err := c.Multicall(t.Context(), calls)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{100, 100, 50}, hub.multicalls); diff != "" {
		t.Errorf("chunks (-want +got):\n%s", diff)
	}
	for i, r := range results {
		_, isTask := r.Value.(xmlrpc.Struct)
		if isTask != (i == 1) || (r.Fault != nil) != (i == 7) {
			t.Errorf("result %d: %+v", i, r)
		}
	}
	if none, err := c.Multicall(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("no calls: %v, %v", none, err)
	}
}

func TestTasksChunks(t *testing.T) {
	t.Parallel()
	hub := newTestHub()
	c := serve(t, hub, Config{})
	var ids []int64
	for i := range taskChunk + 50 {
		if i < 225 {
			mustBuild(t, c, fmt.Sprint(i))
		}
		ids = append(ids, int64(taskChunk+50-i))
	}
	tasks, err := c.Tasks(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, task := range tasks {
		if want := ids[i]; want > 225 && task != nil || want <= 225 && (task == nil || task.ID != want) {
			t.Errorf("task %d: got %+v", want, task)
		}
	}
	if _, err := c.Task(t.Context(), 999); !errors.Is(err, koschei.ErrNotFound) {
		t.Errorf("task 999: %v", err)
	}
}

// All pages are searched; two tasks with one key come in the order they were
// made.
func TestTasksByKey(t *testing.T) {
	t.Parallel()
	hub := newTestHub()
	c := serve(t, hub, Config{})
	for i := range 2*keyPage + 50 {
		key := fmt.Sprint(i)
		if i == 3 || i == keyPage+7 {
			key = "twice"
		}
		mustBuild(t, c, key)
	}
	for key, want := range map[string][]int64{"twice": {4, keyPage + 8}, "0": {1}, "nosuch": {}} {
		tasks, err := c.TasksByKey(t.Context(), key, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		got := []int64{}
		for _, task := range tasks {
			got = append(got, task.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
}
