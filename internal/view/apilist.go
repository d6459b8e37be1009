package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A PackageQuery says which packages are asked for; what is empty leaves nothing out.
type PackageQuery struct {
	Collections []string
	Names       []string
	Prefix      string // what names begin with
	States      []string
	Namespace   string // with Group
	Group       string
	After       string // only names behind that one
	Limit       int    // more only by those of the last name
}

// A PackageLine is a package in a collection, in short.
type PackageLine struct {
	Name       string
	Collection string
	State      koschei.State
	Since      time.Time // zero if not known
	Running    bool
	Revision   int64
	LastBuild  int64   // the last complete one; 0 if there is none
	EVR        rpm.EVR // of that
	Why        string  // one line of why it is broken; "" if it is not, or that is not known
}

// After returns packages by name, those of one name in the order of collections.
// Fewer than the limit are the end of the list.
func (v *Packages) After(ctx context.Context, q PackageQuery) ([]PackageLine, error) {
	rows, err := v.db.Query(ctx, `
		SELECT s.name, s.collection, s.state, s.state_since, s.running, s.revision, coalesce(b.id, 0),
			coalesce(b.epoch, 0), coalesce(b.version, ''), coalesce(b.release, ''),
			CASE s.state
				WHEN 'failing' THEN coalesce((SELECT trim(f.lines[f.error + 1]) FROM build_failure f WHERE f.build_id = b.id AND f.error >= 0), b.fault, '')
				WHEN 'unresolved' THEN coalesce((SELECT r.problems[1] FROM resolution r WHERE r.package_id = s.id), '')
				ELSE '' END
		FROM (
			SELECT p.id, p.name, c.name AS collection, c."order", p.state, p.state_since, p.running, p.revision, p.last_complete_build_id
			FROM package p
			JOIN collection c ON c.id = p.collection_id
			WHERE (cardinality(@names::text[]) = 0 OR p.name = ANY(@names))
				AND (cardinality(@collections::text[]) = 0 OR c.name = ANY(@collections))
				AND (cardinality(@states::text[]) = 0 OR p.state = ANY(@states))
				AND (@prefix = '' OR starts_with(p.name, @prefix))
				AND (@group = '' OR EXISTS (
					SELECT
					FROM package_group_member m
					JOIN package_group g ON g.id = m.group_id
					WHERE m.base_id = p.base_id AND g.namespace = @namespace AND g.name = @group))
				AND p.name > @after
			ORDER BY p.name
			FETCH FIRST @limit ROWS WITH TIES) s
		LEFT JOIN build b ON b.id = s.last_complete_build_id
		ORDER BY s.name, s."order" DESC, s.collection DESC`,
		pgx.NamedArgs{
			"names": postgres.NotNil(q.Names), "collections": postgres.NotNil(q.Collections), "states": postgres.NotNil(q.States),
			"prefix": q.Prefix, "namespace": q.Namespace, "group": q.Group, "after": q.After, "limit": q.Limit,
		})
	if err != nil {
		return nil, fmt.Errorf("reading packages: %w", err)
	}
	packages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p PackageLine, err error) {
		var since *time.Time
		err = row.Scan(&p.Name, &p.Collection, &p.State, &since, &p.Running, &p.Revision, &p.LastBuild,
			&p.EVR.Epoch, &p.EVR.Version, &p.EVR.Release, &p.Why)
		p.Since = postgres.OrZero(since)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading packages: %w", err)
	}
	return packages, nil
}

// A BuildLine is a build in short.
type BuildLine struct {
	ID         int64
	Collection string
	Package    string
	Outcome    koschei.Outcome
	Origin     koschei.Origin
	EVR        rpm.EVR
	RepoID     int64 // 0 while not known
	TaskID     int64 // 0 if not known
	Started    time.Time
	Finished   time.Time // zero until it ends
	Fault      string
}

// After returns builds by id, from behind one on, in some collections or in all if
// there are none.
func (v *Builds) After(ctx context.Context, collections []string, after int64, limit int) ([]BuildLine, error) {
	rows, err := v.db.Query(ctx, `
		SELECT b.id, c.name, p.name, b.outcome, b.origin, b.epoch, b.version, b.release, coalesce(b.repo_id, 0), coalesce(b.task_id, 0),
			b.started, b.finished, b.fault
		FROM build b
		JOIN package p ON p.id = b.package_id
		JOIN collection c ON c.id = p.collection_id
		WHERE b.id > $2 AND (cardinality($1::text[]) = 0 OR c.name = ANY($1))
		ORDER BY b.id
		LIMIT $3`, postgres.NotNil(collections), after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading builds: %w", err)
	}
	builds, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (b BuildLine, err error) {
		var finished *time.Time
		err = row.Scan(&b.ID, &b.Collection, &b.Package, &b.Outcome, &b.Origin, &b.EVR.Epoch, &b.EVR.Version, &b.EVR.Release,
			&b.RepoID, &b.TaskID, &b.Started, &finished, &b.Fault)
		b.Finished = postgres.OrZero(finished)
		return b, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading builds: %w", err)
	}
	return builds, nil
}
