package edit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/schema"
)

// CreateCollection stores c, whose ID and repo are not looked at. An error
// wraps koschei.ErrExists if the name is taken, koschei.ErrInvalid if c cannot be stored.
func (ed *Editor) CreateCollection(ctx context.Context, act audit.Act, c *koschei.Collection) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		if err := c.Validate(); err != nil {
			return err
		}
		log.Add(c.Name, "", "collection %s created", c.Name)
		return insertCollection(ctx, tx, c)
	})
}

// insertCollection stores c without a repo and sets its ID.
func insertCollection(ctx context.Context, tx pgx.Tx, c *koschei.Collection) error {
	sql, args := schema.CollectionInsert(c)
	err := tx.QueryRow(ctx, sql, args).Scan(&c.ID)
	if err != nil {
		return collectionStored(err, c.Name)
	}
	return postgres.Wake(ctx, tx, c.ID, koschei.ServicePolling, koschei.ServiceRepoResolver)
}

func collectionStored(err error, name string) error {
	if postgres.Violates(err, "collection_name_key") {
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
func (ed *Editor) EditCollection(ctx context.Context, act audit.Act, name string, edit func(*koschei.Collection) error) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		return editCollection(ctx, tx, log, name, edit)
	})
}

func editCollection(ctx context.Context, tx pgx.Tx, log *audit.Log, name string, edit func(*koschei.Collection) error) error {
	c, err := schema.LockCollection(ctx, tx, name)
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
}

// updateCollection stores the settings of a collection that has changed from
// before to after.
func updateCollection(ctx context.Context, tx pgx.Tx, before, after *koschei.Collection) error {
	sql, args := schema.CollectionUpdate(after)
	if _, err := tx.Exec(ctx, sql, args); err != nil {
		return collectionStored(err, after.Name)
	}
	if !after.SameRepos(before) {
		if err := forgetLatestRepo(ctx, tx, after.ID, after.SourceHub() != before.SourceHub()); err != nil {
			return fmt.Errorf("forgetting the latest repo of collection %s: %w", after.Name, err)
		}
	}
	return postgres.Wake(ctx, tx, after.ID, koschei.ServicePolling, koschei.ServiceRepoResolver, koschei.ServiceScheduler)
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
func (ed *Editor) DeleteCollection(ctx context.Context, act audit.Act, name string, force bool) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		c, err := schema.OneCollection(ctx, tx, name, "FOR UPDATE") // so that no package comes in
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
		log.Add(name, "", "collection %s deleted with %d packages", name, packages)
		if _, err := tx.Exec(ctx, `DELETE FROM collection WHERE id = $1`, c.ID); err != nil {
			return fmt.Errorf("deleting collection %s: %w", name, err)
		}
		return nil
	})
}

// auditCollection notes every setting that differs.
func auditCollection(log *audit.Log, before, after *koschei.Collection) {
	for _, s := range schema.CollectionSettings() {
		if was, is := s.Value(before), s.Value(after); was != is {
			f := audit.Field{Collection: after.Name, Name: s.Name(), Was: fmt.Sprint(was), Became: fmt.Sprint(is)}
			log.AddField(f, "collection %s: %s changed from %v to %v", before.Name, s.Label, was, is)
		}
	}
}
