package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A StateNews is a package that became broken, or was mended, as it was told then:
// it does not change any more.
type StateNews struct {
	ID           int64
	CollectionID int64
	Package      string
	Before       koschei.State
	After        koschei.State
	Changed      time.Time
}

// A NewsFilter says of which packages news are asked for: of one thing only.
type NewsFilter struct {
	CollectionID int64  // of all of a collection
	Package      string // of that name, in all collections
	GroupID      int64  // of a group's members, in all collections
	Person       string // of what somebody looks after, in all collections
}

// told are the changes of states that are news.
const told = `(s.curr IN ('failing', 'unresolved') OR s.curr = 'ok' AND s.prev IN ('failing', 'unresolved'))`

// looksAfter are the base packages that a person owns, or that are in a group which
// the person maintains.
const looksAfter = `(
	SELECT b.id FROM base_package b JOIN package_owner o ON o.name = b.name WHERE o.owner = @person
	UNION
	SELECT m.base_id
	FROM users u
	JOIN package_group_maintainer g ON g.user_id = u.id
	JOIN package_group_member m ON m.group_id = g.group_id
	WHERE u.name = @person)`

// News returns the newest changes of packages' states, the newest first.
func (v *Timeline) News(ctx context.Context, f NewsFilter, limit int) ([]StateNews, error) {
	args := pgx.NamedArgs{"collection": f.CollectionID, "name": f.Package, "group": f.GroupID, "person": f.Person, "limit": limit}
	which := ""
	switch {
	case f.CollectionID != 0:
		rows, err := v.db.Query(ctx, `
			SELECT s.id, s.collection_id, p.name, s.prev, s.curr, s.changed
			FROM state_change s
			JOIN package p ON p.id = s.package_id
			WHERE s.collection_id = @collection AND `+told+` AND NOT p.blocked
			ORDER BY s.changed DESC, s.id DESC
			LIMIT @limit`, args)
		return collectNews(rows, err)
	case f.Package != "":
		which = `p.name = @name`
	case f.GroupID != 0:
		which = `p.base_id IN (SELECT m.base_id FROM package_group_member m WHERE m.group_id = @group)`
	default:
		which = `p.base_id IN ` + looksAfter
	}
	rows, err := v.db.Query(ctx, `
		SELECT s.id, p.collection_id, p.name, s.prev, s.curr, s.changed
		FROM package p
		CROSS JOIN LATERAL (
			SELECT s.*
			FROM state_change s
			WHERE s.package_id = p.id AND `+told+`
			ORDER BY s.id DESC
			LIMIT @limit
		) s
		WHERE `+which+` AND NOT p.blocked
		ORDER BY s.changed DESC, s.id DESC
		LIMIT @limit`, args)
	return collectNews(rows, err)
}

func collectNews(rows pgx.Rows, err error) ([]StateNews, error) {
	if err != nil {
		return nil, fmt.Errorf("reading news: %w", err)
	}
	news, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StateNews])
	if err != nil {
		return nil, fmt.Errorf("reading news: %w", err)
	}
	return news, nil
}

// An UpdateNews is that an update came, or what it broke. One of Broke and Gone is
// set in the latter case.
type UpdateNews struct {
	RepoID int64
	Before string // the update's version-releases
	After  string
	At     time.Time

	Broke   string // a package that failed first with it
	BuildID int64  // that failed
	Gone    string // a dependency that is not provided any more, and is wanted
	UnmetID int64
}

// UpdateNews returns what is new of the updates of a source package in a collection,
// the newest first.
func (v *Timeline) UpdateNews(ctx context.Context, collectionID int64, source string, limit int) ([]UpdateNews, error) {
	rows, err := v.db.Query(ctx, `
		WITH came AS (
			SELECT x.repo_id, r.created, x.curr,
				coalesce((SELECT max(n.source_version) FROM nevra n WHERE n.id = ANY(x.prev) AND n.source = x.source), '') AS before,
				coalesce((SELECT max(n.source_version) FROM nevra n WHERE n.id = ANY(x.curr) AND n.source = x.source), '') AS after
			FROM repo_change x
			JOIN repo r ON r.collection_id = x.collection_id AND r.repo_id = x.repo_id
			WHERE x.collection_id = @collection AND x.source = @source
			ORDER BY r.create_event DESC
			LIMIT @limit
		)
		SELECT repo_id, before, after, created, '', 0, '', 0
		FROM came
		UNION ALL
		SELECT c.repo_id, c.before, c.after, b.finished, p.name, b.id, '', 0
		FROM came c
		JOIN applied_change a ON a.broke AND a.curr && array_remove(c.curr, 0)
		JOIN build b ON b.id = a.build_id
		JOIN package p ON p.id = b.package_id
		WHERE p.collection_id = @collection AND b.finished IS NOT NULL
		UNION ALL
		SELECT c.repo_id, c.before, c.after, u.since, '', 0, u.dependency, u.id
		FROM came c
		JOIN unmet u ON u.collection_id = @collection AND u.repo_id = c.repo_id AND u.source = @source AND u.why = 'gone'
		ORDER BY 4 DESC, 1 DESC, 5, 7
		LIMIT @limit`, pgx.NamedArgs{"collection": collectionID, "source": source, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("reading news of updates of %s: %w", source, err)
	}
	news, err := pgx.CollectRows(rows, pgx.RowToStructByPos[UpdateNews])
	if err != nil {
		return nil, fmt.Errorf("reading news of updates of %s: %w", source, err)
	}
	return news, nil
}
