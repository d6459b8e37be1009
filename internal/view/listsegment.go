package view

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A lister finds the packages of one page of a collection's list.
//
// A list in one of the usual orders is read as segments, one after the other:
// all that is running, then the rest; all in one state, then all in the next;
// all with a date, then those without. Each is in the order of an index, so nothing is
// sorted, and a page begins behind the place where the one before ended. A page that is
// asked for by its number is no further than half a segment from an end to begin at:
// how large segments are is counted for it.
type lister struct {
	q       postgres.Querier
	filter  PackageFilter
	ranking schema.Ranking
	counted countedPackages // nil if nothing was counted
}

// A segment is a part of a list.
type segment struct {
	part
	size int // if packages were counted

	// sorted makes of a direction, "" or " DESC", what to choose from instead
	// of packages as such.
	sorted func(direction string) string
}

// listedStates is the order of states in lists.
var listedStates = []koschei.State{koschei.StateUnresolved, koschei.StateFailing, koschei.StateOK, koschei.StateUnknown, koschei.StateUntracked}

// choose returns the ids of the packages of a page.
func (l *lister) choose(ctx context.Context, order ListOrder, span Span) ([]int64, Around, error) {
	if span.Offset > 0 {
		kinds, err := countPackages(ctx, l.q, l.filter)
		if err != nil {
			return nil, Around{}, err
		}
		l.counted = kinds
	}
	segments, err := l.segments(ctx, order)
	if err != nil {
		return nil, Around{}, err
	}
	if segments == nil {
		segments = []segment{l.sort(order)}
		segments[0].size = l.counted.size(l.filter.lets)
	}
	if span.Offset > 0 {
		return l.offset(ctx, segments, span)
	}
	parts := make([]part, len(segments))
	for i := range segments {
		parts[i] = segments[i].part
		if s := &segments[i]; s.sorted != nil {
			direction := ""
			if s.down != (span.Before != nil) {
				direction = " DESC"
			}
			parts[i].from = s.sorted(direction) + " WHERE true"
		}
	}
	return readParts(ctx, l.q, parts, span)
}

// offset returns the ids of the packages of a page by how many are before it.
func (l *lister) offset(ctx context.Context, segments []segment, span Span) ([]int64, Around, error) {
	var rows []placed
	left := span
	for i := range segments {
		s := &segments[i]
		if left.Limit <= 0 {
			break
		}
		if left.Offset >= s.size {
			left.Offset -= s.size
			continue
		}
		some, err := s.read(ctx, l.q, min(left.Limit, s.size-left.Offset), left.Offset)
		if err != nil {
			return nil, Around{}, err
		}
		for _, r := range some {
			r.place.Part = i
			rows = append(rows, r)
		}
		left = Span{Limit: left.Limit - len(some)}
	}
	return placesOf(rows, span, Around{More: true, Further: l.counted.size(l.filter.lets) > span.Offset+len(rows)})
}

// read returns rows of a segment behind so many others, from the end that is nearer.
func (s *segment) read(ctx context.Context, q postgres.Querier, limit, offset int) ([]placed, error) {
	p := s.part
	fromEnd := s.size - offset - limit
	turned := fromEnd < offset
	if turned {
		p, offset = p.turned(), fromEnd
	}
	if s.sorted != nil {
		direction := ""
		if p.down {
			direction = " DESC"
		}
		p.from = s.sorted(direction) + " WHERE true"
	}
	rows, err := p.read(ctx, q, nil, limit, offset)
	if turned {
		slices.Reverse(rows)
	}
	return rows, err
}

// table is a table of the packages that the list is of and that fulfil a condition.
func (l *lister) table(args pgx.NamedArgs, where string) string {
	return "package p WHERE " + l.filter.conditions(args) + " AND " + l.filter.narrowing(args) + " AND " + where
}

// sort is the list as one segment: whatever the order, all is sorted, and a row has its
// number for a place.
func (l *lister) sort(order ListOrder) segment {
	a, b := l.ranking.Rules.TimeCoefficients()
	args := pgx.NamedArgs{"now": l.ranking.Now, "a": a, "b": b}
	from := "package p"
	if slices.ContainsFunc(order, func(k OrderKey) bool { return k.Key == "current_priority" }) {
		from += " JOIN collection c ON c.id = p.collection_id LEFT JOIN resolution a ON a.package_id = p.id"
	}
	return segment{part: part{
		from: "(SELECT p.id, p.name, row_number() OVER (ORDER BY " + order.sql(packageOrder) + ") AS n FROM " + from +
			" WHERE " + l.filter.conditions(args) + " AND " + l.filter.narrowing(args) + ") p WHERE true",
		args: args, value: "p.n", kind: byNumber,
	}}
}

