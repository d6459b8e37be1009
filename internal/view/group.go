package view

import (
	"context"
	"fmt"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// The names of a group g's packages, and of its maintainers, as lists in order.
const (
	memberNames = `ARRAY(SELECT b.name
				FROM package_group_member m
				JOIN base_package b ON b.id = m.base_id
				WHERE m.group_id = g.id
				ORDER BY b.name)`
	maintainerNames = `ARRAY(SELECT u.name
				FROM package_group_maintainer m
				JOIN users u ON u.id = m.user_id
				WHERE m.group_id = g.id
				ORDER BY u.name)`
)

// GroupExists says whether there is a group of that full name.
func (v *View) GroupExists(ctx context.Context, fullName string) (bool, error) {
	namespace, name, err := koschei.ParseGroupName(fullName)
	if err != nil {
		return false, err
	}
	var exists bool
	err = v.db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM package_group WHERE namespace = $1 AND name = $2)`, namespace, name).Scan(&exists)
	if err != nil {
		return false, fmt.Errorf("looking up group %s: %w", fullName, err)
	}
	return exists, nil
}

// GroupMembersIn returns the names of the members of a group that are packages
// of a collection. Errors wrap koschei.ErrNotFound if either is unknown.
func (v *View) GroupMembersIn(ctx context.Context, fullName, collection string) ([]string, error) {
	var names []string
	err := v.db.Read(ctx, func(q postgres.Querier) error {
		namespace, name, err := koschei.ParseGroupName(fullName)
		if err != nil {
			return err
		}
		c, err := schema.OneCollection(ctx, q, collection, "")
		if err != nil {
			return err
		}
		var id int64
		err = q.QueryRow(ctx, `
			SELECT id
			FROM package_group
			WHERE namespace = $1 AND name = $2`, namespace, name).Scan(&id)
		if err := postgres.NotFound(err, "group %s", fullName); err != nil {
			return err
		}
		names, err = postgres.QueryNames(ctx, q, `
			SELECT p.name
			FROM package_group_member m
			JOIN package p ON p.base_id = m.base_id
			WHERE m.group_id = $1 AND p.collection_id = $2`, id, c.ID)
		return err
	})
	return names, err
}

// GroupMembers returns the names of a group's members, sorted. An error wraps
// koschei.ErrNotFound if there is no such group.
func (v *View) GroupMembers(ctx context.Context, fullName string) ([]string, error) {
	exists, err := v.GroupExists(ctx, fullName)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, fmt.Errorf("group %s: %w", fullName, koschei.ErrNotFound)
	}
	namespace, name, err := koschei.ParseGroupName(fullName)
	if err != nil {
		return nil, err
	}
	names, err := postgres.QueryNames(ctx, v.db, `
		SELECT b.name
		FROM package_group g
		JOIN package_group_member m ON m.group_id = g.id
		JOIN base_package b ON b.id = m.base_id
		WHERE g.namespace = $1 AND g.name = $2`, namespace, name)
	if err != nil {
		return nil, fmt.Errorf("reading the members of group %s: %w", fullName, err)
	}
	return names, nil
}
