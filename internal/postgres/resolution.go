package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A Verdict is what a repo says of a package, and what that means for it.
type Verdict struct {
	Candidate *Candidate // as it was when the verdict was found

	Answered bool     // whether this is another answer than the stored one
	Set      Set      // the buildroot; nil if it cannot be made
	Problems []string // why not; nil if it can
	Priority int      // dependency priority
}

// Resolution is the verdict in a word.
func (v *Verdict) Resolution() koschei.Resolution {
	if len(v.Problems) > 0 {
		return koschei.Unresolved
	}
	return koschei.Resolved
}

// A VerdictReport is what became of verdicts that were to be stored.
type VerdictReport struct {
	// Stale are the packages left out, because they are no longer what they
	// were when the verdict was found.
	Stale []int64
	// Replaced are the ids of the sets that answers referred to before.
	Replaced []int64
}

// StoreVerdicts writes verdicts found in a repo, with the transitions and
// messages they lead to. It wraps koschei.ErrConflict if packages of a set are
// not interned any more.
func (db *DB) StoreVerdicts(ctx context.Context, repo *koschei.Repo, verdicts []Verdict, now time.Time) (VerdictReport, error) {
	var report VerdictReport
	err := db.transact(ctx, func(tx pgx.Tx) error {
		report = VerdictReport{}
		if err := lockInterned(ctx, tx); err != nil {
			return err
		}
		current, err := stillCurrent(ctx, tx, verdicts, &report)
		if err != nil {
			return err
		}
		if report.Replaced, err = db.storeAnswers(ctx, tx, repo, current, now); err != nil {
			return err
		}
		if err := wake(ctx, tx, repo.CollectionID, WakeScheduler); err != nil {
			return err
		}
		return updateResolved(ctx, tx, current, now)
	})
	if err != nil {
		return VerdictReport{}, fmt.Errorf("storing what repo %d means for %d packages: %w", repo.RepoID, len(verdicts), err)
	}
	return report, nil
}

// stillCurrent locks the packages and returns the verdicts that still hold.
func stillCurrent(ctx context.Context, tx pgx.Tx, verdicts []Verdict, report *VerdictReport) ([]*Verdict, error) {
	ids := make([]int64, len(verdicts))
	for i := range verdicts {
		ids[i] = verdicts[i].Candidate.PackageID
	}
	if _, err := lockPackages(ctx, tx, ids); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT p.id, p.last_complete_build_id, p.resolution, coalesce(base.set_id, 0), coalesce(base.awaited, false)
		FROM package p`+baselines+`
		WHERE p.id = ANY($1) AND `+eligible, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]Candidate, len(ids))
	var c Candidate
	_, err = pgx.ForEachRow(rows, []any{&c.PackageID, &c.BuildID, &c.Resolution, &c.SetID, &c.Awaited}, func() error {
		found[c.PackageID] = c
		return nil
	})
	if err != nil {
		return nil, err
	}
	var current []*Verdict
	for i := range verdicts {
		was := verdicts[i].Candidate
		is := found[was.PackageID]
		if is.BuildID == was.BuildID && is.Resolution == was.Resolution && is.Baseline == was.Baseline {
			current = append(current, &verdicts[i])
		} else {
			report.Stale = append(report.Stale, was.PackageID)
		}
	}
	return current, nil
}

// storeAnswers writes what is new in the answers themselves, and returns the
// sets that are replaced.
func (db *DB) storeAnswers(ctx context.Context, tx pgx.Tx, repo *koschei.Repo, verdicts []*Verdict, now time.Time) ([]int64, error) {
	var ids []int64
	var sets []Set
	var problems []string
	for _, v := range verdicts {
		if !v.Answered {
			continue
		}
		ids = append(ids, v.Candidate.PackageID)
		problems = append(problems, jsonList(v.Problems))
		if v.Resolution() == koschei.Resolved {
			sets = append(sets, v.Set)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	stored, err := db.storeSets(ctx, tx, sets)
	if err != nil {
		return nil, err
	}
	setIDs := make([]*int64, len(ids))
	for i, p := range problems {
		if p == noTexts {
			setIDs[i], stored = &stored[0], stored[1:]
		}
	}
	if err := noteTransitions(ctx, tx, repo, ids, problems, now); err != nil {
		return nil, err
	}
	return writeAnswers(ctx, tx, repo, ids, setIDs, problems)
}

// noteTransitions writes down which packages become resolvable or not, or are
// not for other reasons than before, whatever the order of the reasons.
func noteTransitions(ctx context.Context, tx pgx.Tx, repo *koschei.Repo, ids []int64, problems []string, now time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO resolution_change (package_id, repo_id, event, resolved, problems, changed)
		SELECT a.id, $1, $2, a.problems = '{}', a.problems, $3
		FROM (
			SELECT w.id, ARRAY(SELECT jsonb_array_elements_text(w.problems::jsonb)) AS problems
			FROM unnest($4::bigint[], $5::text[]) AS w (id, problems)
		) a
		JOIN package p ON p.id = a.id
		LEFT JOIN resolution r ON r.package_id = a.id
		WHERE p.resolution <> CASE WHEN a.problems = '{}' THEN 'resolved' ELSE 'unresolved' END
			OR NOT (a.problems <@ coalesce(r.problems, '{}') AND a.problems @> coalesce(r.problems, '{}'))
		ORDER BY a.id`, repo.RepoID, repo.CreateEvent, now, ids, problems)
	return err
}

