package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A Blame says of a package that broke which update may have done that. A package
// has as many as there are suspects.
type Blame struct {
	PackageID int64
	Package   string
	State     koschei.State // failing or unresolved
	Since     time.Time
	BuildID   int64 // the first that failed; 0 of unresolved ones

	Source   string // the update; "" if no update is known to be at fault
	Before   string // its version-releases
	After    string
	Distance int    // of the nearest change; koschei.NoDistance if all are far, and of unresolved ones
	Suspects int    // updates with changes as near as this; 0 if none is known
	Unmet    string // what nothing provides; "" of failing ones
	Line     string // one line of why it failed, or of what is missing
}

// Proved says that it is known without a build that the update is at fault.
func (b *Blame) Proved() bool { return b.Source != "" && b.State == koschei.StateUnresolved }

// Blames returns which updates may have broken the packages of a collection that
// broke since a domain time and are broken now; of at most limit packages, those
// that broke last. The nearest changes of the first build that failed are suspect.
func (v *Repos) Blames(ctx context.Context, collectionID int64, since time.Time, limit int) ([]Blame, error) {
	rows, err := v.db.Query(ctx, `
		WITH broken AS (
			SELECT p.id, p.name, p.state, p.state_since
			FROM package p
			WHERE p.collection_id = $1 AND NOT p.blocked AND p.state IN ('failing', 'unresolved') AND p.state_since >= $2
			ORDER BY p.state_since DESC, p.name
			LIMIT $3
		), suspect AS (
			SELECT p.id, f.id AS build_id, n.source, max(pn.source_version) AS before, max(cn.source_version) AS after, f.nearest
			FROM broken p
			CROSS JOIN LATERAL (
				SELECT b.id, a.prev, a.curr, a.distance, (SELECT min(coalesce(nullif(d, 0), 9)) FROM unnest(a.distance) d) AS nearest
				FROM build b
				JOIN applied_change a ON a.build_id = b.id
				WHERE b.package_id = p.id AND a.broke
				ORDER BY b.event DESC, b.id DESC
				LIMIT 1
			) f
			CROSS JOIN LATERAL unnest(f.prev, f.curr, f.distance) AS d (prev, curr, distance)
			JOIN nevra n ON n.id = CASE WHEN d.curr <> 0 THEN d.curr ELSE d.prev END AND n.source <> ''
			LEFT JOIN nevra pn ON pn.id = d.prev AND pn.source = n.source
			LEFT JOIN nevra cn ON cn.id = d.curr
			WHERE p.state = 'failing' AND coalesce(nullif(d.distance, 0), 9) = f.nearest
			GROUP BY p.id, f.id, f.nearest, n.source
		)
		SELECT p.id, p.name, p.state, p.state_since, coalesce(s.build_id, 0),
			coalesce(s.source, u.source, ''), coalesce(s.before, u.source_before, ''), coalesce(s.after, u.source_after, ''),
			coalesce(nullif(s.nearest, 9), 0),
			CASE WHEN coalesce(s.source, u.source, '') = '' THEN 0 ELSE count(*) OVER (PARTITION BY p.id) END,
			coalesce(u.dependency, ''), coalesce(u.dependency, l.line, '')
		FROM broken p
		LEFT JOIN suspect s ON s.id = p.id
		LEFT JOIN LATERAL (
			SELECT u.*
			FROM unmet_package x
			JOIN unmet u ON u.id = x.unmet_id
			WHERE x.package_id = p.id AND p.state = 'unresolved'
			ORDER BY u.why <> 'gone', u.id
			LIMIT 1
		) u ON true
		LEFT JOIN LATERAL (
			SELECT `+whyFailed("b")+` AS line
			FROM package q
			JOIN build b ON b.id = q.last_complete_build_id
			WHERE q.id = p.id AND p.state = 'failing'
		) l ON true
		ORDER BY p.state_since DESC, p.name, coalesce(s.source, u.source, '')`, collectionID, since, limit)
	if err != nil {
		return nil, fmt.Errorf("reading what broke packages: %w", err)
	}
	blames, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Blame])
	if err != nil {
		return nil, fmt.Errorf("reading what broke packages: %w", err)
	}
	return blames, nil
}
