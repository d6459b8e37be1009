package edit

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/schema"
)

// RetryPackages asks for new builds of packages as soon as their turn comes:
// what held them back is forgotten and their manual priority raised to at least
// the given one. Unknown packages are as for TrackPackages.
func (ed *Editor) RetryPackages(ctx context.Context, act audit.Act, collection string, names []string, raise int) ([]string, error) {
	return ed.changePackages(ctx, act, collection, names, false, editPackages, func(tx pgx.Tx, log *audit.Log, ids []int64) error {
		changed, err := postgres.QueryNames(ctx, tx, `
			UPDATE package
			SET `+schema.NotHeld+`, faults = 0, manual_priority = greatest(manual_priority, $2)
			WHERE id = ANY($1) AND (hold_reason <> '' OR hold_until IS NOT NULL OR faults <> 0 OR manual_priority < $2)
			RETURNING name`, ids, raise)
		for _, name := range changed {
			log.Add(collection, name, "package %s (collection %s): another build requested", name, collection)
		}
		return err
	})
}

// TrackPackages starts to track the named packages of a collection, all of
// those that it lists if all is set. If any is unknown nothing is done, and the
// error, which wraps koschei.ErrNotFound, names every one.
func (ed *Editor) TrackPackages(ctx context.Context, act audit.Act, collection string, names []string, all bool) ([]string, error) {
	return ed.changePackages(ctx, act, collection, names, all, editPackages, func(tx pgx.Tx, log *audit.Log, ids []int64) error {
		rows, err := tx.Query(ctx, `
			UPDATE package
			SET tracked = true
			WHERE id = ANY($1) AND NOT tracked
			RETURNING name`, ids)
		if err != nil {
			return err
		}
		changed, err := pgx.CollectRows(rows, pgx.RowTo[string])
		slices.Sort(changed)
		for _, name := range changed {
			log.Add(collection, name, "package %s (collection %s): tracked changed from false to true", name, collection)
		}
		return err
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
	return ed.changePackages(ctx, act, collection, names, false, setPriorityOf(kind), func(tx pgx.Tx, log *audit.Log, ids []int64) error {
		return setPriority(ctx, tx, log, collection, ids, kind, value)
	})
}

func setPriority(ctx context.Context, tx pgx.Tx, log *audit.Log, collection string, ids []int64, kind PriorityKind, value int) error {
	column := string(kind) + "_priority" // of two constants
	rows, err := tx.Query(ctx, `
		UPDATE package p
		SET `+column+` = $2
		FROM (SELECT id, `+column+` AS was FROM package WHERE id = ANY($1)) old
		WHERE p.id = old.id AND old.was <> $2
		RETURNING p.name, old.was`, ids, value)
	if err != nil {
		return err
	}
	var name string
	var was int
	_, err = pgx.ForEachRow(rows, []any{&name, &was}, func() error {
		log.Add(collection, name, "package %s (collection %s): %s priority changed from %d to %d", name, collection, kind, was, value)
		return nil
	})
	return err
}

// SetArchOverride sets what koschei.ChooseArches takes for the architectures of
// the named packages; "" is no override. Unknown packages are as for TrackPackages.
func (ed *Editor) SetArchOverride(ctx context.Context, act audit.Act, collection string, names []string, override string) ([]string, error) {
	return ed.changePackages(ctx, act, collection, names, false, editPackages, func(tx pgx.Tx, log *audit.Log, ids []int64) error {
		rows, err := tx.Query(ctx, `
			UPDATE package p
			SET arch_override = $2
			FROM (SELECT id, arch_override AS was FROM package WHERE id = ANY($1)) old
			WHERE p.id = old.id AND old.was <> $2
			RETURNING p.name, old.was`, ids, override)
		if err != nil {
			return err
		}
		var name, was string
		_, err = pgx.ForEachRow(rows, []any{&name, &was}, func() error {
			log.Add(collection, name, "package %s (collection %s): architecture override changed from %q to %q", name, collection, was, override)
			return nil
		})
		return err
	})
}

// changePackages runs f on the ids of packages, locked, and then notes states,
// for somebody who may.
func (ed *Editor) changePackages(ctx context.Context, act audit.Act, collection string, names []string, all bool, may right,
	f func(tx pgx.Tx, log *audit.Log, ids []int64) error,
) ([]string, error) {
	return ed.change(ctx, act, may, func(tx pgx.Tx, log *audit.Log) error {
		ids, err := lockNamedPackages(ctx, tx, collection, names, all)
		if err != nil {
			return err
		}
		if err := f(tx, log, ids); err != nil {
			return fmt.Errorf("changing packages of collection %s: %w", collection, err)
		}
		if err := settle.WakeFor(ctx, tx, ids, koschei.ServiceRepoResolver, koschei.ServiceScheduler); err != nil {
			return err
		}
		return settle.NoteStates(ctx, tx, ids, act.Now)
	})
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
