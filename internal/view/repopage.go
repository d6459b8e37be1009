package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A RepoLine is a repo in a list, and what it did.
type RepoLine struct {
	koschei.Repo
	Updates    int // source packages that changed
	Unresolved int // packages that could not be installed any more
	Mended     int // packages that could be installed again
	Broke      int // packages that failed for the first time in a build made in it
}

// List returns the newest repos of a collection, made of an event before another,
// the newest first. With before 0 it begins with the newest.
func (v *Repos) List(ctx context.Context, collectionID, before int64, limit int) (lines []RepoLine, err error) {
	err = v.db.Read(ctx, func(q postgres.Querier) error {
		rows, err := q.Query(ctx, `
			SELECT `+schema.RepoColumns+`
			FROM repo r
			WHERE r.collection_id = $1 AND ($2::bigint = 0 OR r.create_event < $2)
			ORDER BY r.create_event DESC, r.repo_id DESC
			LIMIT $3`, collectionID, before, limit)
		if err != nil {
			return err
		}
		repos, err := pgx.CollectRows(rows, schema.ScanRepo)
		if err != nil {
			return err
		}
		for i := range repos {
			lines = append(lines, RepoLine{Repo: repos[i]})
		}
		return countOfRepos(ctx, q, collectionID, lines)
	})
	if err != nil {
		return nil, fmt.Errorf("reading repos: %w", err)
	}
	return lines, nil
}

// countOfRepos adds what repos did.
func countOfRepos(ctx context.Context, q postgres.Querier, collectionID int64, lines []RepoLine) error {
	ids := make([]int64, len(lines))
	places := map[int64]int{}
	var oldest time.Time
	for i := range lines {
		ids[i], places[lines[i].RepoID] = lines[i].RepoID, i
		if oldest.IsZero() || lines[i].Created.Before(oldest) {
			oldest = lines[i].Created
		}
	}
	rows, err := q.Query(ctx, `
		SELECT w.id,
			(SELECT count(*) FROM repo_change x WHERE x.collection_id = $1 AND x.repo_id = w.id),
			coalesce(t.unresolved, 0), coalesce(t.mended, 0), coalesce(f.n, 0)
		FROM unnest($2::bigint[]) AS w (id)
		LEFT JOIN (
			SELECT t.repo_id, count(*) FILTER (WHERE NOT t.resolved) AS unresolved, count(*) FILTER (WHERE t.resolved AND t.again) AS mended
			FROM (
				SELECT c.repo_id, c.resolved,
					EXISTS (SELECT FROM resolution_change o WHERE o.package_id = c.package_id AND o.id < c.id) AS again
				FROM resolution_change c
				JOIN package p ON p.id = c.package_id
				WHERE c.repo_id = ANY($2) AND p.collection_id = $1
			) t
			GROUP BY t.repo_id
		) t ON t.repo_id = w.id
		LEFT JOIN (
			SELECT b.repo_id, count(DISTINCT b.package_id) AS n
			FROM build b
			JOIN applied_change a ON a.build_id = b.id
			JOIN package p ON p.id = b.package_id
			WHERE b.origin = 'scratch' AND b.finished >= $3 AND b.outcome = 'failed' AND a.broke AND p.collection_id = $1
			GROUP BY b.repo_id
		) f ON f.repo_id = w.id`, collectionID, ids, oldest)
	if err != nil {
		return err
	}
	var id int64
	var n RepoLine
	_, err = pgx.ForEachRow(rows, []any{&id, &n.Updates, &n.Unresolved, &n.Mended, &n.Broke}, func() error {
		l := &lines[places[id]]
		l.Updates, l.Unresolved, l.Mended, l.Broke = n.Updates, n.Unresolved, n.Mended, n.Broke
		return nil
	})
	return err
}

// A RepoPage is everything about one repo of a collection.
type RepoPage struct {
	RepoLine
	Before    int64        // the repo before it that was resolved; 0 if it is not kept
	Next      int64        // the one after it; 0 if there is none
	Mended    []string     // packages that could be installed again, by name; no more than asked for
	Unmet     []Unmet      // what was not met first, for most packages first
	Distances map[int]int  // packages whose buildroots changed by the distance of the nearest change; koschei.NoDistance is far
	Counts    []StateCount // before it and after; zero where it was not counted
	Changed   []Update     // by source; no more than asked for
}

// Page returns what there is to know of a repo of a collection, with up to limit
// of each list. An error wraps koschei.ErrNotFound if it is not kept.
func (v *Repos) Page(ctx context.Context, collectionID, repoID int64, limit int) (*RepoPage, error) {
	page := &RepoPage{}
	err := v.db.Read(ctx, func(q postgres.Querier) error {
		repo, err := schema.ReadRepo(ctx, q, collectionID, repoID)
		if err != nil {
			return err
		}
		if repo.Created.IsZero() {
			return fmt.Errorf("repo %d: %w", repoID, koschei.ErrNotFound)
		}
		lines := []RepoLine{{Repo: repo}}
		if err := countOfRepos(ctx, q, collectionID, lines); err != nil {
			return err
		}
		page.RepoLine = lines[0]
		err = q.QueryRow(ctx, `
			SELECT coalesce((SELECT repo_id FROM repo WHERE collection_id = $1 AND create_event < $2 AND solved IS NOT NULL ORDER BY create_event DESC LIMIT 1), 0),
				coalesce((SELECT repo_id FROM repo WHERE collection_id = $1 AND create_event > $2 ORDER BY create_event LIMIT 1), 0)`,
			collectionID, repo.CreateEvent).Scan(&page.Before, &page.Next)
		if err != nil {
			return err
		}
		page.Mended, err = postgres.QueryNames(ctx, q, `
			SELECT p.name
			FROM resolution_change c
			JOIN package p ON p.id = c.package_id
			WHERE c.repo_id = $2 AND p.collection_id = $1 AND c.resolved
				AND EXISTS (SELECT FROM resolution_change o WHERE o.package_id = c.package_id AND o.id < c.id)
			ORDER BY p.name
			LIMIT $3`, collectionID, repoID, limit)
		if err != nil {
			return err
		}
		return v.readDistances(ctx, q, page, collectionID)
	})
	if err != nil {
		return nil, fmt.Errorf("reading repo %d: %w", repoID, err)
	}
	if page.Unmet, err = v.unmetSince(ctx, collectionID, repoID, "", limit); err != nil {
		return nil, err
	}
	if page.Changed, err = v.UpdatesIn(ctx, collectionID, repoID, "", limit); err != nil {
		return nil, err
	}
	if !page.Solved.IsZero() {
		page.Counts, err = v.stateCountsBefore(ctx, collectionID, []time.Time{page.Solved, page.Solved.Add(time.Microsecond)})
	}
	return page, err
}

