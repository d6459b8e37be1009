package record

import (
	"context"
	"fmt"
)

// Analyze has the planner look at the record as it is now. PostgreSQL does so
// by itself, but minutes after a table was filled: until then it takes large
// tables for empty ones and reads them from end to end, again and again. Whoever
// has stored much that is new calls it.
func (rec *Record) Analyze(ctx context.Context) error {
	// Not a raw string: it cannot be prepared, as all others are in a test.
	const analyze = "ANALYZE base_package, package, build, build_task, srpm, resolution, nevra, dependency_set"
	if _, err := rec.db.ExecOne(ctx, analyze); err != nil {
		return fmt.Errorf("analyzing the record: %w", err)
	}
	return nil
}
