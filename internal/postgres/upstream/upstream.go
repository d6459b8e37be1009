// Package upstream reads the database of the original Koschei, for the command that
// takes it over. It changes nothing there.
//
// What people decided is read in one go. Builds are read a few packages at a time,
// because there may be a million of them and the original may be running. The
// original stores no events of Koji, so the package knows none. Package takeover
// finds them.
package upstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// An Original is an open database of the original Koschei. It is not safe for
// concurrent use.
type Original struct {
	conn *pgx.Conn
	zone string // of its times, which are stored without one
	pool map[int32]rpm.NEVRA

	// The original's names of what is called otherwise here, by our names; see
	// Decided.
	collections, packages map[string]string
}

// Open connects to the database at address and makes sure that it has all that
// is going to be read. The zone is the one that the original's machines are
// set to, in whose time it writes down what happens; "" is that of its database.
func Open(ctx context.Context, address, zone string) (*Original, error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database to take over: %w", err)
	}
	o := &Original{conn: conn, zone: zone, pool: map[int32]rpm.NEVRA{}}
	if err := o.check(ctx); err != nil {
		o.Close(ctx)
		return nil, err
	}
	return o, nil
}

// Unfit is the error of a database that cannot be taken over, or not in the
// way it was asked for.
type Unfit struct{ Why string }

func (e *Unfit) Error() string { return e.Why }

func unfit(format string, args ...any) error { return &Unfit{Why: fmt.Sprintf(format, args...)} }

// Close ends the connection.
func (o *Original) Close(ctx context.Context) { _ = o.conn.Close(context.WithoutCancel(ctx)) }

// read runs f on one unchanging view of the database.
func (o *Original) read(ctx context.Context, f func(tx pgx.Tx) error) error {
	once := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, o.conn, once, f)
}

// neededColumns are all that is read, by table.
func neededColumns() map[string][]string {
	return map[string][]string{
		"admin_notice": {"key", "content"},
		"user":         {"id", "name", "admin"},
		"collection": {
			"id", "order", "name", "display_name", "secondary_mode", "target", "dest_tag", "build_tag",
			"bugzilla_product", "bugzilla_version", "priority_coefficient", "build_group", "poll_untracked",
		},
		"collection_group":          {"id", "name", "display_name"},
		"collection_group_relation": {"group_id", "collection_id"},
		"base_package":              {"id", "name"},
		"package": {
			"id", "base_id", "collection_id", "arch_override", "skip_resolution", "resolved", "static_priority",
			"manual_priority", "tracked", "blocked", "last_complete_build_state",
		},
		"package_group":          {"id", "namespace", "name"},
		"package_group_relation": {"group_id", "base_id"},
		"group_acl":              {"group_id", "user_id"},
		"build": {
			"id", "package_id", "state", "task_id", "started", "finished", "epoch", "version", "release", "repo_id",
			"cancel_requested", "deps_resolved", "real", "untagged", "dependency_keys",
		},
		"koji_task":          {"id", "build_id", "task_id", "arch", "state", "started", "finished"},
		"applied_change":     {"id", "build_id", "prev_dep_id", "curr_dep_id", "distance"},
		"dependency":         {"id", "name", "epoch", "version", "release", "arch"},
		"resolution_change":  {"id", "package_id", "resolved", "timestamp"},
		"resolution_problem": {"id", "resolution_id", "problem"},
	}
}

// check looks whether all columns are there, and whether the zone is one.
func (o *Original) check(ctx context.Context) error {
	var tables, names []string
	for table, columns := range neededColumns() {
		for _, name := range columns {
			tables, names = append(tables, table), append(names, name)
		}
	}
	rows, err := o.conn.Query(ctx, `
		SELECT n.t, CASE WHEN to_regclass(quote_ident(n.t)) IS NULL THEN '' ELSE n.c END
		FROM unnest($1::text[], $2::text[]) AS n (t, c)
		WHERE NOT EXISTS (
			SELECT 1
			FROM pg_attribute a
			WHERE a.attrelid = to_regclass(quote_ident(n.t)) AND a.attname = n.c AND NOT a.attisdropped)
		ORDER BY to_regclass(quote_ident(n.t)) IS NOT NULL, n.t, n.c`, tables, names)
	if err != nil {
		return fmt.Errorf("looking at the database to take over: %w", err)
	}
	type column struct{ Table, Name string }
	lacks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	switch {
	case err != nil:
		return fmt.Errorf("looking at the database to take over: %w", err)
	case len(lacks) > 0 && lacks[0].Name == "":
		return unfit("the database to take over is not one of the original Koschei: it has no table %q", lacks[0].Table)
	case len(lacks) > 0:
		return unfit("the database to take over is of another version of the original Koschei: table %q has no column %q; "+
			"upgrade the original first", lacks[0].Table, lacks[0].Name)
	}
	return o.checkZone(ctx)
}

func (o *Original) checkZone(ctx context.Context) error {
	if o.zone == "" {
		if err := o.conn.QueryRow(ctx, `SHOW TimeZone`).Scan(&o.zone); err != nil {
			return fmt.Errorf("looking at the database to take over: %w", err)
		}
		return nil
	}
	_, err := o.conn.Exec(ctx, `SELECT now() AT TIME ZONE $1`, o.zone)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return unfit("time zone %q: %s", o.zone, refused.Message)
	}
	return err
}

// there is the original's name of a thing, and here ours.
func there(theirs map[string]string, ours string) string {
	if name, renamed := theirs[ours]; renamed {
		return name
	}
	return ours
}

func rowsOf[T any](ctx context.Context, tx pgx.Tx, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}
