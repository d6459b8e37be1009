package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A UsualTime is how long a package's builds take on an architecture.
type UsualTime struct {
	Arch   string
	Median time.Duration
	Builds int // from how many builds it is known
}

// usualFrom is how many builds that completed usual times are taken from.
const usualFrom = 20

// UsualTimes returns how long the builds of packages take, by package and then by
// architecture: the medians of the last builds that completed. Packages that never
// built have none.
func (v *Builds) UsualTimes(ctx context.Context, packageIDs []int64) (map[int64][]UsualTime, error) {
	rows, err := v.db.Query(ctx, `
		SELECT p.id, t.arch, percentile_cont(0.5) WITHIN GROUP (ORDER BY date_part('epoch', t.finished - t.started)), count(*)
		FROM unnest($1::bigint[]) AS p (id)
		CROSS JOIN LATERAL (
			SELECT b.id
			FROM build b
			WHERE b.package_id = p.id AND b.outcome = 'complete'
			ORDER BY b.event DESC, b.id DESC
			LIMIT $2
		) b
		JOIN build_task t ON t.build_id = b.id
		WHERE t.method = 'buildArch' AND t.state = 'closed' AND t.finished IS NOT NULL
		GROUP BY p.id, t.arch
		ORDER BY p.id, t.arch COLLATE "C"`, packageIDs, usualFrom)
	if err != nil {
		return nil, fmt.Errorf("reading usual times of builds: %w", err)
	}
	times := map[int64][]UsualTime{}
	var id int64
	var seconds float64
	var u UsualTime
	_, err = pgx.ForEachRow(rows, []any{&id, &u.Arch, &seconds, &u.Builds}, func() error {
		u.Median = time.Duration(seconds * float64(time.Second)).Round(time.Second)
		times[id] = append(times[id], u)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading usual times of builds: %w", err)
	}
	return times, nil
}

// An EndedHour is how many scratch builds ended within an hour.
type EndedHour struct {
	Hour     time.Time // its beginning
	Complete int
	Failed   int
	Faults   int // ended for no fault of the package
}

// Builds is how many ended in any way.
func (h *EndedHour) Builds() int { return h.Complete + h.Failed + h.Faults }

// EndedBuilds counts the scratch builds that ended since a domain time by the
// hour, the oldest first: those of one collection, or of all if that is 0. Hours
// in which none ended are left out.
func (v *Builds) EndedBuilds(ctx context.Context, collectionID int64, since time.Time) ([]EndedHour, error) {
	rows, err := v.db.Query(ctx, `
		SELECT date_trunc('hour', b.finished, 'UTC') AS hour,
			count(*) FILTER (WHERE b.outcome = 'complete'),
			count(*) FILTER (WHERE b.outcome = 'failed'),
			count(*) FILTER (WHERE b.outcome NOT IN ('complete', 'failed'))
		FROM build b
		WHERE b.origin = 'scratch' AND b.finished >= $2 AND b.copied_from IS NULL
			AND ($1::bigint = 0 OR EXISTS (SELECT FROM package p WHERE p.id = b.package_id AND p.collection_id = $1))
		GROUP BY hour
		ORDER BY hour`, collectionID, since)
	if err != nil {
		return nil, fmt.Errorf("counting builds that ended: %w", err)
	}
	hours, err := pgx.CollectRows(rows, pgx.RowToStructByPos[EndedHour])
	if err != nil {
		return nil, fmt.Errorf("counting builds that ended: %w", err)
	}
	return hours, nil
}
