package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// PackageSettings are what people decided about a package in a collection.
type PackageSettings struct {
	Revision       int64 // counts what people changed of it
	Tracked        bool
	ManualPriority int
	StaticPriority int
	ArchOverride   string
	SkipResolution bool
}

// Settings returns those of a package. An error wraps koschei.ErrNotFound
// if the collection does not have it.
func (v *Packages) Settings(ctx context.Context, collection, name string) (*PackageSettings, error) {
	var s PackageSettings
	err := v.db.QueryRow(ctx, `
		SELECT p.revision, p.tracked, p.manual_priority, p.static_priority, p.arch_override, p.skip_resolution
		FROM package p
		JOIN collection c ON c.id = p.collection_id
		WHERE c.name = $1 AND p.name = $2`, collection, name).
		Scan(&s.Revision, &s.Tracked, &s.ManualPriority, &s.StaticPriority, &s.ArchOverride, &s.SkipResolution)
	if err != nil {
		return nil, postgres.NotFound(err, "package %s in collection %s", name, collection)
	}
	return &s, nil
}

// GroupSettings are what people decided about a group.
type GroupSettings struct {
	Revision    int64    // counts what people changed of it
	Packages    []string // sorted
	Maintainers []string // sorted
}

// GroupSettings returns those of a group. An error wraps koschei.ErrNotFound if
// there is none.
func (v *View) GroupSettings(ctx context.Context, namespace, name string) (*GroupSettings, error) {
	var s GroupSettings
	err := v.db.QueryRow(ctx, `
		SELECT g.revision,
			`+memberNames+`, `+maintainerNames+`
		FROM package_group g
		WHERE g.namespace = $1 AND g.name = $2`, namespace, name).Scan(&s.Revision, &s.Packages, &s.Maintainers)
	if err != nil {
		return nil, postgres.NotFound(err, "group %s", koschei.Group{Namespace: namespace, Name: name}.FullName())
	}
	return &s, nil
}

// An AuditQuery says which entries of the audit log are asked for; "" and 0
// leave nothing out.
type AuditQuery struct {
	Actor      string
	Package    string
	Collection string
	Object     string // as "group kde"
	Before     int64  // entries before that one
	Since      time.Time
	Until      time.Time // not itself
	Limit      int
}

// AuditLog returns entries, the newest first.
func (v *People) AuditLog(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	rows, err := v.db.Query(ctx, `
		SELECT id, logged, actor, environment, `+entryColumns+`
		FROM audit
		WHERE (@actor = '' OR actor = @actor) AND (@package = '' OR package = @package)
			AND (@collection = '' OR collection = @collection) AND (@object = '' OR object = @object)
			AND (@before = 0 OR id < @before)
			AND (@since::timestamptz IS NULL OR logged >= @since) AND (@until::timestamptz IS NULL OR logged < @until)
		ORDER BY id DESC
		LIMIT @limit`, pgx.NamedArgs{
		"actor": q.Actor, "package": q.Package, "collection": q.Collection, "object": q.Object, "before": q.Before,
		"since": postgres.OrNull(q.Since), "until": postgres.OrNull(q.Until), "limit": q.Limit,
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[AuditEntry])
}

// A User is somebody who has signed in or was named by somebody.
type User struct {
	Name     string
	Admin    bool      // by grant-admin
	Claimed  bool      // an administrator at the last login, as the login provider said
	SignedIn time.Time // last; zero if never
	Sessions int
}

// Users returns the users whose names begin with prefix, by name.
func (v *People) Users(ctx context.Context, prefix string, limit int) ([]User, error) {
	rows, err := v.db.Query(ctx, `
		SELECT u.name, u.admin, u.claimed_admin, u.signed_in, (SELECT count(*) FROM session s WHERE s.user_id = u.id)
		FROM users u
		WHERE starts_with(u.name, $1)
		ORDER BY u.name
		LIMIT $2`, prefix, limit)
	if err != nil {
		return nil, fmt.Errorf("reading users: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (u User, err error) {
		var signedIn *time.Time
		err = row.Scan(&u.Name, &u.Admin, &u.Claimed, &signedIn, &u.Sessions)
		u.SignedIn = postgres.OrZero(signedIn)
		return u, err
	})
}

// A CollectionGroupSettings is what administrators decided about a set of collections
// that pages show together.
type CollectionGroupSettings struct {
	Name        string
	DisplayName string
	Collections []string // names, sorted
}

// CollectionGroups returns all of them, by name.
func (v *View) CollectionGroups(ctx context.Context) ([]CollectionGroupSettings, error) {
	rows, err := v.db.Query(ctx, `
		SELECT g.name, g.display_name, coalesce(array_agg(c.name ORDER BY c.name) FILTER (WHERE c.id IS NOT NULL), '{}')
		FROM collection_group g
		LEFT JOIN collection_group_member m ON m.group_id = g.id
		LEFT JOIN collection c ON c.id = m.collection_id
		GROUP BY g.id
		ORDER BY g.name`)
	if err != nil {
		return nil, fmt.Errorf("reading the groups of collections: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[CollectionGroupSettings])
}

// CollectionSize is how many packages and repos a collection has.
func (v *View) CollectionSize(ctx context.Context, id int64) (packages, repos int, err error) {
	err = v.db.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM package WHERE collection_id = $1), (SELECT count(*) FROM repo WHERE collection_id = $1)`, id).Scan(&packages, &repos)
	if err != nil {
		return 0, 0, fmt.Errorf("counting what a collection has: %w", err)
	}
	return packages, repos, nil
}
