package record

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/schema"
)

// StoreVerdicts writes verdicts found in a repo, with the transitions and
// events they lead to. It returns the packages left out, because they are no
// longer what they were when the verdict was found. It wraps koschei.ErrConflict
// if packages of a set are not interned any more.
func (rec *Fenced) StoreVerdicts(ctx context.Context, repo *koschei.Repo, verdicts []depset.Verdict, now time.Time) (stale []int64, err error) {
	err = rec.db.Transact(ctx, func(tx pgx.Tx) error {
		if err := built.LockInterned(ctx, tx); err != nil {
			return err
		}
		var current []*depset.Verdict
		if current, stale, err = stillCurrent(ctx, tx, verdicts); err != nil {
			return err
		}
		if err := rec.storeAnswers(ctx, tx, repo, current, now); err != nil {
			return err
		}
		if err := postgres.Wake(ctx, tx, repo.CollectionID, koschei.ServiceScheduler, koschei.ServiceFrontend); err != nil {
			return err
		}
		if err := updateResolved(ctx, tx, current, now); err != nil {
			return err
		}
		return settle.NameTaken(ctx, tx, brokenBy(current), repo.RepoID, now)
	})
	if err != nil {
		return nil, fmt.Errorf("storing what repo %d means for %d packages: %w", repo.RepoID, len(verdicts), err)
	}
	return stale, nil
}

// stillCurrent locks the packages and returns the verdicts that still hold, and
// the packages of the others.
func stillCurrent(ctx context.Context, tx pgx.Tx, verdicts []depset.Verdict) (current []*depset.Verdict, stale []int64, err error) {
	ids := make([]int64, len(verdicts))
	for i := range verdicts {
		ids[i] = verdicts[i].Candidate.PackageID
	}
	if _, err := settle.LockPackages(ctx, tx, ids); err != nil {
		return nil, nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT p.id, p.last_complete_build_id, p.resolution, `+schema.Baseline+`
		FROM package p
		JOIN build b ON b.id = p.last_complete_build_id`+schema.Baselines+`
		WHERE p.id = ANY($1) AND `+schema.Eligible, ids)
	if err != nil {
		return nil, nil, err
	}
	found := make(map[int64]depset.Candidate, len(ids))
	var c depset.Candidate
	_, err = pgx.ForEachRow(rows, []any{&c.PackageID, &c.BuildID, &c.Resolution, &c.SetID, &c.Awaited}, func() error {
		found[c.PackageID] = c
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range verdicts {
		was := verdicts[i].Candidate
		is := found[was.PackageID]
		if is.BuildID == was.BuildID && is.Resolution == was.Resolution && is.Baseline == was.Baseline {
			current = append(current, &verdicts[i])
		} else {
			stale = append(stale, was.PackageID)
		}
	}
	return current, stale, nil
}

// storeAnswers writes what is new in the answers, and what changed since the
// last builds of all packages.
func (rec *Record) storeAnswers(ctx context.Context, tx pgx.Tx, repo *koschei.Repo, verdicts []*depset.Verdict, now time.Time) error {
	var answers, repeated []*depset.Verdict
	for _, v := range verdicts {
		if v.Answered {
			answers = append(answers, v)
		} else {
			repeated = append(repeated, v)
		}
	}
	if err := noteTransitions(ctx, tx, repo, answers, now); err != nil {
		return err
	}
	if err := rec.writeAnswers(ctx, tx, repo, answers); err != nil {
		return err
	}
	if err := storeUnmet(ctx, tx, repo, verdicts, now); err != nil {
		return err
	}
	return writePriorities(ctx, tx, repeated)
}

// noteTransitions writes down which packages become resolvable or not, or are
// not for other reasons than before, whatever the order of the reasons.
func noteTransitions(ctx context.Context, tx pgx.Tx, repo *koschei.Repo, answers []*depset.Verdict, now time.Time) error {
	var ids []int64
	var problems []any // lists of texts, nil for none; as jsonb, since unnest would take lists of lists apart
	for _, v := range answers {
		if v.Resolution() != koschei.Resolved || v.Candidate.Resolution != koschei.Resolved {
			ids, problems = append(ids, v.Candidate.PackageID), append(problems, problemList(v))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		WITH noted AS (
			INSERT INTO resolution_change (package_id, repo_id, event, resolved, problems, changed)
			SELECT a.id, $1, $2, a.problems = '{}', a.problems, $3
			FROM (
				SELECT w.id, ARRAY(SELECT jsonb_array_elements_text(w.problems)) AS problems
				FROM unnest($4::bigint[], $5::jsonb[]) AS w (id, problems)
			) a
			JOIN package p ON p.id = a.id
			LEFT JOIN resolution r ON r.package_id = a.id
			WHERE p.resolution <> CASE WHEN a.problems = '{}' THEN 'resolved' ELSE 'unresolved' END
				OR NOT (a.problems <@ coalesce(r.problems, '{}') AND a.problems @> coalesce(r.problems, '{}'))
			ORDER BY a.id
			RETURNING id, package_id, resolved
		)
		INSERT INTO event (at, kind, collection_id, collection, package_id, package, repo_id, before, after)
		SELECT $3, 'resolution', c.id, c.name, p.id, p.name, $1, p.resolution, CASE WHEN n.resolved THEN 'resolved' ELSE 'unresolved' END
		FROM noted n
		JOIN package p ON p.id = n.package_id
		JOIN collection c ON c.id = p.collection_id
		ORDER BY n.id`, repo.RepoID, repo.CreateEvent, now, ids, problems)
	return err
}

