package schema

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// Locked keeps the row of a collection from changing until the transaction ends.
// Rows that refer to it may still be written: whoever does that may have locked
// packages already, which are locked after their collection.
const Locked = "FOR NO KEY UPDATE"

// LockCollection is Collection, kept from changing until tx ends.
func LockCollection(ctx context.Context, q postgres.Querier, name string) (*koschei.Collection, error) {
	return OneCollection(ctx, q, name, Locked)
}

// OneCollection returns the collection of that name, or an error that wraps
// koschei.ErrNotFound. lock is "", or how its row is locked.
func OneCollection(ctx context.Context, q postgres.Querier, name, lock string) (*koschei.Collection, error) {
	rows, err := q.Query(ctx, `
		SELECT `+CollectionColumns()+`
		FROM collection c
		WHERE c.name = $1 `+lock, name)
	if err != nil {
		return nil, fmt.Errorf("reading collection %s: %w", name, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[koschei.Collection])
	return c, postgres.NotFound(err, "collection %s", name)
}

// OneCollectionByID is OneCollection by id.
func OneCollectionByID(ctx context.Context, q postgres.Querier, id int64, lock string) (*koschei.Collection, error) {
	rows, err := q.Query(ctx, `
		SELECT `+CollectionColumns()+`
		FROM collection c
		WHERE c.id = $1 `+lock, id)
	if err != nil {
		return nil, fmt.Errorf("reading collection %d: %w", id, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[koschei.Collection])
	return c, postgres.NotFound(err, "collection %d", id)
}

// CollectionColumns are those of koschei.Collection, of a table called c. Rows
// are read into it by the names of its fields.
func CollectionColumns() string {
	columns := []string{"c.id", "c.latest_repo_id", "c.latest_repo_event", "c.latest_repo_resolved"}
	for _, s := range CollectionSettings() {
		columns = append(columns, "c."+quoted(s.column))
	}
	return strings.Join(columns, ", ")
}

// Collections returns all collections in the order pages show them.
func Collections(ctx context.Context, q postgres.Querier) ([]koschei.Collection, error) {
	rows, err := q.Query(ctx, `
		SELECT `+CollectionColumns()+`
		FROM collection c
		ORDER BY c."order" DESC, c.name DESC`)
	if err != nil {
		return nil, fmt.Errorf("reading collections: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[koschei.Collection])
}
