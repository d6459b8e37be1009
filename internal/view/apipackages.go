package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// An APIPackage is a package as the API tells it.
type APIPackage struct {
	Name       string
	Collection string
	State      koschei.State
	Last       *APIBuild // the last complete build; nil if there is none
}

// An APIBuild is a build as the API tells it.
type APIBuild struct {
	TaskID   int64 // 0 if not known
	Started  time.Time
	Finished time.Time // zero if not known
	EVR      rpm.EVR
}

// APIPackages returns packages by name that have one of the names and are in one
// of the collections; empty lists stand for all. They begin behind the name after
// and are about limit, more only by those of the last name; fewer are the end of
// the list.
func (v *Packages) APIPackages(ctx context.Context, names, collections []string, after string, limit int) ([]APIPackage, error) {
	rows, err := v.db.Query(ctx, `
		SELECT s.name, s.collection, s.state, b.id IS NOT NULL, coalesce(b.task_id, 0), b.started, b.finished,
			coalesce(b.epoch, 0), coalesce(b.version, ''), coalesce(b.release, '')
		FROM (
			SELECT p.name, c.name AS collection, c."order", p.state, p.last_complete_build_id
			FROM package p
			JOIN collection c ON c.id = p.collection_id
			WHERE (cardinality(@names::text[]) = 0 OR p.name = ANY(@names))
				AND (cardinality(@collections::text[]) = 0 OR c.name = ANY(@collections))
				AND p.name > @after
			ORDER BY p.name
			FETCH FIRST @limit ROWS WITH TIES) s
		LEFT JOIN build b ON b.id = s.last_complete_build_id
		ORDER BY s.name, s."order" DESC, s.collection DESC`,
		pgx.NamedArgs{
			"names": append([]string{}, names...), "collections": append([]string{}, collections...), // an empty list, not NULL
			"after": after, "limit": limit,
		})
	if err != nil {
		return nil, fmt.Errorf("reading packages: %w", err)
	}
	packages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p APIPackage, err error) {
		var b APIBuild
		var built bool
		var started, finished *time.Time
		err = row.Scan(&p.Name, &p.Collection, &p.State, &built, &b.TaskID, &started, &finished, &b.EVR.Epoch, &b.EVR.Version, &b.EVR.Release)
		if built {
			b.Started, b.Finished = postgres.OrZero(started), postgres.OrZero(finished)
			p.Last = &b
		}
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading packages: %w", err)
	}
	return packages, nil
}

// A StateDifference is a package that is in different states in two collections.
type StateDifference struct {
	Name string
	A, B koschei.State
}

// CollectionDiff returns the packages that both collections have, in different
// states, by name.
func (v *Packages) CollectionDiff(ctx context.Context, a, b int64) ([]StateDifference, error) {
	rows, err := v.db.Query(ctx, `
		SELECT pa.name, pa.state, pb.state
		FROM package pa
		JOIN package pb ON pb.base_id = pa.base_id AND pb.collection_id = $2
		WHERE pa.collection_id = $1 AND pa.state <> pb.state
		ORDER BY pa.name`, a, b)
	if err != nil {
		return nil, fmt.Errorf("comparing collections: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[StateDifference])
}

// State returns the state of a package in a collection. An error wraps
// ErrNotFound when the collection has no such package.
func (v *Packages) State(ctx context.Context, name string, collectionID int64) (koschei.State, error) {
	var state koschei.State
	err := v.db.QueryRow(ctx, `SELECT state FROM package WHERE collection_id = $1 AND name = $2`, collectionID, name).Scan(&state)
	return state, postgres.NotFound(err, "package %q", name)
}
