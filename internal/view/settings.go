package view

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Settings returns all groups by full name, and all packages with a priority,
// by collection and name.
func (v *View) Settings(ctx context.Context) (*schema.Settings, error) {
	s := &schema.Settings{}
	err := v.db.Read(ctx, func(q postgres.Querier) error {
		rows, err := q.Query(ctx, `
			SELECT CASE g.namespace WHEN '' THEN '' ELSE g.namespace || '/' END || g.name,
				`+memberNames+`, `+maintainerNames+`
			FROM package_group g
			ORDER BY g.namespace, g.name`)
		if err != nil {
			return err
		}
		if s.Groups, err = pgx.CollectRows(rows, pgx.RowToStructByPos[schema.GroupSettings]); err != nil {
			return err
		}
		rows, err = q.Query(ctx, `
			SELECT c.name, p.name, p.static_priority, p.manual_priority
			FROM package p
			JOIN collection c ON c.id = p.collection_id
			WHERE p.static_priority <> 0 OR p.manual_priority <> 0
			ORDER BY c.name, p.name`)
		if err != nil {
			return err
		}
		s.Priorities, err = pgx.CollectRows(rows, pgx.RowToStructByPos[schema.PrioritySettings])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading groups and priorities: %w", err)
	}
	return s, nil
}

// Names returns the names of all source packages that are not blocked in
// every collection, sorted.
func (v *Packages) Names(ctx context.Context) ([]string, error) {
	rows, err := v.db.Query(ctx, `
		SELECT b.name
		FROM base_package b
		WHERE EXISTS (SELECT FROM package p WHERE p.base_id = b.id AND NOT p.blocked)
		ORDER BY b.name`)
	if err != nil {
		return nil, fmt.Errorf("reading the names of packages: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
