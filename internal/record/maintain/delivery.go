package maintain

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A StuckSink is a sink whose deliveries do not arrive.
type StuckSink struct {
	Sink    string
	Waiting int           // deliveries that are neither sent nor given up
	Oldest  time.Duration // for how long the first of them has been tried, real time
	Dead    int           // deliveries that were given up
	Error   string        // of the last attempt at the first that failed
}

// StuckSinks returns the sinks with a delivery that has been tried for longer
// than patience (real time), or that was given up.
func (mt *Maintenance) StuckSinks(ctx context.Context, patience time.Duration) ([]StuckSink, error) {
	rows, err := mt.db.Query(ctx, `
		SELECT sink, waiting, oldest, dead, error
		FROM (
			SELECT sink, count(*) FILTER (WHERE NOT dead) AS waiting,
				coalesce(clock_timestamp() - min(created) FILTER (WHERE NOT dead), '0') AS oldest,
				count(*) FILTER (WHERE dead) AS dead,
				coalesce((array_agg(error ORDER BY dead, id) FILTER (WHERE error <> ''))[1], '') AS error
			FROM delivery
			WHERE sent IS NULL
			GROUP BY sink) s
		WHERE oldest > $1::interval OR dead > 0
		ORDER BY sink`, patience)
	if err != nil {
		return nil, fmt.Errorf("looking for deliveries that do not arrive: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[StuckSink])
}
