package deliver

import (
	"context"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// EventPlace returns what there is to say of the place of an event.
func (dv *Deliveries) EventPlace(ctx context.Context, e *koschei.Event) (*koschei.EventPlace, error) {
	place := &koschei.EventPlace{}
	err := dv.db.QueryRow(ctx, `
		SELECT c.display_name, ARRAY(
			SELECT f.full_name
			FROM package p
			JOIN package_group_member m ON m.base_id = p.base_id
			JOIN package_group g ON g.id = m.group_id
			CROSS JOIN LATERAL (SELECT CASE g.namespace WHEN '' THEN '' ELSE g.namespace || '/' END || g.name) AS f (full_name)
			WHERE p.id = $2
			ORDER BY f.full_name)
		FROM collection c
		WHERE c.id = $1`, e.CollectionID, e.PackageID).Scan(&place.DisplayName, &place.Groups)
	if err != nil {
		return nil, postgres.NotFound(err, "collection %s of event %d", e.Collection, e.ID)
	}
	return place, nil
}

// SourceOf returns what Koji calls the source of the package of an event: name,
// version and release of its last build that ended, else of its last one. An error
// wraps koschei.ErrNotFound if there is none.
func (dv *Deliveries) SourceOf(ctx context.Context, e *koschei.Event) (string, error) {
	var evr rpm.EVR
	err := dv.db.QueryRow(ctx, `
		SELECT b.version, b.release
		FROM package p
		JOIN build b ON b.id = coalesce(p.last_complete_build_id, p.last_build_id)
		WHERE p.id = $1`, e.PackageID).Scan(&evr.Version, &evr.Release)
	if err != nil {
		return "", postgres.NotFound(err, "a build of %s", e.Subject())
	}
	return e.Package + "-" + evr.Version + "-" + evr.Release, nil
}
