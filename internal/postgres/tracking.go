package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// TrackPackages starts to track the named packages of a collection, all of
// those that it lists if all is set. If any is unknown nothing is done, and the
// error, which wraps koschei.ErrNotFound, names every one.
func (db *DB) TrackPackages(ctx context.Context, act Act, collection string, names []string, all bool) ([]string, error) {
	return db.changePackages(ctx, act, collection, names, all, func(tx pgx.Tx, log *audit, ids []int64) error {
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
			log.add(collection, name, "package %s (collection %s): tracked changed from false to true", name, collection)
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
func (db *DB) SetPriority(ctx context.Context, act Act, collection string, names []string, kind PriorityKind, value int) ([]string, error) {
	return db.changePackages(ctx, act, collection, names, false, func(tx pgx.Tx, log *audit, ids []int64) error {
		return setPriority(ctx, tx, log, collection, ids, kind, value)
	})
}

func setPriority(ctx context.Context, tx pgx.Tx, log *audit, collection string, ids []int64, kind PriorityKind, value int) error {
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
		log.add(collection, name, "package %s (collection %s): %s priority changed from %d to %d", name, collection, kind, was, value)
		return nil
	})
	return err
}

// SetArchOverride sets what koschei.ChooseArches takes for the architectures of
// the named packages; "" is no override. Unknown packages are as for TrackPackages.
func (db *DB) SetArchOverride(ctx context.Context, act Act, collection string, names []string, override string) ([]string, error) {
	return db.changePackages(ctx, act, collection, names, false, func(tx pgx.Tx, log *audit, ids []int64) error {
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
			log.add(collection, name, "package %s (collection %s): architecture override changed from %q to %q", name, collection, was, override)
			return nil
		})
		return err
	})
}

// changePackages runs f on the ids of packages, locked, and then notes states.
func (db *DB) changePackages(ctx context.Context, act Act, collection string, names []string, all bool,
	f func(tx pgx.Tx, log *audit, ids []int64) error,
) ([]string, error) {
	return db.change(ctx, act, func(tx pgx.Tx, log *audit) error {
		ids, err := lockNamedPackages(ctx, tx, collection, names, all)
		if err != nil {
			return err
		}
		if err := f(tx, log, ids); err != nil {
			return fmt.Errorf("changing packages of collection %s: %w", collection, err)
		}
		if err := wakeFor(ctx, tx, ids, koschei.ServiceRepoResolver, koschei.ServiceScheduler); err != nil {
			return err
		}
		return noteStates(ctx, tx, ids, act.Now)
	})
}

func lockNamedPackages(ctx context.Context, tx pgx.Tx, collection string, names []string, all bool) ([]int64, error) {
	c, err := oneCollection(ctx, tx, collection, "")
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
	return ids, unknownNames("package", "in collection "+collection, names, known)
}

// unknownNames names those that are not known in one sentence, wrapping
// koschei.ErrNotFound; nil if there is none.
func unknownNames(what, where string, names []string, known map[string]bool) error {
	var unknown []string
	for _, name := range names {
		if !known[name] && !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}
	switch len(unknown) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s %s %s: %w", what, unknown[0], where, koschei.ErrNotFound)
	}
	return fmt.Errorf("%ss %s %s: %w", what, strings.Join(unknown, ", "), where, koschei.ErrNotFound)
}

// PackagesNamed returns the named packages of a collection, by name. Unknown
// packages are as for TrackPackages.
func (db *DB) PackagesNamed(ctx context.Context, collection string, names []string) ([]koschei.PackageStatus, error) {
	c, err := db.Collection(ctx, collection)
	if err != nil {
		return nil, err
	}
	rows, err := db.pool.Query(ctx, `
		SELECT `+packageColumns+`
		FROM package p
		LEFT JOIN resolution a ON a.package_id = p.id
		WHERE p.collection_id = $1 AND p.name = ANY($2)
		ORDER BY p.name`, c.ID, names)
	if err != nil {
		return nil, fmt.Errorf("reading packages of collection %s: %w", collection, err)
	}
	packages, err := pgx.CollectRows(rows, rowToPackage)
	if err != nil {
		return nil, fmt.Errorf("reading packages of collection %s: %w", collection, err)
	}
	known := map[string]bool{}
	for i := range packages {
		known[packages[i].Name] = true
	}
	return packages, unknownNames("package", "in collection "+collection, names, known)
}
