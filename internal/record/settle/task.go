package settle

import (
	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// QueueTasks adds the statements that store a build's tasks to a batch.
func QueueTasks(batch *pgx.Batch, buildID int64, tasks []koschei.Task) {
	for i := range tasks {
		t := &tasks[i]
		batch.Queue(`
			INSERT INTO build_task (build_id, task_id, method, arch, state, started, finished, host_id)
			VALUES (@build, @task, @method, @arch, @state, @started, @finished, nullif(@host::bigint, 0))
			ON CONFLICT (build_id, task_id) DO UPDATE
			SET state = excluded.state, started = excluded.started, finished = excluded.finished,
				host_id = coalesce(excluded.host_id, build_task.host_id)
			WHERE (build_task.state, build_task.started, build_task.finished, build_task.host_id)
				IS DISTINCT FROM (excluded.state, excluded.started, excluded.finished, coalesce(excluded.host_id, build_task.host_id))`,
			pgx.NamedArgs{
				"build": buildID, "task": t.TaskID, "method": t.Method, "arch": t.Arch, "state": t.State,
				"started": t.Started, "finished": postgres.OrNull(t.Finished), "host": t.HostID,
			})
	}
}
