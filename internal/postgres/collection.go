package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// Collections returns all collections in the order pages show them.
func (db *DB) Collections(ctx context.Context) ([]koschei.Collection, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+collectionColumns()+`
		FROM collection c
		ORDER BY c."order" DESC, c.name DESC`)
	if err != nil {
		return nil, fmt.Errorf("reading collections: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[koschei.Collection])
}

// Collection returns the collection of that name, or an error that wraps
// koschei.ErrNotFound.
func (db *DB) Collection(ctx context.Context, name string) (*koschei.Collection, error) {
	return oneCollection(ctx, db.pool, name, "")
}

// lockCollection is Collection, kept from changing until tx ends.
func lockCollection(ctx context.Context, tx pgx.Tx, name string) (*koschei.Collection, error) {
	return oneCollection(ctx, tx, name, "FOR UPDATE")
}

func oneCollection(ctx context.Context, q querier, name, lock string) (*koschei.Collection, error) {
	rows, err := q.Query(ctx, `
		SELECT `+collectionColumns()+`
		FROM collection c
		WHERE c.name = $1 `+lock, name)
	if err != nil {
		return nil, fmt.Errorf("reading collection %s: %w", name, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[koschei.Collection])
	return c, notFound(err, "collection %s", name)
}

// CollectionByID is Collection for who must not mistake another for it that has
// got its name since: a branch takes over the name of its master.
func (db *DB) CollectionByID(ctx context.Context, id int64) (*koschei.Collection, error) {
	return oneCollectionByID(ctx, db.pool, id, "")
}

func oneCollectionByID(ctx context.Context, q querier, id int64, lock string) (*koschei.Collection, error) {
	rows, err := q.Query(ctx, `
		SELECT `+collectionColumns()+`
		FROM collection c
		WHERE c.id = $1 `+lock, id)
	if err != nil {
		return nil, fmt.Errorf("reading collection %d: %w", id, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[koschei.Collection])
	return c, notFound(err, "collection %d", id)
}

// CreateCollection stores c, whose ID and repo are not looked at. An error
// wraps koschei.ErrExists if the name is taken, koschei.ErrInvalid if c cannot be stored.
func (db *DB) CreateCollection(ctx context.Context, act Act, c *koschei.Collection) ([]string, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return db.change(ctx, act, func(tx pgx.Tx, log *audit) error {
		log.add(c.Name, "", "collection %s created", c.Name)
		return insertCollection(ctx, tx, c)
	})
}

// insertCollection stores c without a repo and sets its ID.
func insertCollection(ctx context.Context, tx pgx.Tx, c *koschei.Collection) error {
	sql, args := collectionInsert(c)
	err := tx.QueryRow(ctx, sql, args).Scan(&c.ID)
	if err != nil {
		return collectionStored(err, c.Name)
	}
	return wake(ctx, tx, c.ID, koschei.ServicePolling, koschei.ServiceRepoResolver)
}

func collectionStored(err error, name string) error {
	if violates(err, "collection_name_key") {
		return fmt.Errorf("collection %s %w", name, koschei.ErrExists)
	}
	if err != nil {
		return fmt.Errorf("storing collection %s: %w", name, err)
	}
	return nil
}

// EditCollection lets edit change the named collection and stores the result.
// Only fields that an operator decides are stored. A collection that is resolved
// in other repos now (see koschei.Collection.SameRepos) forgets which it saw last.
func (db *DB) EditCollection(ctx context.Context, act Act, name string, edit func(*koschei.Collection) error) ([]string, error) {
	return db.change(ctx, act, func(tx pgx.Tx, log *audit) error {
		c, err := lockCollection(ctx, tx, name)
		if err != nil {
			return err
		}
		before := *c
		if err := edit(c); err != nil {
			return err
		}
		if err := c.Validate(); err != nil {
			return err
		}
		auditCollection(log, &before, c)
		return updateCollection(ctx, tx, &before, c)
	})
}

// updateCollection stores the settings of a collection that has changed from
// before to after.
func updateCollection(ctx context.Context, tx pgx.Tx, before, after *koschei.Collection) error {
	sql, args := collectionUpdate(after)
	if _, err := tx.Exec(ctx, sql, args); err != nil {
		return collectionStored(err, after.Name)
	}
	if !after.SameRepos(before) {
		if err := forgetLatestRepo(ctx, tx, after.ID, after.SourceHub() != before.SourceHub()); err != nil {
			return fmt.Errorf("forgetting the latest repo of collection %s: %w", after.Name, err)
		}
	}
	return wake(ctx, tx, after.ID, koschei.ServicePolling, koschei.ServiceRepoResolver, koschei.ServiceScheduler)
}

// forgetLatestRepo makes the next repo of a collection its latest, whatever its
// event. Repos of another hub are not kept beside those of the new one: their
// events would be compared.
func forgetLatestRepo(ctx context.Context, tx pgx.Tx, id int64, otherHub bool) error {
	_, err := tx.Exec(ctx, `
		UPDATE collection
		SET latest_repo_id = 0, latest_repo_event = 0, latest_repo_resolved = 'unattempted'
		WHERE id = $1`, id)
	if err != nil || !otherHub {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM repo WHERE collection_id = $1`, id)
	return err
}

// DeleteCollection deletes a collection with everything in it. Unless forced it
// refuses, wrapping koschei.ErrInUse, one that has packages.
func (db *DB) DeleteCollection(ctx context.Context, act Act, name string, force bool) ([]string, error) {
	return db.change(ctx, act, func(tx pgx.Tx, log *audit) error {
		c, err := lockCollection(ctx, tx, name)
		if err != nil {
			return err
		}
		var packages int
		err = tx.QueryRow(ctx, `SELECT count(*) FROM package WHERE collection_id = $1`, c.ID).Scan(&packages)
		if err != nil {
			return fmt.Errorf("counting the packages of collection %s: %w", name, err)
		}
		if packages > 0 && !force {
			return fmt.Errorf("collection %s is %w: it has %d packages", name, koschei.ErrInUse, packages)
		}
		log.add(name, "", "collection %s deleted with %d packages", name, packages)
		if _, err := tx.Exec(ctx, `DELETE FROM collection WHERE id = $1`, c.ID); err != nil {
			return fmt.Errorf("deleting collection %s: %w", name, err)
		}
		return nil
	})
}
