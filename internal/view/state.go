package view

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// States returns the states of a collection's packages by name.
func (v *Packages) States(ctx context.Context, collectionID int64) (map[string]koschei.State, error) {
	rows, err := v.db.Query(ctx, `SELECT name, state FROM package WHERE collection_id = $1`, collectionID)
	if err != nil {
		return nil, fmt.Errorf("reading states: %w", err)
	}
	states := map[string]koschei.State{}
	var name string
	var state koschei.State
	_, err = pgx.ForEachRow(rows, []any{&name, &state}, func() error {
		states[name] = state
		return nil
	})
	return states, err
}
