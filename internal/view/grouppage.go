package view

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// GlobalGroups returns the groups without a namespace, by name.
func (v *View) GlobalGroups(ctx context.Context) ([]koschei.Group, error) {
	rows, err := v.db.Query(ctx, `
		SELECT g.id, g.namespace, g.name,
			(SELECT count(*)
				FROM package_group_member m
				WHERE m.group_id = g.id AND EXISTS (SELECT FROM package p WHERE p.base_id = m.base_id AND NOT p.blocked))
		FROM package_group g
		WHERE g.namespace = ''
		ORDER BY g.name`)
	if err != nil {
		return nil, fmt.Errorf("reading groups: %w", err)
	}
	groups, err := pgx.CollectRows(rows, scanGroup)
	if err != nil {
		return nil, fmt.Errorf("reading groups: %w", err)
	}
	return groups, nil
}

func scanGroup(row pgx.CollectableRow) (g koschei.Group, err error) {
	err = row.Scan(&g.ID, &g.Namespace, &g.Name, &g.Packages)
	return g, err
}

// GroupPage returns a group with its maintainers' names. An error wraps
// ErrNotFound when there is none.
func (v *View) GroupPage(ctx context.Context, namespace, name string) (g koschei.Group, maintainers []string, err error) {
	err = v.db.QueryRow(ctx, `
		SELECT g.id, g.namespace, g.name,
			(SELECT count(*)
				FROM package_group_member m
				WHERE m.group_id = g.id AND EXISTS (SELECT FROM package p WHERE p.base_id = m.base_id AND NOT p.blocked)),
			`+maintainerNames+`
		FROM package_group g
		WHERE g.namespace = $1 AND g.name = $2`, namespace, name).
		Scan(&g.ID, &g.Namespace, &g.Name, &g.Packages, &maintainers)
	if err != nil {
		return g, nil, postgres.NotFound(err, "group %q", koschei.Group{Namespace: namespace, Name: name}.FullName())
	}
	return g, maintainers, nil
}
