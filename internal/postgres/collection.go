package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// collectionColumns are those of koschei.Collection, of a table called c, in
// the order of its fields.
const collectionColumns = `c.id, c.name, c.display_name, c."order", c.secondary_mode, c.target, c.dest_tag, c.build_tag,
	c.build_group, c.bugzilla_product, c.bugzilla_version, c.priority_coefficient, c.weight, c.max_builds, c.poll_untracked,
	c.weak_deps, c.latest_repo_id, c.latest_repo_event, c.latest_repo_resolved`

// Collections returns all collections in the order pages show them.
func (db *DB) Collections(ctx context.Context) ([]koschei.Collection, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+collectionColumns+`
		FROM collection c
		ORDER BY c."order" DESC, c.name DESC`)
	if err != nil {
		return nil, fmt.Errorf("reading collections: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[koschei.Collection])
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
		SELECT `+collectionColumns+`
		FROM collection c
		WHERE c.name = $1 `+lock, name)
	if err != nil {
		return nil, fmt.Errorf("reading collection %s: %w", name, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[koschei.Collection])
	return c, notFound(err, "collection %s", name)
}

// CollectionByID is Collection for who must not mistake another for it that has
// got its name since: a branch takes over the name of its master.
func (db *DB) CollectionByID(ctx context.Context, id int64) (*koschei.Collection, error) {
	return oneCollectionByID(ctx, db.pool, id, "")
}

func oneCollectionByID(ctx context.Context, q querier, id int64, lock string) (*koschei.Collection, error) {
	rows, err := q.Query(ctx, `
		SELECT `+collectionColumns+`
		FROM collection c
		WHERE c.id = $1 `+lock, id)
	if err != nil {
		return nil, fmt.Errorf("reading collection %d: %w", id, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[koschei.Collection])
	return c, notFound(err, "collection %d", id)
}

// CreateCollection stores c, whose ID and repo are not looked at. An error
// wraps koschei.ErrExists if the name is taken, koschei.ErrInvalid if c cannot be stored.
func (db *DB) CreateCollection(ctx context.Context, author Author, c *koschei.Collection) ([]string, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return db.change(ctx, author, func(tx pgx.Tx, log *audit) error {
		log.add(c.Name, "", "collection %s created", c.Name)
		return insertCollection(ctx, tx, c)
	})
}

// insertCollection stores c without a repo and sets its ID.
func insertCollection(ctx context.Context, tx pgx.Tx, c *koschei.Collection) error {
	err := tx.QueryRow(ctx, `
		INSERT INTO collection (name, display_name, "order", secondary_mode, target, dest_tag, build_tag, build_group,
			bugzilla_product, bugzilla_version, priority_coefficient, weight, max_builds, poll_untracked, weak_deps)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		RETURNING id`,
		c.Name, c.DisplayName, c.Order, c.SecondaryMode, c.Target, c.DestTag, c.BuildTag, c.BuildGroup,
		c.BugzillaProduct, c.BugzillaVersion, c.PriorityCoefficient, c.Weight, c.MaxBuilds, c.PollUntracked, c.WeakDeps,
	).Scan(&c.ID)
	if err != nil {
		return collectionStored(err, c.Name)
	}
	return wake(ctx, tx, c.ID, WakePolling, WakeRepoResolver)
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
// Only fields that an operator decides are stored. A collection whose buildroots
// are made otherwise now forgets which repo it saw last, to be resolved anew.
func (db *DB) EditCollection(ctx context.Context, author Author, name string, edit func(*koschei.Collection) error) ([]string, error) {
	return db.change(ctx, author, func(tx pgx.Tx, log *audit) error {
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
		otherwise := before.BuildTag != c.BuildTag || before.BuildGroup != c.BuildGroup || before.WeakDeps != c.WeakDeps
		return updateCollection(ctx, tx, c, otherwise)
	})
}

func updateCollection(ctx context.Context, tx pgx.Tx, c *koschei.Collection, forgetRepo bool) error {
	_, err := tx.Exec(ctx, `
		UPDATE collection
		SET name = $2, display_name = $3, "order" = $4, secondary_mode = $5, target = $6, dest_tag = $7, build_tag = $8,
			build_group = $9, bugzilla_product = $10, bugzilla_version = $11, priority_coefficient = $12, weight = $13,
			max_builds = $14, poll_untracked = $15, weak_deps = $16,
			latest_repo_id = CASE WHEN $17 THEN 0 ELSE latest_repo_id END,
			latest_repo_event = CASE WHEN $17 THEN 0 ELSE latest_repo_event END,
			latest_repo_resolved = CASE WHEN $17 THEN 'unattempted' ELSE latest_repo_resolved END
		WHERE id = $1`,
		c.ID, c.Name, c.DisplayName, c.Order, c.SecondaryMode, c.Target, c.DestTag, c.BuildTag, c.BuildGroup,
		c.BugzillaProduct, c.BugzillaVersion, c.PriorityCoefficient, c.Weight, c.MaxBuilds, c.PollUntracked, c.WeakDeps, forgetRepo)
	if err != nil {
		return collectionStored(err, c.Name)
	}
	return wake(ctx, tx, c.ID, WakePolling, WakeRepoResolver, WakeScheduler)
}

// auditCollection notes every field that differs.
func auditCollection(log *audit, before, after *koschei.Collection) {
	note := func(what string, was, is any) {
		if was != is {
			log.add(after.Name, "", "collection %s: %s changed from %v to %v", before.Name, what, was, is)
		}
	}
	note("name", before.Name, after.Name)
	note("display name", before.DisplayName, after.DisplayName)
	note("order", before.Order, after.Order)
	note("secondary mode", before.SecondaryMode, after.SecondaryMode)
	note("target", before.Target, after.Target)
	note("destination tag", before.DestTag, after.DestTag)
	note("build tag", before.BuildTag, after.BuildTag)
	note("build group", before.BuildGroup, after.BuildGroup)
	note("Bugzilla product", before.BugzillaProduct, after.BugzillaProduct)
	note("Bugzilla version", before.BugzillaVersion, after.BugzillaVersion)
	note("priority coefficient", before.PriorityCoefficient, after.PriorityCoefficient)
	note("weight", before.Weight, after.Weight)
	note("limit of builds", before.MaxBuilds, after.MaxBuilds)
	note("poll untracked", before.PollUntracked, after.PollUntracked)
	note("weak dependencies", before.WeakDeps, after.WeakDeps)
}

// DeleteCollection deletes a collection with everything in it. Unless forced it
// refuses, wrapping koschei.ErrInUse, one that has packages.
func (db *DB) DeleteCollection(ctx context.Context, author Author, name string, force bool) ([]string, error) {
	return db.change(ctx, author, func(tx pgx.Tx, log *audit) error {
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
