package maintain

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres"
)

// A StuckSink is a sink whose deliveries do not arrive.
type StuckSink struct {
	Sink     string
	Waiting  int           // deliveries that are neither sent nor given up
	Oldest   time.Duration // for how long the first of them has been tried, real time
	Dead     int           // deliveries that were given up
	Error    string        // of the last attempt at the first that failed
	Unlooked time.Time     // when the first event happened that nobody has looked at for the sink; zero if there is none
}

// StuckSinks returns the sinks with a delivery that has been tried for longer
// than patience (real time), or that was given up, or with an event from before a
// domain time that nobody has looked at.
func (mt *Maintenance) StuckSinks(ctx context.Context, patience time.Duration, before time.Time) ([]StuckSink, error) {
	rows, err := mt.db.Query(ctx, `
		SELECT s.name, coalesce(d.waiting, 0), coalesce(d.oldest, '0'), coalesce(d.dead, 0), coalesce(d.error, ''), n.at
		FROM sink s
		LEFT JOIN (
			SELECT sink, count(*) FILTER (WHERE NOT dead) AS waiting,
				coalesce(clock_timestamp() - min(created) FILTER (WHERE NOT dead), '0') AS oldest,
				count(*) FILTER (WHERE dead) AS dead,
				coalesce((array_agg(error ORDER BY dead, id) FILTER (WHERE error <> ''))[1], '') AS error
			FROM delivery
			WHERE sent IS NULL
			GROUP BY sink
		) d ON d.sink = s.name
		LEFT JOIN LATERAL (
			SELECT e.at
			FROM sink_event x
			JOIN event e ON e.id = x.event_id
			WHERE x.sink = s.name
			ORDER BY x.event_id
			LIMIT 1
		) n ON n.at < $2
		WHERE d.oldest > $1::interval OR d.dead > 0 OR n.at IS NOT NULL
		ORDER BY s.name`, patience, before)
	if err != nil {
		return nil, fmt.Errorf("looking for deliveries that do not arrive: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (x StuckSink, err error) {
		var unlooked *time.Time
		err = row.Scan(&x.Sink, &x.Waiting, &x.Oldest, &x.Dead, &x.Error, &unlooked)
		x.Unlooked = postgres.OrZero(unlooked)
		return x, err
	})
}
