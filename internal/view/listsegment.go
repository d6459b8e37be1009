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

// A lister finds the packages of one page of a collection's list, in one
// snapshot of the record.
//
// A list in one of the usual orders is read as segments, one after the other:
// all that is running, then the rest; all in one state, then all in the next;
// all with a date, then those without. How large they are is known from
// counting, and each is in the order of an index. So no page is further than
// half a segment from an end to begin at, and nothing is sorted.
type lister struct {
	q       postgres.Querier
	filter  PackageFilter
	ranking schema.Ranking
	counted countedPackages
}

// A segment is a part of a list.
type segment struct {
	size   int
	where  string // besides what the filter asks for
	order  string // by which it is sorted
	mirror string // the same from its end

	// sorted makes of a direction, "" or " DESC", what to choose from instead
	// of packages as such, and args what that needs.
	sorted func(direction string) string
	args   pgx.NamedArgs
}

// listedStates is the order of states in lists.
var listedStates = []koschei.State{koschei.StateUnresolved, koschei.StateFailing, koschei.StateOK, koschei.StateUnknown, koschei.StateUntracked}

// choose returns the ids of the packages of a page.
func (l *lister) choose(ctx context.Context, order ListOrder, span Span) ([]int64, error) {
	segments, err := l.segments(ctx, order)
	if err != nil {
		return nil, err
	}
	if segments == nil {
		return l.sort(ctx, order, span)
	}
	var ids []int64
	for _, s := range segments {
		if span.Limit <= 0 {
			break
		}
		if span.Offset >= s.size {
			span.Offset -= s.size
			continue
		}
		some, err := l.read(ctx, &s, Span{Limit: min(span.Limit, s.size-span.Offset), Offset: span.Offset})
		if err != nil {
			return nil, err
		}
		ids = append(ids, some...)
		span = Span{Limit: span.Limit - len(some)}
	}
	return ids, nil
}

// read returns a span of a segment, from the end that is nearer.
func (l *lister) read(ctx context.Context, s *segment, span Span) ([]int64, error) {
	order, direction := s.order, ""
	fromEnd := s.size - span.Offset - span.Limit
	if fromEnd < span.Offset {
		order, direction, span.Offset = s.mirror, " DESC", fromEnd
	}
	args := pgx.NamedArgs{"limit": span.Limit, "offset": span.Offset}
	for name, value := range s.args {
		args[name] = value
	}
	from := "package p WHERE " + l.filter.conditions(args) + " AND " + l.filter.narrowing(args) + " AND " + s.where
	if s.sorted != nil {
		from = s.sorted(direction)
	}
	// Planned for this very page: what is best depends on how far down it is.
	ids, err := postgres.CollectIDs(l.q.Query(ctx, "SELECT p.id FROM "+from+" ORDER BY "+order+" LIMIT @limit OFFSET @offset",
		pgx.QueryExecModeCacheDescribe, args))
	if direction != "" {
		slices.Reverse(ids)
	}
	return ids, err
}

// sort chooses without segments: whatever the order, all is sorted.
func (l *lister) sort(ctx context.Context, order ListOrder, span Span) ([]int64, error) {
	a, b := l.ranking.Rules.TimeCoefficients()
	args := pgx.NamedArgs{"limit": span.Limit, "offset": span.Offset, "now": l.ranking.Now, "a": a, "b": b}
	from := "package p"
	if slices.ContainsFunc(order, func(k OrderKey) bool { return k.Key == "current_priority" }) {
		from += " JOIN collection c ON c.id = p.collection_id LEFT JOIN resolution a ON a.package_id = p.id"
	}
	return postgres.CollectIDs(l.q.Query(ctx, "SELECT p.id FROM "+from+" WHERE "+l.filter.conditions(args)+" AND "+l.filter.narrowing(args)+
		" ORDER BY "+order.sql(packageOrder)+" LIMIT @limit OFFSET @offset", args))
}

