// Package owner keeps whose packages are whose. The owners service uses it. Where
// that is asked, and whether the answer is believed, is not its business.
package owner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres"
)

// Owners are those of packages.
type Owners struct{ db postgres.Writer }

// New returns the owners of a database.
func New(db postgres.Writer) *Owners { return &Owners{db: db} }

// Known is what is stored of a source's last answer. It is zero if there was none.
type Known struct {
	ETag    string
	Pairs   int           // of package and owner
	Fetched time.Time     // the database's own time
	Age     time.Duration // since then
}

// Known returns what is known of a source.
func (o *Owners) Known(ctx context.Context, url string) (k Known, err error) {
	err = o.db.QueryRow(ctx, `
		SELECT etag, pairs, fetched, clock_timestamp() - fetched
		FROM owner_source
		WHERE url = $1`, url).Scan(&k.ETag, &k.Pairs, &k.Fetched, &k.Age)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return k, fmt.Errorf("reading what is known of owners: %w", err)
	}
	return k, nil
}

// Confirm notes that what is known of a source is still true.
func (o *Owners) Confirm(ctx context.Context, url string) error {
	if _, err := o.db.ExecOne(ctx, `UPDATE owner_source SET fetched = clock_timestamp() WHERE url = $1`, url); err != nil {
		return fmt.Errorf("noting that owners are the same: %w", err)
	}
	return nil
}

// Store replaces the owners of all packages by those that a source names: by
// package, each with its owners.
func (o *Owners) Store(ctx context.Context, url, etag string, owners map[string][]string) error {
	var names, people []string
	for name, all := range owners {
		for _, person := range all {
			names, people = append(names, name), append(people, person)
		}
	}
	err := o.db.Transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE package_owner IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			DELETE FROM package_owner o
			WHERE NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS n (name, owner) WHERE n.name = o.name AND n.owner = o.owner)`,
			postgres.NotNil(names), postgres.NotNil(people))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO package_owner (name, owner)
			SELECT name, owner
			FROM unnest($1::text[], $2::text[]) AS n (name, owner)
			ON CONFLICT DO NOTHING`, postgres.NotNil(names), postgres.NotNil(people))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO owner_source (url, etag, pairs, fetched)
			VALUES ($1, $2, $3, clock_timestamp())
			ON CONFLICT (url) DO UPDATE SET etag = excluded.etag, pairs = excluded.pairs, fetched = excluded.fetched`, url, etag, len(names))
		return err
	})
	if err != nil {
		return fmt.Errorf("storing owners: %w", err)
	}
	return nil
}

// Of returns the names of a person's packages, sorted.
func (o *Owners) Of(ctx context.Context, person string) ([]string, error) {
	rows, err := o.db.Query(ctx, `SELECT name FROM package_owner WHERE owner = $1`, person)
	if err != nil {
		return nil, fmt.Errorf("reading packages of %s: %w", person, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("reading packages of %s: %w", person, err)
	}
	slices.Sort(names)
	return names, nil
}
