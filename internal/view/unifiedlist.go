package view

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
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

// Unified returns a page of the base packages of which f lets
// packages through. Keys to sort by are name, running, failing and "state-"
// with the id of a collection.
func (v *Packages) Unified(ctx context.Context, f PackageFilter, order ListOrder, span Span) (list []UnifiedPackage, around Around, err error) {
	var ids []int64
	if span.Offset > 0 {
		ids, around, err = unifiedOffset(ctx, v.db, f, order, span)
	} else {
		ids, around, err = readParts(ctx, v.db, unifiedParts(f, order), span)
	}
	if err == nil {
		list, err = unifiedPackages(ctx, v.db, ids, f)
	}
	if err != nil {
		return nil, Around{}, fmt.Errorf("reading the package list: %w", err)
	}
	return list, around, nil
}

// CountUnified returns how many base packages there are of which f lets
// packages through.
func (v *Packages) CountUnified(ctx context.Context, f PackageFilter) (total int, err error) {
	args := pgx.NamedArgs{}
	err = v.db.QueryRow(ctx, "SELECT count(*) FROM (SELECT FROM package p WHERE "+f.conditions(args)+" AND "+f.narrowing(args)+
		" GROUP BY p.base_id) g", args).Scan(&total)
	if err != nil {
		return 0, fmt.Errorf("counting the package list: %w", err)
	}
	return total, nil
}

// CountUnifiedStates returns how many base packages have a package in each
// state, and how many one that is running, of those that f lets through but for
// its States, Running and Untracked; and how many have a tracked one at all.
func (v *Packages) CountUnifiedStates(ctx context.Context, f PackageFilter) (counts PackageCounts, tracked int, err error) {
	f.Untracked = true
	args := pgx.NamedArgs{}
	var failing, unresolved, ok, unknown, untracked int
	err = v.db.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE failing), count(*) FILTER (WHERE unresolved), count(*) FILTER (WHERE ok), count(*) FILTER (WHERE unknown),
			count(*) FILTER (WHERE untracked), count(*) FILTER (WHERE running), count(*) FILTER (WHERE tracked)
		FROM (
			SELECT bool_or(p.state = 'failing') AS failing, bool_or(p.state = 'unresolved') AS unresolved, bool_or(p.state = 'ok') AS ok,
				bool_or(p.state = 'unknown') AS unknown, bool_or(p.state = 'untracked') AS untracked,
				bool_or(p.state <> 'untracked') AS tracked, bool_or(p.running) AS running
			FROM package p
			WHERE `+f.conditions(args)+`
			GROUP BY p.base_id) g`, args).Scan(&failing, &unresolved, &ok, &unknown, &untracked, &counts.Running, &tracked)
	if err != nil {
		return PackageCounts{}, 0, fmt.Errorf("counting packages by state: %w", err)
	}
	counts.ByState = map[koschei.State]int{
		koschei.StateFailing: failing, koschei.StateUnresolved: unresolved, koschei.StateOK: ok, koschei.StateUnknown: unknown,
		koschei.StateUntracked: untracked,
	}
	return counts, tracked, nil
}

// usualUnifiedOrder is the order without a wish: what needs a look, what is going
// on, and the rest.
func usualUnifiedOrder() ListOrder {
	return ListOrder{{Key: "failing"}, {Key: "running"}, {Key: "name"}}
}

// unifiedParts divides a list in an order. In the usual one the few with a running
// build or a problem are sorted; the many others are read by name as far as they are
// shown, as all are where only names count.
func unifiedParts(f PackageFilter, order ListOrder) []part {
	const notable = "p.running OR p.state IN ('failing', 'unresolved')"
	switch {
	case slices.Equal(order, usualUnifiedOrder()):
		first := unifiedPart(f, " AND ("+notable+")", "", "2 * bool_or(p.state IN ('failing', 'unresolved'))::int + bool_or(p.running)::int")
		first.down = true
		rest := unifiedPart(f, "", " HAVING NOT bool_or("+notable+")", "0")
		rest.value, rest.kind = "", byName
		return []part{first, rest}
	case len(order) == 1 && order[0].Key == "name":
		names := unifiedPart(f, "", "", "0")
		names.value, names.kind, names.back = "", byName, order[0].Reverse
		return []part{names}
	}
	return []part{unifiedPart(f, "", "", "row_number() OVER (ORDER BY "+order.sql(unifiedOrder)+")")}
}

// unifiedPart are the base packages that fulfil where and having besides what f asks,
// by a number.
func unifiedPart(f PackageFilter, where, having, number string) part {
	args := pgx.NamedArgs{}
	return part{
		from: "(SELECT p.base_id AS id, p.name, " + number + " AS n FROM package p WHERE " + f.conditions(args) + " AND " + f.narrowing(args) + where +
			" GROUP BY p.name, p.base_id" + having + ") p WHERE true",
		args: args, value: "p.n", kind: byNumber,
	}
}

// unifiedOffset returns the ids of the base packages of a page by how many are before it.
func unifiedOffset(ctx context.Context, q postgres.Querier, f PackageFilter, order ListOrder, span Span) ([]int64, Around, error) {
	var rows []placed
	offset, parts := span.Offset, unifiedParts(f, order)
	for i := range parts {
		var size int
		if last := i == len(parts)-1; !last {
			if err := q.QueryRow(ctx, "SELECT count(*) FROM "+parts[i].from, parts[i].args).Scan(&size); err != nil {
				return nil, Around{}, err
			}
			if offset >= size {
				offset -= size
				continue
			}
		}
		some, err := parts[i].read(ctx, q, nil, span.Limit+1-len(rows), offset)
		if err != nil {
			return nil, Around{}, err
		}
		for _, r := range some {
			r.place.Part = i
			rows = append(rows, r)
		}
		if offset = 0; len(rows) > span.Limit {
			break
		}
	}
	more := len(rows) > span.Limit
	return placesOf(rows[:min(len(rows), span.Limit)], span, Around{More: true, Further: more})
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
func unifiedPackages(ctx context.Context, q postgres.Querier, ids []int64, f PackageFilter) ([]UnifiedPackage, error) {
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
