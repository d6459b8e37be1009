package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// An Act is a change of what people decided: by whom, when, and whether it is
// made. Every method that makes such a change takes one and leaves an audit entry
// in the same transaction, but only for what really changed.
type Act struct {
	koschei.Actor
	Now    time.Time // domain time
	DryRun bool      // make the change, say what it is and take it back
}

// A Log collects the entries of one transaction.
type Log struct {
	Act     Act
	entries [][]any
}

// Add notes a change; message and args are those of fmt.Sprintf.
func (a *Log) Add(collection, pkg, message string, args ...any) {
	a.entries = append(a.entries, []any{
		a.Act.Now, a.Act.Name, a.Act.From, collection, pkg, fmt.Sprintf(message, args...),
	})
}

// write stores the entries.
func (a *Log) write(ctx context.Context, tx pgx.Tx) error {
	columns := []string{"logged", "actor", "environment", "collection", "package", "message"}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"audit"}, columns, pgx.CopyFromRows(a.entries)); err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

// errDryRun takes a change back that is not to be made.
var errDryRun = errors.New("this is a dry run")

// Change runs f in a transaction and stores the audit entries f adds with it.
// It returns their messages, in order, for whoever made the change to read.
func Change(ctx context.Context, db postgres.Writer, act Act, f func(tx pgx.Tx, log *Log) error) ([]string, error) {
	var log Log
	err := db.Transact(ctx, func(tx pgx.Tx) error {
		log = Log{Act: act}
		if err := f(tx, &log); err != nil {
			return err
		}
		if act.DryRun {
			return errDryRun
		}
		return log.write(ctx, tx)
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return nil, err
	}
	var messages []string
	for _, e := range log.entries {
		messages = append(messages, e[len(e)-1].(string))
	}
	return messages, nil
}
