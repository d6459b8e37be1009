package maintain

import (
	"context"
	"time"
)

// UnreadLogs returns the failed builds that ended between two domain times and whose
// logs were not read.
func (mt *Maintenance) UnreadLogs(ctx context.Context, after, before time.Time) ([]Stuck, error) {
	return mt.stuck(ctx, "logs that were not read", `
		WITH x AS (
			SELECT p.collection_id, p.name, b.finished AS at
			FROM build b
			JOIN package p ON p.id = b.package_id
			WHERE b.outcome = 'failed' AND b.finished >= $1 AND b.finished < $2 AND b.copied_from IS NULL
				AND NOT EXISTS (SELECT FROM build_failure f WHERE f.build_id = b.id)
		)`+stuckColumns, after, before)
}
