package edit

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// onceLasts is how long it is remembered that a request was done.
const onceLasts = 24 * time.Hour

// once notes that an act with a key is being done, and waits for whoever is doing it.
// If it was done before, it returns what that changed.
func once(ctx context.Context, tx pgx.Tx, act audit.Act) (changes []string, done bool, err error) {
	_, err = tx.Exec(ctx, `DELETE FROM act_once WHERE actor = $1 AND done < now() - $2::interval`, act.Name, onceLasts)
	if err != nil {
		return nil, false, fmt.Errorf("forgetting requests: %w", err)
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO act_once (actor, key, request)
		VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, act.Name, act.Once.Key, act.Once.Request)
	if err != nil || tag.RowsAffected() > 0 {
		return nil, false, err
	}
	var request []byte
	err = tx.QueryRow(ctx, `SELECT request, changes FROM act_once WHERE actor = $1 AND key = $2`, act.Name, act.Once.Key).Scan(&request, &changes)
	if err != nil {
		return nil, false, fmt.Errorf("looking for a request: %w", err)
	}
	if subtle.ConstantTimeCompare(request, act.Once.Request) != 1 {
		return nil, false, koschei.Refusal(koschei.ErrConflict, "another request had the same key; each needs one of its own")
	}
	return changes, true, nil
}

// errDone ends the transaction of an act that was done before.
var errDone = errors.New("this was done before")

// changeOnce makes a change as audit.Change does, but not a second time with the same
// key: then it returns what the first has changed.
func (ed *editor) changeOnce(ctx context.Context, act audit.Act, f func(tx pgx.Tx, log *audit.Log) error) ([]string, error) {
	var before []string
	changes, err := audit.Change(ctx, ed.db, act, func(tx pgx.Tx, log *audit.Log) error {
		was, done, err := once(ctx, tx, act)
		if err != nil {
			return err
		}
		if done {
			before = was
			return errDone
		}
		if err := f(tx, log); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE act_once SET changes = $3 WHERE actor = $1 AND key = $2`, act.Name, act.Once.Key, log.Messages())
		return err
	})
	if errors.Is(err, errDone) {
		return before, nil
	}
	return changes, err
}
