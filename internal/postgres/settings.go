package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// Settings are groups and priorities, what people put into the record by hand.
type Settings struct {
	Groups     []GroupSettings
	Priorities []PrioritySettings
}

// GroupSettings are all there is of a group.
type GroupSettings struct {
	FullName    string
	Packages    []string
	Maintainers []string
}

// PrioritySettings are the priorities people gave a package.
type PrioritySettings struct {
	Collection, Package string
	Static, Manual      int
}

// Settings returns all groups by full name, and all packages with a priority,
// by collection and name.
func (db *DB) Settings(ctx context.Context) (*Settings, error) {
	s := &Settings{}
	err := db.read(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT CASE g.namespace WHEN '' THEN '' ELSE g.namespace || '/' END || g.name,
				ARRAY(SELECT b.name FROM package_group_member m JOIN base_package b ON b.id = m.base_id
					WHERE m.group_id = g.id ORDER BY b.name),
				ARRAY(SELECT u.name FROM package_group_maintainer m JOIN users u ON u.id = m.user_id
					WHERE m.group_id = g.id ORDER BY u.name)
			FROM package_group g
			ORDER BY g.namespace, g.name`)
		if err != nil {
			return err
		}
		if s.Groups, err = pgx.CollectRows(rows, pgx.RowToStructByPos[GroupSettings]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `
			SELECT c.name, p.name, p.static_priority, p.manual_priority
			FROM package p
			JOIN collection c ON c.id = p.collection_id
			WHERE p.static_priority <> 0 OR p.manual_priority <> 0
			ORDER BY c.name, p.name`)
		if err != nil {
			return err
		}
		s.Priorities, err = pgx.CollectRows(rows, pgx.RowToStructByPos[PrioritySettings])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading groups and priorities: %w", err)
	}
	return s, nil
}

// ApplySettings makes groups and priorities what s says of them, all of them or
// none; what s does not name stays as it is. Groups and users are made if need
// be. Errors wrap koschei.ErrNotFound if a collection or package is unknown.
func (db *DB) ApplySettings(ctx context.Context, act Act, s *Settings) ([]string, error) {
	return db.change(ctx, act, func(tx pgx.Tx, log *audit) error {
		if err := applyPriorities(ctx, tx, log, s.Priorities, StaticPriority); err != nil {
			return err
		}
		if err := applyPriorities(ctx, tx, log, s.Priorities, ManualPriority); err != nil {
			return err
		}
		for i := range s.Groups {
			if err := applyGroup(ctx, tx, log, &s.Groups[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// applyPriorities sets one kind of priority, collection by collection. No state
// follows from a priority.
func applyPriorities(ctx context.Context, tx pgx.Tx, log *audit, priorities []PrioritySettings, kind PriorityKind) error {
	byCollection := map[string][]PrioritySettings{}
	var collections []string
	for _, p := range priorities {
		if byCollection[p.Collection] == nil {
			collections = append(collections, p.Collection)
		}
		byCollection[p.Collection] = append(byCollection[p.Collection], p)
	}
	slices.Sort(collections)
	for _, collection := range collections {
		byValue := map[int][]string{}
		for _, p := range byCollection[collection] {
			value := p.Static
			if kind == ManualPriority {
				value = p.Manual
			}
			byValue[value] = append(byValue[value], p.Package)
		}
		if err := applyValues(ctx, tx, log, collection, kind, byValue); err != nil {
			return err
		}
	}
	return nil
}

// applyValues locks all packages in their order before it changes any.
func applyValues(ctx context.Context, tx pgx.Tx, log *audit, collection string, kind PriorityKind, byValue map[int][]string) error {
	var all []string
	for _, names := range byValue {
		all = append(all, names...)
	}
	slices.Sort(all)
	if _, err := lockNamedPackages(ctx, tx, collection, all, false); err != nil {
		return err
	}
	var values []int
	for value := range byValue {
		values = append(values, value)
	}
	slices.Sort(values)
	for _, value := range values {
		ids, err := lockNamedPackages(ctx, tx, collection, byValue[value], false)
		if err != nil {
			return err
		}
		if err := setPriority(ctx, tx, log, collection, ids, kind, value); err != nil {
			return fmt.Errorf("changing packages of collection %s: %w", collection, err)
		}
	}
	return wake(ctx, tx, 0, koschei.ServiceScheduler)
}

func applyGroup(ctx context.Context, tx pgx.Tx, log *audit, s *GroupSettings) error {
	namespace, name, err := koschei.ParseGroupName(s.FullName)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO package_group (namespace, name)
		VALUES ($1, $2)
		ON CONFLICT (namespace, name) DO NOTHING`, namespace, name)
	if err := groupStored(err, s.FullName); err != nil {
		return err
	}
	if tag.RowsAffected() > 0 {
		log.add("", "", "group %s created", s.FullName)
	}
	g, err := lockGroup(ctx, tx, s.FullName)
	if err != nil {
		return err
	}
	if err := g.addPackages(ctx, tx, log, s.Packages); err != nil {
		return err
	}
	if err := g.keepPackages(ctx, tx, log, s.Packages); err != nil {
		return err
	}
	if err := g.addMaintainers(ctx, tx, log, s.Maintainers); err != nil {
		return err
	}
	return g.keepMaintainers(ctx, tx, log, s.Maintainers)
}

// keepMaintainers removes every maintainer but the named ones.
func (g *group) keepMaintainers(ctx context.Context, tx pgx.Tx, log *audit, users []string) error {
	if users == nil {
		users = []string{}
	}
	removed, err := queryNames(ctx, tx, `
		DELETE FROM package_group_maintainer m
		USING users u
		WHERE u.id = m.user_id AND u.name <> ALL($1) AND m.group_id = $2
		RETURNING u.name`, users, g.id)
	if err != nil {
		return fmt.Errorf("changing the maintainers of group %s: %w", g.name, err)
	}
	for _, user := range removed {
		log.add("", "", "user %s is no longer a maintainer of group %s", user, g.name)
	}
	return nil
}

// PackageNames returns the names of all source packages that are not blocked in
// every collection, sorted.
func (db *DB) PackageNames(ctx context.Context) ([]string, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT b.name
		FROM base_package b
		WHERE EXISTS (SELECT FROM package p WHERE p.base_id = b.id AND NOT p.blocked)
		ORDER BY b.name`)
	if err != nil {
		return nil, fmt.Errorf("reading the names of packages: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
