package upstream

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
)

// Decided returns what people decided, as it is at one moment. What cannot be
// stored here is put right or left out, and noted.
func (o *Original) Decided(ctx context.Context) (*edit.Takeover, error) {
	m := mending{t: &edit.Takeover{}, named: map[string]map[string]string{}}
	if err := o.read(ctx, func(tx pgx.Tx) error { return m.read(ctx, tx) }); err != nil {
		return nil, fmt.Errorf("reading the database to take over: %w", err)
	}
	m.mend()
	o.collections, o.packages = inverse(m.named[collectionName]), inverse(m.named[packageName])
	return m.t, nil
}

func (m *mending) read(ctx context.Context, tx pgx.Tx) (err error) {
	t := m.t
	notices, err := rowsOf[string](ctx, tx, pgx.RowTo[string], `SELECT content FROM admin_notice WHERE key = 'global_notice'`)
	if err != nil {
		return err
	}
	if len(notices) > 0 {
		t.Notice = notices[0]
	}
	t.Users, err = rowsOf(ctx, tx, pgx.RowToStructByPos[edit.TakenUser], `SELECT name, admin FROM "user" ORDER BY name`)
	if err != nil {
		return err
	}
	if t.Collections, err = rowsOf(ctx, tx, scanCollection, collections); err != nil {
		return err
	}
	t.CollectionGroups, err = rowsOf(ctx, tx, scanCollectionGroup, collectionGroups)
	if err != nil {
		return err
	}
	if t.Packages, err = rowsOf(ctx, tx, pgx.RowToStructByPos[edit.TakenPackage], packages); err != nil {
		return err
	}
	m.groups, err = rowsOf(ctx, tx, pgx.RowToStructByPos[group], groups)
	return err
}

const (
	collections = `
		SELECT name, display_name, "order", coalesce(secondary_mode, false), target, dest_tag, build_tag,
			coalesce(build_group, 'build'), coalesce(bugzilla_product, ''), coalesce(bugzilla_version, ''),
			coalesce(priority_coefficient, 1), coalesce(poll_untracked, true)
		FROM collection
		ORDER BY id`
	collectionGroups = `
		SELECT g.name, g.display_name,
			ARRAY(SELECT c.name FROM collection_group_relation r JOIN collection c ON c.id = r.collection_id
				WHERE r.group_id = g.id ORDER BY c.name)
		FROM collection_group g
		ORDER BY g.name`
	// A package without a base is of a version too old to have groups.
	packages = `
		SELECT c.name, b.name, coalesce(p.tracked, false), coalesce(p.blocked, false), coalesce(p.skip_resolution, false),
			coalesce(p.arch_override, ''), coalesce(p.static_priority, 0), coalesce(p.manual_priority, 0)
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		JOIN base_package b ON b.id = p.base_id
		ORDER BY c.id, b.name`
	groups = `
		SELECT coalesce(g.namespace, ''), g.name,
			ARRAY(SELECT b.name FROM package_group_relation r JOIN base_package b ON b.id = r.base_id
				WHERE r.group_id = g.id ORDER BY b.name),
			ARRAY(SELECT u.name FROM group_acl a JOIN "user" u ON u.id = a.user_id
				WHERE a.group_id = g.id ORDER BY u.name)
		FROM package_group g
		ORDER BY g.namespace, g.name`
)

func scanCollectionGroup(row pgx.CollectableRow) (edit.CollectionGroupEdit, error) {
	var g edit.CollectionGroupEdit
	err := row.Scan(&g.Name, &g.DisplayName, &g.Collections)
	return g, err
}

func scanCollection(row pgx.CollectableRow) (koschei.Collection, error) {
	c := koschei.Collection{Weight: 1}
	err := row.Scan(&c.Name, &c.DisplayName, &c.Order, &c.SecondaryMode, &c.Target, &c.DestTag, &c.BuildTag,
		&c.BuildGroup, &c.BugzillaProduct, &c.BugzillaVersion, &c.PriorityCoefficient, &c.PollUntracked)
	return c, err
}