// segments divides a list in an order, or returns nil if it cannot.
func (l *lister) segments(ctx context.Context, order ListOrder) ([]segment, error) {
	if slices.Equal(order, ListOrder{{Key: "running"}, {Key: "state"}, {Key: "name"}}) {
		return []segment{{
			size: l.counted.size(l.filter.lets), where: "true",
			order:  "p.running DESC NULLS LAST, " + statePlace + ", p.name",
			mirror: "p.running NULLS FIRST, " + statePlace + " DESC, p.name DESC",
		}}, nil
	}
	if len(order) == 2 && order[1] == (OrderKey{Key: "name"}) {
		order = order[:1]
	}
	if len(order) != 1 {
		return nil, nil
	}
	switch key := order[0]; key.Key {
	case "name":
		return l.reversed(key.Reverse, []segment{l.named("true", func(counted) bool { return true })}), nil
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
		return l.reversed(key.Reverse, l.byTrouble()), nil
	case "state":
		return l.byState(key.Reverse), nil
	case "task_id":
		return l.dated(ctx, key.Reverse, "p.last_build_id", "p.last_build_id, p.name", "p.last_build_id DESC, p.name DESC")
	case "started":
		return l.dated(ctx, key.Reverse, "p.last_build_started", "p.last_build_started, p.name", "p.last_build_started DESC, p.name DESC")
	case "since":
		return l.dated(ctx, key.Reverse, "p.state_since", "p.state_since DESC NULLS LAST, p.name", "p.state_since NULLS FIRST, p.name DESC")
	case "current_priority":
		return l.byPriority(ctx, key.Reverse)
	}
	return nil, nil
}

// named is the segment of the packages of some kinds, by name.
func (l *lister) named(where string, pass func(counted) bool) segment {
	size := l.counted.size(func(c counted) bool { return l.filter.lets(c) && pass(c) })
	return segment{size: size, where: where, order: "p.name", mirror: "p.name DESC"}
}

// reversed turns segments around if they are to be, each in itself.
func (l *lister) reversed(reverse bool, segments []segment) []segment {
	for i := range segments {
		if s := &segments[i]; reverse {
			s.order, s.mirror = s.mirror, s.order
			if forward := s.sorted; forward != nil {
				s.sorted = func(direction string) string {
					if direction == "" {
						return forward(" DESC")
					}
					return forward("")
				}
			}
		}
	}
	return segments
}

// byTrouble has those that are broken first, the newest of them in front, then
// those with a build under way.
func (l *lister) byTrouble() []segment {
	const inTrouble = "p.state IN ('failing', 'unresolved')"
	troubled := func(c counted) bool { return c.state == koschei.StateFailing || c.state == koschei.StateUnresolved }
	first := l.named(inTrouble, troubled)
	first.order, first.mirror = "p.state_since DESC NULLS LAST, p.name", "p.state_since NULLS FIRST, p.name DESC"
	return []segment{
		first,
		l.named("NOT "+inTrouble+" AND p.running", func(c counted) bool { return !troubled(c) && c.running }),
		l.named("NOT "+inTrouble+" AND NOT p.running", func(c counted) bool { return !troubled(c) && !c.running }),
	}
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

// dated is the list by a column, with those that have nothing there last. Those
// that are equal there are reversed with it.
func (l *lister) dated(ctx context.Context, reverse bool, column, order, mirror string) ([]segment, error) {
	args := pgx.NamedArgs{}
	var without int
	err := l.q.QueryRow(ctx, "SELECT count(*) FROM package p WHERE "+l.filter.conditions(args)+" AND "+l.filter.narrowing(args)+
		" AND "+column+" IS NULL", args).Scan(&without)
	if err != nil {
		return nil, err
	}
	with := segment{size: l.counted.size(l.filter.lets) - without, where: column + " IS NOT NULL", order: order, mirror: mirror}
	rest := segment{size: without, where: column + " IS NULL", order: "p.name", mirror: "p.name DESC"}
	return append(l.reversed(reverse, []segment{with}), rest), nil
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
	worthy.order, worthy.mirror = "p.start, p.name", "p.start DESC, p.name DESC"
	worthy.args = pgx.NamedArgs{
		"coefficient": coefficient, "a": a, "b": b, "most": a*maxPower + b,
		"seconds": float64(l.ranking.Now.UnixMicro()) / 1e6,
		"young":   3600 * math.Pow(10, (minTimePriority-b)/a),
	}
	where := l.filter.scope(worthy.args) + " AND " + l.filter.narrowing(worthy.args) + " AND p.schedulable AND "
	worthy.sorted = func(direction string) string { return byStart(where, direction) }
	rest := l.named("NOT p.schedulable", func(c counted) bool { return !c.schedulable })
	return append(l.reversed(reverse, []segment{worthy}), rest), nil
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