// readDistances counts the packages whose buildroots the updates of a repo reached.
func (v *Repos) readDistances(ctx context.Context, q postgres.Querier, page *RepoPage, collectionID int64) error {
	rows, err := q.Query(ctx, `
		SELECT reached FROM repo_change WHERE collection_id = $1 AND repo_id = $2 AND reached IS NOT NULL`, collectionID, page.RepoID)
	if err != nil {
		return err
	}
	nearest := map[int32]uint8{}
	var content []byte
	_, err = pgx.ForEachRow(rows, []any{&content}, func() error {
		set, err := v.sets.Decode(content)
		for _, m := range set {
			if known, ok := nearest[m.ID]; !ok || m.Distance-1 < known-1 { // 0 is the farthest
				nearest[m.ID] = m.Distance
			}
		}
		return err
	})
	page.Distances = map[int]int{}
	for _, distance := range nearest {
		page.Distances[int(distance)]++
	}
	return err
}

// A RepoDifference is what a repo has otherwise than an earlier one of the same
// collection.
type RepoDifference struct {
	From, To koschei.Repo
	Repos    int          // from the one to the other, To among them
	Missing  int          // of these, of which it is not known what changed
	Updates  []SourceStep // by source, what was undone in between left out
}

// A SourceStep is a source package that changed between two repos.
type SourceStep struct {
	Source string
	Before string // version-release in the earlier; "" if it was not there, or is not known
	After  string // version-release in the later; "" if it is gone, or is not known
	Repos  int    // in how many repos it changed
	RepoID int64  // the last of these
}

// Difference returns what changed from one repo of a collection to another, with
// up to limit sources. An error wraps koschei.ErrNotFound if one is not kept, and
// koschei.ErrInvalid if they are not in this order.
func (v *Repos) Difference(ctx context.Context, collectionID, from, to int64, limit int) (*RepoDifference, error) {
	d := &RepoDifference{}
	err := v.db.Read(ctx, func(q postgres.Querier) (err error) {
		for _, r := range []struct {
			id   int64
			repo *koschei.Repo
		}{{from, &d.From}, {to, &d.To}} {
			if *r.repo, err = schema.ReadRepo(ctx, q, collectionID, r.id); err != nil {
				return err
			}
			if r.repo.Created.IsZero() {
				return fmt.Errorf("repo %d: %w", r.id, koschei.ErrNotFound)
			}
		}
		if d.From.CreateEvent > d.To.CreateEvent {
			return koschei.Refusal(koschei.ErrInvalid, fmt.Sprintf("repo %d is newer than repo %d", from, to))
		}
		err = q.QueryRow(ctx, `
			SELECT count(*), count(*) FILTER (WHERE r.solved IS NULL)
			FROM repo r
			WHERE r.collection_id = $1 AND r.create_event > $2 AND r.create_event <= $3`,
			collectionID, d.From.CreateEvent, d.To.CreateEvent).Scan(&d.Repos, &d.Missing)
		if err != nil {
			return err
		}
		rows, err := q.Query(ctx, `
			WITH step AS (
				SELECT x.source, x.repo_id, r.create_event,
					coalesce((SELECT max(n.source_version) FROM nevra n WHERE n.id = ANY(x.prev) AND n.source = x.source), '') AS before,
					coalesce((SELECT max(n.source_version) FROM nevra n WHERE n.id = ANY(x.curr) AND n.source = x.source), '') AS after
				FROM repo r
				JOIN repo_change x ON x.collection_id = r.collection_id AND x.repo_id = r.repo_id
				WHERE r.collection_id = $1 AND r.create_event > $2 AND r.create_event <= $3
			)
			SELECT source, (array_agg(before ORDER BY create_event))[1] AS first, (array_agg(after ORDER BY create_event DESC))[1] AS last,
				count(*), (array_agg(repo_id ORDER BY create_event DESC))[1]
			FROM step
			GROUP BY source
			HAVING (array_agg(before ORDER BY create_event))[1] = '' OR (array_agg(before ORDER BY create_event))[1] <> (array_agg(after ORDER BY create_event DESC))[1]
			ORDER BY source
			LIMIT $4`, collectionID, d.From.CreateEvent, d.To.CreateEvent, limit)
		if err != nil {
			return err
		}
		d.Updates, err = pgx.CollectRows(rows, pgx.RowToStructByPos[SourceStep])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("comparing repos %d and %d: %w", from, to, err)
	}
	return d, nil
}