func writeAnswers(ctx context.Context, tx pgx.Tx, repo *koschei.Repo, ids []int64, setIDs []*int64, problems []string) ([]int64, error) {
	replaced, err := collectIDs(tx.Query(ctx, `
		SELECT dependency_set_id
		FROM resolution
		WHERE package_id = ANY($1) AND dependency_set_id IS NOT NULL`, ids))
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO resolution (package_id, repo_id, dependency_set_id, problems)
		SELECT a.id, $1, a.set_id, ARRAY(SELECT jsonb_array_elements_text(a.problems::jsonb))
		FROM unnest($2::bigint[], $3::bigint[], $4::text[]) AS a (id, set_id, problems)
		ON CONFLICT (package_id) DO UPDATE
		SET repo_id = excluded.repo_id, dependency_set_id = excluded.dependency_set_id, problems = excluded.problems`,
		repo.RepoID, ids, setIDs, problems)
	return replaced, err
}

// updateResolved writes what the verdicts mean for the packages.
func updateResolved(ctx context.Context, tx pgx.Tx, verdicts []*Verdict, now time.Time) error {
	ids, builds := make([]int64, len(verdicts)), make([]int64, len(verdicts))
	resolutions, priorities := make([]string, len(verdicts)), make([]int32, len(verdicts))
	for i, v := range verdicts {
		ids[i], builds[i] = v.Candidate.PackageID, v.Candidate.BuildID
		resolutions[i], priorities[i] = string(v.Resolution()), int32(v.Priority)
	}
	_, err := tx.Exec(ctx, `
		UPDATE package p
		SET resolution = v.resolution, dependency_priority = v.priority, resolved_build_id = v.build_id
		FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::integer[]) AS v (id, build_id, resolution, priority)
		WHERE p.id = v.id AND (p.resolution, p.dependency_priority, p.resolved_build_id)
			IS DISTINCT FROM (v.resolution, v.priority, v.build_id)`, ids, builds, resolutions, priorities)
	if err != nil {
		return err
	}
	return noteStates(ctx, tx, ids, now)
}

// DropSets deletes those of the sets that nothing refers to. Most sets of a
// repo are replaced by those of the next before anything was built with them.
func (db *DB) DropSets(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	err := db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(collecting)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			DELETE FROM dependency_set s
			WHERE s.id = ANY($1)
				AND NOT EXISTS (SELECT FROM build b WHERE b.dependency_set_id = s.id)
				AND NOT EXISTS (SELECT FROM resolution r WHERE r.dependency_set_id = s.id)`, ids)
		return err
	})
	if err != nil {
		return fmt.Errorf("deleting dependency sets out of use: %w", err)
	}
	return nil
}

// noTexts is jsonList of nothing.
const noTexts = "[]"

// jsonList carries a list through unnest, which would take lists of lists
// apart.
func jsonList(texts []string) string {
	if len(texts) == 0 {
		return noTexts
	}
	text, err := json.Marshal(texts)
	if err != nil {
		panic("cannot happen: " + err.Error())
	}
	return string(text)
}
