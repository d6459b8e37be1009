package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// An Act is a change of what people decided: by whom, when, and whether it is
// made. Every method that makes such a change takes one and leaves an audit entry
// in the same transaction, but only for what really changed.
type Act struct {
	koschei.Actor
	Now    time.Time // domain time
	DryRun bool      // make the change, say what it is and take it back
}

// An AuditEntry is one change that somebody made.
type AuditEntry struct {
	ID          int64
	Logged      time.Time
	Actor       string
	Environment string
	Collection  string // "" if it concerns none
	Package     string // "" if it concerns none
	Message     string
}

// An audit collects the entries of one transaction.
type audit struct {
	act     Act
	entries [][]any
}

// add notes a change; message and args are those of fmt.Sprintf.
func (a *audit) add(collection, pkg, message string, args ...any) {
	a.entries = append(a.entries, []any{
		a.act.Now, a.act.Name, a.act.From, collection, pkg, fmt.Sprintf(message, args...),
	})
}

// write stores the entries.
func (a *audit) write(ctx context.Context, tx pgx.Tx) error {
	columns := []string{"logged", "actor", "environment", "collection", "package", "message"}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"audit"}, columns, pgx.CopyFromRows(a.entries)); err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

// errDryRun takes a change back that is not to be made.
var errDryRun = errors.New("this is a dry run")

// change runs f in a transaction and stores the audit entries f adds with it.
// It returns their messages, in order, for whoever made the change to read.
func (db *DB) change(ctx context.Context, act Act, f func(tx pgx.Tx, log *audit) error) ([]string, error) {
	var log audit
	err := db.transact(ctx, func(tx pgx.Tx) error {
		log = audit{act: act}
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

// Note stores what somebody did that is no change of the record itself.
func (db *DB) Note(ctx context.Context, act Act, collection, pkg, message string) error {
	_, err := db.change(ctx, act, func(_ pgx.Tx, log *audit) error {
		log.add(collection, pkg, "%s", message)
		return nil
	})
	return err
}

// Audit returns the newest entries first; pkg "" means of everything.
func (db *DB) Audit(ctx context.Context, pkg string, limit int) ([]AuditEntry, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT id, logged, actor, environment, collection, package, message
		FROM audit
		WHERE $1 = '' OR package = $1
		ORDER BY id DESC
		LIMIT $2`, pkg, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[AuditEntry])
}
