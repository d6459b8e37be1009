package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A UnifiedPackage is a row of a list of several collections.
type UnifiedPackage struct {
	BaseID int64
	Name   string
	Groups []string              // the global ones it is in
	In     map[int64]StateInside // by collection; without those where it is not listed
}

// A StateInside is how a package is in one collection.
type StateInside struct {
	State   koschei.State
	Running bool
}

// UnifiedPackageList returns a span of the base packages of which f lets
// packages through, and how many there are. Keys to sort by are name, running,
// failing and "state-" with the id of a collection.
func (db *DB) UnifiedPackageList(ctx context.Context, f PackageFilter, order ListOrder, span Span) (list []UnifiedPackage, total int, err error) {
	args := pgx.NamedArgs{"limit": span.Limit, "offset": span.Offset}
	grouped := " FROM package p WHERE " + f.conditions(args) + " AND " + f.narrowing(args) + " GROUP BY p.base_id, p.name"
	choose := "SELECT p.base_id, count(*) OVER ()" + grouped +
		" ORDER BY " + order.sql(unifiedOrder) + " LIMIT @limit OFFSET @offset"
	err = db.read(ctx, func(tx pgx.Tx) error {
		ids, err := chosenPackages(ctx, tx, choose, args, &total)
		if err != nil {
			return err
		}
		if len(ids) == 0 && span.Offset > 0 { // beyond the end, where no row tells the total
			return tx.QueryRow(ctx, "SELECT count(*) FROM (SELECT"+grouped+") g", args).Scan(&total)
		}
		list, err = unifiedPackages(ctx, tx, ids, f)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading the package list: %w", err)
	}
	return list, total, nil
}

func chosenPackages(ctx context.Context, tx pgx.Tx, choose string, args pgx.NamedArgs, total *int) (ids []int64, err error) {
	rows, err := tx.Query(ctx, choose, args)
	if err != nil {
		return nil, err
	}
	var id int64
	_, err = pgx.ForEachRow(rows, []any{&id, total}, func() error {
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

func unifiedOrder(key string) (expr string, descending bool) {
	switch key {
	case "name":
		return "p.name", false
	case "running":
		return "bool_or(p.running)", true
	case "failing":
		return "bool_or(p.state IN ('failing', 'unresolved'))", true
	}
	id, ok := strings.CutPrefix(key, "state-")
	if collection, err := strconv.ParseInt(id, 10, 64); ok && err == nil {
		return fmt.Sprintf("min(array_position('{unresolved,failing,ok,unknown,untracked}', p.state)) FILTER (WHERE p.collection_id = %d)", collection), false
	}
	return "", false
}

// unifiedPackages returns the base packages with these ids, in their order.
func unifiedPackages(ctx context.Context, q querier, ids []int64, f PackageFilter) ([]UnifiedPackage, error) {
	rows, err := q.Query(ctx, `
		SELECT b.id, b.name,
			ARRAY(SELECT g.name
				FROM package_group_member m
				JOIN package_group g ON g.id = m.group_id
				WHERE m.base_id = b.id AND g.namespace = ''
				ORDER BY g.name),
			array_agg(p.collection_id ORDER BY p.id), array_agg(p.state ORDER BY p.id), array_agg(p.running ORDER BY p.id)
		FROM unnest($1::bigint[]) WITH ORDINALITY AS chosen (id, n)
		JOIN base_package b ON b.id = chosen.id
		JOIN package p ON p.base_id = b.id
		WHERE p.collection_id = ANY($2) AND NOT p.blocked AND (p.tracked OR $3)
		GROUP BY b.id, chosen.n
		ORDER BY chosen.n`, ids, f.Collections, f.Untracked)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (UnifiedPackage, error) {
		p := UnifiedPackage{In: map[int64]StateInside{}}
		var collections []int64
		var states []koschei.State
		var running []bool
		err := row.Scan(&p.BaseID, &p.Name, &p.Groups, &collections, &states, &running)
		for i, c := range collections {
			p.In[c] = StateInside{states[i], running[i]}
		}
		return p, err
	})
}