func (rec *Record) writeAnswers(ctx context.Context, tx pgx.Tx, repo *koschei.Repo, answers []*depset.Verdict) error {
	if len(answers) == 0 {
		return nil
	}
	sets := make([]depset.Set, len(answers))
	for i, v := range answers {
		sets[i] = v.Set
	}
	if err := rec.Sets.CheckInterned(ctx, tx, built.MembersOf(sets)); err != nil {
		return err
	}
	ids, priorities, problems := make([]int64, len(answers)), make([]int32, len(answers)), make([]any, len(answers))
	hashes, contents := make([][]byte, len(answers)), make([][]byte, len(answers))
	for i, v := range answers {
		ids[i], priorities[i], problems[i] = v.Candidate.PackageID, int32(v.Priority), problemList(v)
		if v.Resolution() == koschei.Resolved {
			hashes[i], contents[i] = v.Hash, rec.sets.Encode(v.Set)
		}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO resolution (package_id, collection_id, repo_id, dependency_priority, problems, set_hash, set_content)
		SELECT a.id, @collection, @repo, a.priority,
			CASE WHEN a.problems IS NULL THEN '{}' ELSE ARRAY(SELECT jsonb_array_elements_text(a.problems)) END,
			a.hash, a.content
		FROM unnest(@ids::bigint[], @priorities::integer[], @problems::jsonb[], @hashes::bytea[], @contents::bytea[]) AS a (id, priority, problems, hash, content)
		ON CONFLICT (package_id) DO UPDATE
		SET repo_id = excluded.repo_id, dependency_priority = excluded.dependency_priority, problems = excluded.problems,
			set_hash = excluded.set_hash, set_content = excluded.set_content`,
		pgx.NamedArgs{
			"collection": repo.CollectionID, "repo": repo.RepoID, "ids": ids, "priorities": priorities,
			"problems": problems, "hashes": hashes, "contents": contents,
		})
	return err
}

// writePriorities writes what changed since the last builds of packages whose
// answers are the stored ones.
func writePriorities(ctx context.Context, tx pgx.Tx, verdicts []*depset.Verdict) error {
	if len(verdicts) == 0 {
		return nil
	}
	ids, priorities := make([]int64, len(verdicts)), make([]int32, len(verdicts))
	for i, v := range verdicts {
		ids[i], priorities[i] = v.Candidate.PackageID, int32(v.Priority)
	}
	_, err := tx.Exec(ctx, `
		UPDATE resolution r
		SET dependency_priority = v.priority
		FROM unnest($1::bigint[], $2::integer[]) AS v (id, priority)
		WHERE r.package_id = v.id AND r.dependency_priority <> v.priority`, ids, priorities)
	return err
}

// forgetChanges says of packages that nothing changed since their last builds.
// They must be locked.
func forgetChanges(ctx context.Context, tx pgx.Tx, packageIDs []int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE resolution
		SET dependency_priority = 0
		WHERE package_id = ANY($1) AND dependency_priority <> 0`, packageIDs)
	return err
}

// updateResolved writes which builds the verdicts are about, and the word for
// them. In most verdicts on a new repo both are what they were.
func updateResolved(ctx context.Context, tx pgx.Tx, verdicts []*depset.Verdict, now time.Time) error {
	var ids, builds []int64
	var resolutions []string
	for _, v := range verdicts {
		if c := v.Candidate; c.Due || v.Resolution() != c.Resolution {
			ids, builds, resolutions = append(ids, c.PackageID), append(builds, c.BuildID), append(resolutions, string(v.Resolution()))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	changed, err := postgres.CollectIDs(tx.Query(ctx, `
		UPDATE package p
		SET resolution = v.resolution, resolved_build_id = v.build_id
		FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS v (id, build_id, resolution)
		WHERE p.id = v.id AND (p.resolution, p.resolved_build_id) IS DISTINCT FROM (v.resolution, v.build_id)
		RETURNING p.id`, ids, builds, resolutions))
	if err != nil {
		return err
	}
	return settle.NoteStates(ctx, tx, changed, now)
}

// brokenBy returns the packages that could be built before the verdicts and cannot now.
func brokenBy(verdicts []*depset.Verdict) (ids []int64) {
	for _, v := range verdicts {
		if v.Answered && v.Candidate.Resolution == koschei.Resolved && v.Resolution() == koschei.Unresolved {
			ids = append(ids, v.Candidate.PackageID)
		}
	}
	return ids
}

// problemList is an element of a jsonb[]: why v is unresolved, nil if it is not.
func problemList(v *depset.Verdict) any {
	if len(v.Problems) == 0 {
		return nil
	}
	return v.Problems
}
