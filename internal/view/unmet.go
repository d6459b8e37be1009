package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// An Unmet is a dependency that nothing in a collection's repos provides, with what
// is known of why.
type Unmet struct {
	ID            int64
	Dependency    string // as who needs it spells it
	NeededBy      string // the binary package that requires it; "" if BuildRequires do
	NeededVersion string // its version-release then
	RepoID        int64  // in which it was seen first
	Since         time.Time
	Packages      int       // that want it, when a repo was last resolved; before it ended, if it has
	Ended         time.Time // zero while it lasts
	depset.UnmetCause
}

// A WantedUnmet is an Unmet of one package.
type WantedUnmet struct {
	Unmet
	Asked string // the package's entry of BuildRequires that leads there; "" if the buildroot group does
}

const unmetColumns = `u.id, u.dependency, u.needed_by, u.needed_version, u.repo_id, u.since, u.packages, u.ended,
	u.why, u.source, u.source_before, u.source_after, u.provider`

func (u *Unmet) scan(row pgx.CollectableRow, more ...any) error {
	var ended *time.Time
	err := row.Scan(append([]any{
		&u.ID, &u.Dependency, &u.NeededBy, &u.NeededVersion, &u.RepoID, &u.Since, &u.Packages, &ended,
		&u.Why, &u.Source, &u.Before, &u.After, &u.Provider,
	}, more...)...)
	u.Ended = postgres.OrZero(ended)
	return err
}

func scanUnmet(row pgx.CollectableRow) (u Unmet, err error) {
	err = u.scan(row)
	return u, err
}

// UnmetNow returns what is not met in a collection now, what most packages want
// first.
func (v *Packages) UnmetNow(ctx context.Context, collectionID int64, limit int) ([]Unmet, error) {
	return v.unmet(ctx, `u.collection_id = $1 AND u.ended IS NULL ORDER BY u.packages DESC, u.id LIMIT $2`, collectionID, limit)
}

// unmetSince returns what a repo of a collection had not met first, what most
// packages wanted first; all of it, or what one source is to blame for.
func (v *source) unmetSince(ctx context.Context, collectionID, repoID int64, source string, limit int) ([]Unmet, error) {
	return v.unmet(ctx, `u.collection_id = $1 AND u.repo_id = $2 AND ($3 = '' OR u.source = $3)
		ORDER BY u.packages DESC, u.id LIMIT $4`, collectionID, repoID, source, limit)
}

func (v *source) unmet(ctx context.Context, which string, args ...any) ([]Unmet, error) {
	rows, err := v.db.Query(ctx, `SELECT `+unmetColumns+` FROM unmet u WHERE `+which, args...)
	if err != nil {
		return nil, fmt.Errorf("reading what is not met: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanUnmet)
	if err != nil {
		return nil, fmt.Errorf("reading what is not met: %w", err)
	}
	return all, nil
}

// UnmetPackages returns the names of the packages that cannot be installed for want
// of something, in order, from the one behind a name on.
func (v *Packages) UnmetPackages(ctx context.Context, unmetID int64, after string, limit int) ([]string, error) {
	rows, err := v.db.Query(ctx, `
		SELECT p.name
		FROM unmet_package x
		JOIN package p ON p.id = x.package_id
		WHERE x.unmet_id = $1 AND p.state = 'unresolved' AND p.name > $2
		ORDER BY p.name
		LIMIT $3`, unmetID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading who wants what is not met: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("reading who wants what is not met: %w", err)
	}
	return names, nil
}
