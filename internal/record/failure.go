package record

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/buildlog"
)

// An UnreadFailure is a failed build whose logs were not read yet.
type UnreadFailure struct {
	BuildID int64
	Package string
	Hub     koschei.Hub
	TaskID  int64  // the one that brought it down; 0 if that is not known
	Arch    string // of that task; "" if not known
}

// UnreadFailures returns the failed builds that ended since a domain time and whose
// logs were not read, the newest first, without those of which it is not the time.
func (rec *Record) UnreadFailures(ctx context.Context, since time.Time, without []int64, limit int) ([]UnreadFailure, error) {
	rows, err := rec.db.Query(ctx, `
		SELECT b.id, p.name, b.hub, coalesce(b.fault_task_id, 0), coalesce(t.arch, '')
		FROM build b
		JOIN package p ON p.id = b.package_id
		LEFT JOIN build_task t ON t.build_id = b.id AND t.task_id = b.fault_task_id
		WHERE b.outcome = 'failed' AND b.finished >= $1 AND b.copied_from IS NULL AND b.id <> ALL($2)
			AND NOT EXISTS (SELECT FROM build_failure f WHERE f.build_id = b.id)
		ORDER BY b.finished DESC, b.id DESC
		LIMIT $3`, since, append([]int64{}, without...), limit)
	if err != nil {
		return nil, fmt.Errorf("reading failures to look into: %w", err)
	}
	failures, err := pgx.CollectRows(rows, pgx.RowToStructByPos[UnreadFailure])
	if err != nil {
		return nil, fmt.Errorf("reading failures to look into: %w", err)
	}
	return failures, nil
}

// SaveFailure stores what the logs of a failed build tell, once: nil if there was
// nothing in them, or if they are gone. Of a build that is gone nothing is stored.
func (rec *Record) SaveFailure(ctx context.Context, of *UnreadFailure, e *buildlog.Excerpt, now time.Time) error {
	found := e != nil
	if !found {
		e = &buildlog.Excerpt{Error: -1}
	}
	numbers := make([]int32, len(e.Lines))
	for i := range e.Lines {
		numbers[i] = int32(e.Lines[i].Number)
	}
	_, err := rec.db.ExecOne(ctx, `
		INSERT INTO build_failure (build_id, found, task_id, arch, log, phase, kind, message, error, lines, numbers, total, signature, read)
		SELECT b.id, @found, @task, @arch, @log, @phase, @kind, @message, @error, @lines, @numbers, @total, @signature, @now
		FROM build b
		WHERE b.id = @build
		ON CONFLICT (build_id) DO NOTHING`, pgx.NamedArgs{
		"build": of.BuildID, "found": found, "task": of.TaskID, "arch": of.Arch, "log": e.Log, "phase": e.Phase, "kind": e.Kind,
		"message": e.Message, "error": e.Error, "lines": e.Texts(), "numbers": numbers, "total": e.Total, "signature": e.Signature, "now": now,
	})
	if err != nil {
		return fmt.Errorf("storing why build %d failed: %w", of.BuildID, err)
	}
	return nil
}
