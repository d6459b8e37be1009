package edit

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/record/audit"
)

// Note stores what somebody did that is no change of the record itself.
func (ed *Editor) Note(ctx context.Context, act audit.Act, collection, pkg, message string) error {
	_, err := ed.change(ctx, act, editCollections, func(_ pgx.Tx, log *audit.Log) error {
		log.Add(collection, pkg, "%s", message)
		return nil
	})
	return err
}
