package view

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Named returns the named packages of a collection, by name. Unknown
// packages are as for TrackPackages.
func (v *Packages) Named(ctx context.Context, collection string, names []string) ([]koschei.PackageStatus, error) {
	c, err := v.collection(ctx, collection)
	if err != nil {
		return nil, err
	}
	rows, err := v.db.Query(ctx, `
		SELECT `+schema.PackageColumns+`
		FROM package p
		LEFT JOIN resolution a ON a.package_id = p.id
		WHERE p.collection_id = $1 AND p.name = ANY($2)
		ORDER BY p.name`, c.ID, names)
	if err != nil {
		return nil, fmt.Errorf("reading packages of collection %s: %w", collection, err)
	}
	packages, err := pgx.CollectRows(rows, schema.RowToPackage)
	if err != nil {
		return nil, fmt.Errorf("reading packages of collection %s: %w", collection, err)
	}
	known := map[string]bool{}
	for i := range packages {
		known[packages[i].Name] = true
	}
	return packages, schema.UnknownNames("package", "in collection "+collection, names, known)
}
