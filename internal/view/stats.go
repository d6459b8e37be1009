package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres"
)

// Stats are numbers of all that Koschei does: packages now, and builds since a time.
type Stats struct {
	Packages []PackageStats // by collection, in no order
	Ended    []EndedHour    // builds of all collections
	Arches   []ArchTime     // what took longest first
	Longest  []PackageTime  // likewise; no more than were asked for
}

// PackageStats count the packages of a collection.
type PackageStats struct {
	CollectionID int64
	All          int
	Tracked      int // of those that are not blocked
	Blocked      int
}

// An ArchTime is how much was built for an architecture.
type ArchTime struct {
	Arch  string
	Tasks int
	Time  time.Duration // of builders, all together
}

// A PackageTime is how much time of builders a package took.
type PackageTime struct {
	Package string
	Arch    string
	Tasks   int
	Time    time.Duration
	Share   float64 // of all time
}

// Stats counts packages, and scratch builds that ended since a domain time. It looks
// at all of both.
func (v *View) Stats(ctx context.Context, since time.Time, longest int) (*Stats, error) {
	s := &Stats{}
	err := v.db.Read(ctx, func(q postgres.Querier) error {
		rows, err := q.Query(ctx, `
			SELECT collection_id, count(*), count(*) FILTER (WHERE tracked AND NOT blocked), count(*) FILTER (WHERE blocked)
			FROM package
			GROUP BY collection_id`)
		if err != nil {
			return err
		}
		if s.Packages, err = pgx.CollectRows(rows, pgx.RowToStructByPos[PackageStats]); err != nil {
			return err
		}
		rows, err = q.Query(ctx, `
			WITH task AS (
				SELECT p.name, t.arch, count(*) AS n, sum(t.finished - t.started) AS took
				FROM build b
				JOIN build_task t ON t.build_id = b.id
				JOIN package p ON p.id = b.package_id
				WHERE b.origin = 'scratch' AND b.finished >= $1 AND b.copied_from IS NULL AND t.method = 'buildArch' AND t.finished IS NOT NULL
				GROUP BY p.name, t.arch
			)
			SELECT true, '', arch, sum(n)::bigint, sum(took), 0
			FROM task
			GROUP BY arch
			UNION ALL
			(SELECT false, name, arch, n, took, extract(epoch FROM took) / greatest(extract(epoch FROM sum(took) OVER ()), 1)
			FROM task
			ORDER BY took DESC, name, arch
			LIMIT $2)
			ORDER BY 1, 5 DESC, 2, 3`, since, longest)
		if err != nil {
			return err
		}
		var all bool
		var p PackageTime
		_, err = pgx.ForEachRow(rows, []any{&all, &p.Package, &p.Arch, &p.Tasks, &p.Time, &p.Share}, func() error {
			if all {
				s.Arches = append(s.Arches, ArchTime{p.Arch, p.Tasks, p.Time})
			} else {
				s.Longest = append(s.Longest, p)
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading statistics: %w", err)
	}
	s.Ended, err = v.Builds.EndedBuilds(ctx, 0, since)
	return s, err
}
