package edit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A Turn says when packages are built again.
type Turn struct {
	Rules koschei.PriorityRules
	First bool // before all others, and not behind those that are due; for administrators
}

// firstPriority is more than the priorities of packages come to.
const firstPriority = 1_000_000

// RetryPackages asks for new builds of packages: what held them back is forgotten,
// and their manual priority raised so far that they are due. Unknown packages are as
// for TrackPackages.
func (ed *Editor) RetryPackages(ctx context.Context, act audit.Act, collection string, names []string, turn Turn) ([]string, error) {
	if turn.First && !act.Admin {
		return nil, koschei.Refusal(koschei.ErrForbidden, "only administrators may have a package built before all others")
	}
	return ed.changePackages(ctx, act, collection, names, false, koschei.RightBuildAgain, func(tx pgx.Tx, log *audit.Log, ids []int64) error {
		sql, args := turn.raise(ids, act.Now)
		rows, err := tx.Query(ctx, sql, args)
		if err != nil {
			return err
		}
		changed, err := pgx.CollectRows(rows, pgx.RowTo[string])
		when := ""
		if turn.First {
			when = ", before all others"
		}
		for _, name := range changed {
			log.Add(collection, name, "package %s (collection %s): another build requested%s", name, collection, when)
		}
		if err != nil {
			return err
		}
		return settle.NoteRebuilds(ctx, tx, ids, changed, koschei.EventDetail{By: act.Name, First: turn.First}, act.Now)
	})
}

// raise is the statement that makes packages due, or the first. It returns the names
// of those that it changes.
func (t Turn) raise(ids []int64, now time.Time) (sql string, args pgx.NamedArgs) {
	a, b := t.Rules.TimeCoefficients()
	_, most := koschei.NumberPriority.Range()
	wanted := `p.manual_priority + ceil(@threshold - ` + schema.Priority + `)`
	if t.First {
		wanted = fmt.Sprint(firstPriority)
	}
	return `
		UPDATE package p
		SET ` + schema.NotHeld + `, faults = 0, manual_priority = wanted.priority
		FROM (
			SELECT p.id, greatest(p.manual_priority, least(` + wanted + `, @most))::int AS priority
			FROM package p
			JOIN collection c ON c.id = p.collection_id
			LEFT JOIN resolution a ON a.package_id = p.id
			WHERE p.id = ANY(@ids)
		) wanted
		WHERE p.id = wanted.id
			AND (p.hold_reason <> '' OR p.hold_until IS NOT NULL OR p.faults <> 0 OR p.manual_priority <> wanted.priority)
		RETURNING p.name`, pgx.NamedArgs{"ids": ids, "now": now, "a": a, "b": b, "threshold": t.Rules.BuildThreshold, "most": most}
}

// TrackPackages starts to track the named packages of a collection, all of
// those that it lists if all is set. If any is unknown nothing is done, and the
// error, which wraps koschei.ErrNotFound, names every one.
func (ed *Editor) TrackPackages(ctx context.Context, act audit.Act, collection string, names []string, all bool) ([]string, error) {
	return ed.changePackages(ctx, act, collection, names, all, koschei.RightTrack, func(tx pgx.Tx, log *audit.Log, ids []int64) error {
		return setField(ctx, tx, log, collection, ids, tracked, true)
	})
}

// UntrackPackages is the other way round, of the named packages.
func (ed *Editor) UntrackPackages(ctx context.Context, act audit.Act, collection string, names []string) ([]string, error) {
	return ed.changePackages(ctx, act, collection, names, false, koschei.RightTrack, func(tx pgx.Tx, log *audit.Log, ids []int64) error {
		return setField(ctx, tx, log, collection, ids, tracked, false)
	})
}

// A PriorityKind is a priority that people set.
type PriorityKind string

// Static priority stays until it is set again, manual priority until the next
// build is submitted or ends.
const (
	StaticPriority PriorityKind = "static"
	ManualPriority PriorityKind = "manual"
)

// SetPriority sets a priority of the named packages of a collection. If any is
// unknown nothing is done, as for TrackPackages.
func (ed *Editor) SetPriority(ctx context.Context, act audit.Act, collection string, names []string, kind PriorityKind, value int) ([]string, error) {
	f := priorityField(kind)
	if err := koschei.NumberPriority.Check(float64(value)); err != nil {
		return nil, err
	}
	return ed.changePackages(ctx, act, collection, names, false, f.right, func(tx pgx.Tx, log *audit.Log, ids []int64) error {
		return setField(ctx, tx, log, collection, ids, f, value)
	})
}

func priorityField(kind PriorityKind) packageField[int] {
	if kind == ManualPriority {
		return manualPriority
	}
	return staticPriority
}

// SetArchOverride sets what koschei.ChooseArches takes for the architectures of
// the named packages; "" is no override. Unknown packages are as for TrackPackages.
func (ed *Editor) SetArchOverride(ctx context.Context, act audit.Act, collection string, names []string, override string) ([]string, error) {
	return ed.changePackages(ctx, act, collection, names, false, koschei.RightArchOverride, func(tx pgx.Tx, log *audit.Log, ids []int64) error {
		return setField(ctx, tx, log, collection, ids, archOverride, override)
	})
}

// SkipResolution says whether the named packages are built without looking
// whether their dependencies can be installed. What was found out about those is
// forgotten. Unknown packages are as for TrackPackages.
func (ed *Editor) SkipResolution(ctx context.Context, act audit.Act, collection string, names []string, skip bool) ([]string, error) {
	return ed.changePackages(ctx, act, collection, names, false, koschei.RightSkipResolution, func(tx pgx.Tx, log *audit.Log, ids []int64) error {
		return setField(ctx, tx, log, collection, ids, skipResolution, skip)
	})
}

// changePackages runs f on the ids of packages, locked, and then notes states,
// for somebody who has the right to.
func (ed *Editor) changePackages(ctx context.Context, act audit.Act, collection string, names []string, all bool, right koschei.Right,
	f func(tx pgx.Tx, log *audit.Log, ids []int64) error,
) ([]string, error) {
	return ed.change(ctx, act, ed.might(right), func(tx pgx.Tx, log *audit.Log) error {
		ids, err := lockNamedPackages(ctx, tx, collection, names, all)
		if err != nil {
			return err
		}
		if err := ed.may(ctx, tx, act.Actor, right, ids); err != nil {
			return err
		}
		if err := f(tx, log, ids); err != nil {
			return fmt.Errorf("changing packages of collection %s: %w", collection, err)
		}
		return settled(ctx, tx, ids, act.Now)
	})
}

// settled ends a change of packages.
func settled(ctx context.Context, tx pgx.Tx, ids []int64, now time.Time) error {
	if err := settle.WakeFor(ctx, tx, ids, koschei.ServiceRepoResolver, koschei.ServiceScheduler); err != nil {
		return err
	}
	return settle.NoteStates(ctx, tx, ids, now)
}

func lockNamedPackages(ctx context.Context, tx pgx.Tx, collection string, names []string, all bool) ([]int64, error) {
	c, err := schema.OneCollection(ctx, tx, collection, "")
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT id, name
		FROM package
		WHERE collection_id = $1 AND ($3 OR name = ANY($2))
		ORDER BY id
		FOR NO KEY UPDATE`, c.ID, names, all)
	if err != nil {
		return nil, fmt.Errorf("locking packages of collection %s: %w", collection, err)
	}
	known := map[string]bool{}
	var ids []int64
	var id int64
	var name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		ids, known[name] = append(ids, id), true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("locking packages of collection %s: %w", collection, err)
	}
	return ids, schema.UnknownNames("package", "in collection "+collection, names, known)
}