// segments divides a list in an order, or returns nil if it cannot.
func (l *lister) segments(ctx context.Context, order ListOrder) ([]segment, error) {
	if slices.Equal(order, ListOrder{{Key: "running"}, {Key: "state"}, {Key: "name"}}) {
		return l.byRunningAndState(), nil
	}
	if len(order) == 2 && order[1] == (OrderKey{Key: "name"}) {
		order = order[:1]
	}
	if len(order) != 1 {
		return nil, nil
	}
	switch key := order[0]; key.Key {
	case "name":
		return reversed(key.Reverse, []segment{l.named("true", func(counted) bool { return true })}), nil
	case "running":
		segments := []segment{
			l.named("p.running", func(c counted) bool { return c.running }),
			l.named("NOT p.running", func(c counted) bool { return !c.running }),
		}
		if key.Reverse {
			slices.Reverse(segments)
		}
		return segments, nil
	case "trouble":
		segments, err := l.byTrouble(ctx)
		return reversed(key.Reverse, segments), err
	case "state":
		return l.byState(key.Reverse), nil
	case "task_id":
		return l.dated(ctx, key.Reverse, part{value: "p.last_build_id", kind: byNumber})
	case "started":
		return l.dated(ctx, key.Reverse, part{value: "p.last_build_started", kind: byTime})
	case "since":
		return l.dated(ctx, key.Reverse, sinceLast)
	case "current_priority":
		return l.byPriority(ctx, key.Reverse)
	}
	return nil, nil
}

// sinceLast is by when the state changed, the last first.
var sinceLast = part{value: "p.state_since", kind: byTime, down: true, nulls: true}

// named is the segment of the packages of some kinds, by name.
func (l *lister) named(where string, pass func(counted) bool) segment {
	args := pgx.NamedArgs{}
	return segment{
		part: part{from: l.table(args, where), args: args},
		size: l.counted.size(func(c counted) bool { return l.filter.lets(c) && pass(c) }),
	}
}

// reversed turns segments around if they are to be, each in itself.
func reversed(reverse bool, segments []segment) []segment {
	for i := range segments {
		if reverse {
			segments[i].part = segments[i].turned()
		}
	}
	return segments
}

// byTrouble has those that are broken first, the newest of them in front, then
// those with a build under way.
func (l *lister) byTrouble(ctx context.Context) ([]segment, error) {
	const inTrouble = "p.state IN ('failing', 'unresolved')"
	troubled := func(c counted) bool { return c.state == koschei.StateFailing || c.state == koschei.StateUnresolved }
	first, undated, err := l.divided(ctx, inTrouble, troubled, sinceLast)
	if err != nil {
		return nil, err
	}
	return []segment{
		first, undated,
		l.named("NOT "+inTrouble+" AND p.running", func(c counted) bool { return !troubled(c) && c.running }),
		l.named("NOT "+inTrouble+" AND NOT p.running", func(c counted) bool { return !troubled(c) && !c.running }),
	}, nil
}

func (l *lister) byState(reverse bool) []segment {
	var segments []segment
	for _, state := range listedStates {
		segments = append(segments, l.named(fmt.Sprintf("p.state = '%s'", state), func(c counted) bool { return c.state == state }))
	}
	if reverse {
		slices.Reverse(segments)
	}
	return segments
}

// byRunningAndState has those with a build under way first, both by state.
func (l *lister) byRunningAndState() []segment {
	var segments []segment
	for _, running := range []bool{true, false} {
		for place, state := range listedStates {
			where := fmt.Sprintf("p.running = %t AND %s = %d", running, statePlace, place+1)
			segments = append(segments, l.named(where, func(c counted) bool { return c.running == running && c.state == state }))
		}
	}
	return segments
}

// divided are the packages of some kinds that have a value, and those that have none.
func (l *lister) divided(ctx context.Context, where string, pass func(counted) bool, by part) (with, rest segment, err error) {
	rest = l.named(where+" AND "+by.value+" IS NULL", pass)
	with = segment{part: by, size: rest.size}
	with.args = pgx.NamedArgs{}
	with.from = l.table(with.args, where+" AND "+by.value+" IS NOT NULL")
	if l.counted != nil {
		err = l.q.QueryRow(ctx, "SELECT count(*) FROM "+rest.from, rest.args).Scan(&rest.size)
		with.size -= rest.size
	}
	return with, rest, err
}

