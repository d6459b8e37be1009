package edit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// RequestCancel asks for a build of a package to be canceled. It wraps
// koschei.ErrConflict if the build is over or it was asked for already.
func (ed *Editor) RequestCancel(ctx context.Context, act audit.Act, buildID int64) ([]string, error) {
	return ed.change(ctx, act, ed.might(koschei.RightCancel), func(tx pgx.Tx, log *audit.Log) error {
		var packageID int64
		var pkg, collection string
		var requested bool
		err := tx.QueryRow(ctx, `
			SELECT p.id, p.name, c.name, b.cancel_requested
			FROM build b
			JOIN package p ON p.id = b.package_id
			JOIN collection c ON c.id = p.collection_id
			WHERE b.id = $1`, buildID).Scan(&packageID, &pkg, &collection, &requested)
		if err != nil {
			return postgres.NotFound(err, "build %d", buildID)
		}
		if err := ed.may(ctx, tx, act.Actor, koschei.RightCancel, []int64{packageID}); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			UPDATE build
			SET cancel_requested = true
			WHERE id = $1 AND NOT cancel_requested AND origin = 'scratch' AND outcome IN ('submitting', 'running')`, buildID)
		switch {
		case err != nil:
			return fmt.Errorf("requesting that build %d is canceled: %w", buildID, err)
		case tag.RowsAffected() == 0 && requested:
			return koschei.Refusal(koschei.ErrConflict, fmt.Sprintf("the cancellation of build %d was requested before", buildID))
		case tag.RowsAffected() == 0:
			return koschei.Refusal(koschei.ErrConflict, fmt.Sprintf("build %d is over", buildID))
		}
		log.Add(collection, pkg, "package %s (collection %s): cancellation of build %d requested", pkg, collection, buildID)
		return postgres.Wake(ctx, tx, 0, koschei.ServiceScheduler)
	})
}
