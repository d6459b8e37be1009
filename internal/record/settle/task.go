package settle

import (
	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

func QueueTasks(batch *pgx.Batch, buildID int64, tasks []koschei.Task) {
	for i := range tasks {
		t := &tasks[i]
		batch.Queue(`
			INSERT INTO build_task (build_id, task_id, method, arch, state, started, finished)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (build_id, task_id) DO UPDATE
			SET state = excluded.state, started = excluded.started, finished = excluded.finished
			WHERE (build_task.state, build_task.started, build_task.finished)
				IS DISTINCT FROM (excluded.state, excluded.started, excluded.finished)`,
			buildID, t.TaskID, t.Method, t.Arch, t.State, t.Started, postgres.OrNull(t.Finished))
	}
}
