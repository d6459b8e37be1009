package edit

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A CollectionGroupEdit is what operators say of a set of collections that pages show
// together.
type CollectionGroupEdit struct {
	Name        string
	DisplayName string
	Collections []string // names; nil to leave them as they are

	Seen *CollectionGroupSeen // nil if whoever changes it does not mind what others did since
}

// A CollectionGroupSeen is what whoever changes a group of collections has seen of it.
type CollectionGroupSeen struct {
	DisplayName string
	Collections []string // sorted names
}

// clash says, with an error that wraps koschei.ErrConflict, that the group is not what
// was seen of it.
func (g *CollectionGroupEdit) clash(ctx context.Context, tx pgx.Tx, id int64, displayName string) error {
	if g.Seen == nil {
		return nil
	}
	now, err := postgres.QueryNames(ctx, tx, `
		SELECT c.name
		FROM collection_group_member m
		JOIN collection c ON c.id = m.collection_id
		WHERE m.group_id = $1
		ORDER BY c.name`, id)
	if err != nil {
		return fmt.Errorf("collection group %s: %w", g.Name, err)
	}
	if displayName == g.Seen.DisplayName && slices.Equal(slices.Sorted(slices.Values(now)), slices.Sorted(slices.Values(g.Seen.Collections))) {
		return nil
	}
	return koschei.Refusal(koschei.ErrConflict, fmt.Sprintf("somebody else has changed collection group %s since this page was made; please open it again", g.Name))
}

// CreateCollectionGroup makes a group of collections. Errors wrap
// koschei.ErrExists if the name is taken, koschei.ErrNotFound if a collection is unknown.
func (ed *Editor) CreateCollectionGroup(ctx context.Context, act audit.Act, g CollectionGroupEdit) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		if err := koschei.ValidateName("collection group", g.Name); err != nil {
			return err
		}
		var id int64
		err := tx.QueryRow(ctx, `
			INSERT INTO collection_group (name, display_name)
			VALUES ($1, $2)
			RETURNING id`, g.Name, g.DisplayName).Scan(&id)
		if postgres.Violates(err, "collection_group_name_key") {
			return fmt.Errorf("collection group %s %w", g.Name, koschei.ErrExists)
		}
		if err != nil {
			return fmt.Errorf("storing collection group %s: %w", g.Name, err)
		}
		log.Add("", "", "collection group %s created", g.Name)
		return setGroupCollections(ctx, tx, log, id, g)
	})
}

// EditCollectionGroup changes the display name unless that is "", and the
// contents unless Collections is nil.
func (ed *Editor) EditCollectionGroup(ctx context.Context, act audit.Act, g CollectionGroupEdit) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		var id int64
		var was string
		err := tx.QueryRow(ctx, `
			SELECT id, display_name
			FROM collection_group
			WHERE name = $1
			FOR UPDATE`, g.Name).Scan(&id, &was)
		if err := postgres.NotFound(err, "collection group %s", g.Name); err != nil {
			return err
		}
		if err := g.clash(ctx, tx, id, was); err != nil {
			return err
		}
		if g.DisplayName != "" && g.DisplayName != was {
			log.Add("", "", "collection group %s: display name changed from %s to %s", g.Name, was, g.DisplayName)
			if _, err := tx.Exec(ctx, `UPDATE collection_group SET display_name = $2 WHERE id = $1`, id, g.DisplayName); err != nil {
				return fmt.Errorf("storing collection group %s: %w", g.Name, err)
			}
		}
		if g.Collections == nil {
			return nil
		}
		return setGroupCollections(ctx, tx, log, id, g)
	})
}

// setGroupCollections makes g.Collections the contents of the group.
func setGroupCollections(ctx context.Context, tx pgx.Tx, log *audit.Log, id int64, g CollectionGroupEdit) error {
	found, err := postgres.QueryNames(ctx, tx, `SELECT name FROM collection WHERE name = ANY($1)`, g.Collections)
	if err != nil {
		return fmt.Errorf("collection group %s: %w", g.Name, err)
	}
	known := map[string]bool{}
	for _, name := range found {
		known[name] = true
	}
	if err := schema.UnknownNames("collection", "for collection group "+g.Name, g.Collections, known); err != nil {
		return err
	}
	removed, err := postgres.QueryNames(ctx, tx, `
		DELETE FROM collection_group_member m
		USING collection c
		WHERE c.id = m.collection_id AND m.group_id = $2 AND c.name <> ALL($1)
		RETURNING c.name`, found, id)
	if err != nil {
		return fmt.Errorf("collection group %s: %w", g.Name, err)
	}
	added, err := postgres.QueryNames(ctx, tx, `
		WITH added AS (
			INSERT INTO collection_group_member (group_id, collection_id)
			SELECT $2, id
			FROM collection
			WHERE name = ANY($1)
			ON CONFLICT DO NOTHING
			RETURNING collection_id
		)
		SELECT c.name
		FROM added
		JOIN collection c ON c.id = added.collection_id`, found, id)
	if err != nil {
		return fmt.Errorf("collection group %s: %w", g.Name, err)
	}
	for _, name := range removed {
		log.Add(name, "", "collection %s removed from collection group %s", name, g.Name)
	}
	for _, name := range added {
		log.Add(name, "", "collection %s added to collection group %s", name, g.Name)
	}
	return nil
}

// DeleteCollectionGroup deletes a group, not the collections in it.
func (ed *Editor) DeleteCollectionGroup(ctx context.Context, act audit.Act, name string) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		tag, err := tx.Exec(ctx, `DELETE FROM collection_group WHERE name = $1`, name)
		if err != nil {
			return fmt.Errorf("deleting collection group %s: %w", name, err)
		}
		if tag.RowsAffected() == 0 {
			return fmt.Errorf("collection group %s: %w", name, koschei.ErrNotFound)
		}
		log.Add("", "", "collection group %s deleted", name)
		return nil
	})
}
