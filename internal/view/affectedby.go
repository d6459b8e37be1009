package view

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// An Affected is a build that failed, of a package that had not failed before,
// with a change of the dependency in question.
type Affected struct {
	Package string
	Build   BuildRef
	Change  koschei.Change
}

// AffectedBy returns the builds of a collection's tracked packages that failed,
// the package's build before having not, and that were the first to have a
// step of the way of dependency name from one EVR to the other: nearest
// dependencies first, then newest builds. The way may lead down as well as
// up; a build counts if it went the same direction, and one that the
// dependency was new to, or that lost it, if that was at a version on the way.
func (v *Repos) AffectedBy(ctx context.Context, collection, name string, from, to rpm.EVR, limit int) (affected []Affected, err error) {
	err = v.db.Read(ctx, func(q postgres.Querier) error {
		affected, err = affectedBy(ctx, q, collection, name, from, to, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("finding builds affected by %s: %w", name, err)
	}
	return affected, nil
}

func affectedBy(ctx context.Context, q postgres.Querier, collection, name string, from, to rpm.EVR, limit int) ([]Affected, error) {
	var collectionID int64
	err := q.QueryRow(ctx, `SELECT id FROM collection WHERE name = $1`, collection).Scan(&collectionID)
	if err != nil {
		return nil, postgres.NotFound(err, "collection %s", collection)
	}
	all, err := nevrasNamed(ctx, q, name)
	if err != nil {
		return nil, err
	}
	if from.Compare(to) == 0 {
		return nil, nil // a way without a step
	}
	way := newWay(from, to)
	started, reached := way.ids(all)
	return affectedBuilds(ctx, q, collectionID, all, started, reached, way, limit)
}

// A way is where a dependency went from one EVR to another. Its EVRs are
// compared along it, so that it always leads from less to more.
type way struct {
	from, to rpm.EVR
	down     bool
}

func newWay(from, to rpm.EVR) way { return way{from: from, to: to, down: from.Compare(to) > 0} }

func (w way) less(a, b rpm.EVR) bool {
	if w.down {
		a, b = b, a
	}
	return a.Compare(b) < 0
}

// ids returns which packages a step of the way can start from, and which it
// can reach, however long the step.
func (w way) ids(all map[int32]rpm.NEVRA) (started, reached []int32) {
	started, reached = []int32{}, []int32{}
	for id, n := range all {
		if w.less(n.EVR, w.to) {
			started = append(started, id)
		}
		if w.less(w.from, n.EVR) {
			reached = append(reached, id)
		}
	}
	return started, reached
}

// takes tells whether a change of the dependency has a step of the way.
func (w way) takes(prev, curr *rpm.NEVRA) bool {
	switch {
	case prev == nil:
		return w.less(w.from, curr.EVR) && !w.less(w.to, curr.EVR)
	case curr == nil:
		return w.less(prev.EVR, w.to) && !w.less(prev.EVR, w.from)
	}
	return w.less(prev.EVR, curr.EVR) && w.less(prev.EVR, w.to) && w.less(w.from, curr.EVR)
}

func nevrasNamed(ctx context.Context, q postgres.Querier, name string) (map[int32]rpm.NEVRA, error) {
	rows, err := q.Query(ctx, `SELECT id, name, epoch, version, release, arch FROM nevra WHERE name = $1`, name)
	if err != nil {
		return nil, err
	}
	all := map[int32]rpm.NEVRA{}
	var id int32
	var n rpm.NEVRA
	_, err = pgx.ForEachRow(rows, []any{&id, &n.Name, &n.Epoch, &n.Version, &n.Release, &n.Arch}, func() error {
		all[id] = n
		return nil
	})
	return all, err
}

func affectedBuilds(ctx context.Context, q postgres.Querier, collectionID int64, all map[int32]rpm.NEVRA,
	started, reached []int32, w way, limit int,
) ([]Affected, error) {
	rows, err := q.Query(ctx, `
		SELECT p.name, b.id, b.outcome, b.origin, b.epoch, b.version, b.release, coalesce(b.repo_id, 0), b.event,
			b.started, a.prev[d.place], a.curr[d.place], a.distance[d.place] AS distance
		FROM applied_change a
		JOIN build b ON b.id = a.build_id
		JOIN package p ON p.id = b.package_id
		CROSS JOIN LATERAL (
			SELECT array_position(a.curr, r.id) AS place
			FROM unnest($2::integer[]) AS r (id)
			UNION ALL
			SELECT array_position(a.prev, s.id)
			FROM unnest($3::integer[]) AS s (id)
			WHERE a.curr[array_position(a.prev, s.id)] = 0
		) d
		WHERE a.broke AND (a.curr && $2 OR a.prev && $3) AND d.place IS NOT NULL
			AND p.collection_id = $1 AND p.tracked AND NOT p.blocked
		ORDER BY nullif(a.distance[d.place], 0), b.event DESC, b.id DESC`, collectionID, reached, started)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var affected []Affected
	for rows.Next() && len(affected) < limit {
		a, err := scanAffected(rows, all)
		if err != nil {
			return nil, err
		}
		if w.takes(a.Change.Prev, a.Change.Curr) {
			affected = append(affected, a)
		}
	}
	return affected, rows.Err()
}

func scanAffected(rows pgx.Rows, all map[int32]rpm.NEVRA) (Affected, error) {
	var a Affected
	var prev, curr int32
	err := rows.Scan(&a.Package, &a.Build.ID, &a.Build.Outcome, &a.Build.Origin, &a.Build.EVR.Epoch, &a.Build.EVR.Version,
		&a.Build.EVR.Release, &a.Build.RepoID, &a.Build.Event, &a.Build.Started, &prev, &curr, &a.Change.Distance)
	if err != nil {
		return a, err
	}
	if n, ok := all[prev]; ok {
		a.Change.Prev, a.Change.Name = &n, n.Name
	}
	if n, ok := all[curr]; ok {
		a.Change.Curr, a.Change.Name = &n, n.Name
	}
	if a.Change.Name == "" {
		return a, errors.New("a change of nothing is stored")
	}
	return a, nil
}
