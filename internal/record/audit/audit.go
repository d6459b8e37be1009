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
	Once   Once      // names what is asked, so that it is done once
	Now    time.Time // domain time
	DryRun bool      // make the change, say what it is and take it back
}

// A Once is a name that a program gave to what it asks; Key is "" if it gave none.
type Once struct {
	Key     string
	Request []byte // a hash of what is asked
}

// A Log collects the entries of one transaction.
type Log struct {
	Act     Act
	entries []entry
}

type entry struct {
	Field

	message string
}

// A Field is what a change is about. Where Name is "" it is about no single one.
type Field struct {
	Collection string // "" if it concerns none
	Package    string // "" if it concerns none
	Object     string // what else it is a field of, as "group kde" or "notice"; "" if there is nothing else
	Name       string
	Was        string
	Became     string
	Revision   int64 // of package or group, after the change; 0 if neither
}

// Add notes a change; message and args are those of fmt.Sprintf.
func (a *Log) Add(collection, pkg, message string, args ...any) {
	a.AddField(Field{Collection: collection, Package: pkg}, message, args...)
}

// AddField notes that a field was changed.
func (a *Log) AddField(f Field, message string, args ...any) {
	a.entries = append(a.entries, entry{f, fmt.Sprintf(message, args...)})
}

// write stores the entries.
func (a *Log) write(ctx context.Context, tx pgx.Tx) error {
	columns := []string{"logged", "actor", "environment", "collection", "package", "object", "field", "was", "became", "revision", "message"}
	rows := pgx.CopyFromSlice(len(a.entries), func(i int) ([]any, error) {
		e := &a.entries[i]
		return []any{
			a.Act.Now, a.Act.Name, a.Act.From, e.Collection, e.Package, e.Object, e.Name, e.Was, e.Became, e.Revision, e.message,
		}, nil
	})
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"audit"}, columns, rows); err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

// Messages are those of the entries so far, in order.
func (a *Log) Messages() []string {
	messages := []string{}
	for _, e := range a.entries {
		messages = append(messages, e.message)
	}
	return messages
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
	if len(log.entries) == 0 {
		return nil, nil
	}
	return log.Messages(), nil
}