// dated is the list by a column, with those that have nothing there last. Those
// that are equal there are reversed with it.
func (l *lister) dated(ctx context.Context, reverse bool, by part) ([]segment, error) {
	with, rest, err := l.divided(ctx, "true", func(counted) bool { return true }, by)
	return append(reversed(reverse, []segment{with}), rest), err
}

// byPriority has those that can be scheduled first.
func (l *lister) byPriority(ctx context.Context, reverse bool) ([]segment, error) {
	var coefficient float64
	var repo koschei.Resolution
	err := l.q.QueryRow(ctx, `
		SELECT priority_coefficient, latest_repo_resolved
		FROM collection
		WHERE id = ANY($1)`, l.filter.Collections).Scan(&coefficient, &repo)
	if err != nil {
		return nil, postgres.NotFound(err, "collection")
	}
	if repo != koschei.Resolved {
		return []segment{l.named("true", func(counted) bool { return true })}, nil
	}
	a, b := l.ranking.Rules.TimeCoefficients()
	if coefficient < 1e-6 || a <= 0 || a*maxPower+b <= 0 {
		return nil, nil // then time has no say, or the last one
	}
	worthy := l.named("p.schedulable", func(c counted) bool { return c.schedulable })
	worthy.value, worthy.kind = "p.start", byFloat
	worthy.args = pgx.NamedArgs{
		"coefficient": coefficient, "a": a, "b": b, "most": a*maxPower + b,
		"seconds": float64(l.ranking.Now.UnixMicro()) / 1e6,
		"young":   3600 * math.Pow(10, (minTimePriority-b)/a),
	}
	where := l.filter.scope(worthy.args) + " AND " + l.filter.narrowing(worthy.args) + " AND p.schedulable AND "
	worthy.sorted = func(direction string) string { return byStart(where, direction) }
	rest := l.named("NOT p.schedulable", func(c counted) bool { return !c.schedulable })
	return append(reversed(reverse, []segment{worthy}), rest), nil
}

const (
	// minTimePriority is the least that time gives; see koschei.PriorityRules.
	minTimePriority = -30

	// maxPower is how large a power of ten of hours is counted with.
	maxPower = 290
)

// byStart is a table of the packages that can be scheduled with the start that
// tells their priority: when the last build of a package that nothing raises
// would have started for it to have that priority. Most are of that kind and
// have simply the start of their last build, in the order of an index, which
// the others are merged into.
//
// Up to an age, here @young, time gives the same to all; beyond that point and
// another where powers end, starts are made up, so that later is less worthy
// everywhere.
func byStart(where, direction string) string {
	order := " ORDER BY 3" + direction + ", 2" + direction
	unchanged := schema.Idle + ` AND p.id NOT IN (SELECT a.package_id FROM resolution a WHERE ` + schema.Changed + `)`
	return `(
		(SELECT r.id, r.name, CASE
				WHEN r.points > @most THEN -1e294::float8 * (r.points / @most::float8)
				WHEN r.points <= -30 THEN @seconds::float8 - @young::float8 - 30 - r.points
				ELSE @seconds::float8 - 3600 * power(10::float8, (r.points - @b::float8) / @a::float8) END AS start
			FROM (
				SELECT p.id, p.name, (p.manual_priority + p.static_priority) / @coefficient::float8
					+ coalesce(p.dependency_priority, 0) + p.build_priority
					+ greatest(@a * log(greatest(1e-6, (@seconds - ` + schema.StartSeconds + `) / 3600)) + @b, -30) AS points
				FROM (
					SELECT p.id, p.name, p.manual_priority, p.static_priority, a.dependency_priority, p.build_priority, p.last_build_started
					FROM package p
					LEFT JOIN resolution a ON a.package_id = p.id
					WHERE ` + where + schema.Raised + `
					UNION ALL
					SELECT p.id, p.name, 0, 0, a.dependency_priority, 0, p.last_build_started
					FROM resolution a
					JOIN package p ON p.id = a.package_id
					WHERE ` + where + schema.Changed + ` AND ` + schema.Idle + `
				) p
				OFFSET 0
			) r` + order + `)
		UNION ALL
		(SELECT p.id, p.name, @seconds::float8 - @young::float8
			FROM package p
			WHERE ` + where + unchanged + ` AND ` + schema.StartSeconds + ` > @seconds::float8 - @young::float8` + order + `)
		UNION ALL
		(SELECT p.id, p.name, ` + schema.StartSeconds + `
			FROM package p
			WHERE ` + where + unchanged + ` AND ` + schema.StartSeconds + ` <= @seconds::float8 - @young::float8` + order + `)
	) p`
}
