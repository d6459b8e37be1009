package deliver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/buildlog"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Breakage is what there is to say now of a package of which an event tells that
// it broke.
type Breakage struct {
	State            koschei.State // of the package, as people outside know it
	Product, Version string        // in the bug tracker; "" if bugs are not reported there
	Collection       string        // its display name

	Cause    string   // the same for what is one bug
	Failures int      // builds that failed since the last that succeeded
	Problems []string // why dependencies cannot be installed
	EVR      string   // version and release of the last build
	Suspects []string // what changed in its buildroot before it first failed, the nearest first
	More     int      // further changes

	Log, Arch string // that the excerpt is of
	Excerpt   []buildlog.Line

	Bug int64 // the number of the bug about it; 0 if none is known
}

// causeBuild is the cause of what fails to build. What cannot be installed has the
// cause that it shares with other packages.
const causeBuild = "build"

// mostSuspects is how many changes of a buildroot a report of a bug names.
const mostSuspects = 10

// Breakage returns what there is to say of the package of an event.
func (dv *Deliveries) Breakage(ctx context.Context, e *koschei.Event) (*Breakage, error) {
	b := &Breakage{}
	err := dv.db.Read(ctx, func(tx pgx.Tx) error {
		var state koschei.State
		var build, broke int64
		err := tx.QueryRow(ctx, `
			SELECT p.state, c.bugzilla_product, c.bugzilla_version, c.display_name, coalesce(r.problems, '{}'), coalesce(p.last_complete_build_id, 0),
				coalesce((
					SELECT f.id
					FROM build f
					JOIN applied_change a ON a.build_id = f.id AND a.broke
					WHERE f.package_id = p.id
					ORDER BY f.event DESC, f.id DESC
					LIMIT 1), 0),
				(SELECT count(*)
				FROM build f
				WHERE f.package_id = p.id AND f.outcome = 'failed' AND NOT f.untagged AND f.event > coalesce((
					SELECT max(g.event)
					FROM build g
					WHERE g.package_id = p.id AND g.outcome = 'complete' AND NOT g.untagged), 0))
			FROM package p
			JOIN collection c ON c.id = p.collection_id
			LEFT JOIN resolution r ON r.package_id = p.id
			WHERE p.id = $1`, e.PackageID).
			Scan(&state, &b.Product, &b.Version, &b.Collection, &b.Problems, &build, &broke, &b.Failures)
		if err != nil {
			return postgres.NotFound(err, "package %s of %s", e.Package, e.Collection)
		}
		b.State, b.Cause = state.Message(), causeBuild
		if b.State == koschei.StateUnresolved {
			b.Cause = koschei.CauseOf(b.Problems)
		} else if err := b.failure(ctx, tx, build, broke); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			SELECT number
			FROM bug
			WHERE package_id = $1 AND cause = $2 AND mended IS NULL AND number IS NOT NULL
			ORDER BY id DESC
			LIMIT 1`, e.PackageID, b.Cause).Scan(&b.Bug)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what became of %s: %w", e.Subject(), err)
	}
	return b, nil
}

// failure reads how the last build failed, and what changed before the first one
// did.
func (b *Breakage) failure(ctx context.Context, tx pgx.Tx, build, broke int64) error {
	b.Problems = nil
	var evr rpm.EVR
	err := tx.QueryRow(ctx, `SELECT epoch, version, release FROM build WHERE id = $1`, build).Scan(&evr.Epoch, &evr.Version, &evr.Release)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	b.EVR = evr.Version + "-" + evr.Release
	if b.Suspects, b.More, err = readBuildChanges(ctx, tx, broke, mostSuspects); err != nil {
		return err
	}
	var lines []string
	var numbers []int
	err = tx.QueryRow(ctx, `
		SELECT log, arch, lines, numbers
		FROM build_failure
		WHERE build_id = $1 AND found`, build).Scan(&b.Log, &b.Arch, &lines, &numbers)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	for i := range min(len(lines), len(numbers)) {
		b.Excerpt = append(b.Excerpt, buildlog.Line{Number: numbers[i], Text: lines[i]})
	}
	return nil
}

// A BugLimit is how many bugs may be filed in a time, for real.
type BugLimit struct {
	Most int
	In   time.Duration
}

// A CappedError says that so many bugs were filed that the next has to wait.
type CappedError struct{ Limit BugLimit }

func (e *CappedError) Error() string {
	return fmt.Sprintf("%d bugs were filed within %v, which is the most there may be: it waits", e.Limit.Most, e.Limit.In)
}

// BeginBug writes down that a bug with a marker is about to be filed, about the
// package of an event. An error is a *CappedError if there were too many already.
// What was begun before may go on.
func (dv *Deliveries) BeginBug(ctx context.Context, e *koschei.Event, cause, marker string, limits []BugLimit) error {
	err := dv.db.Transact(ctx, func(tx pgx.Tx) error {
		// One after the other, so that none is counted too late.
		if _, err := tx.Exec(ctx, `LOCK TABLE bug IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		var begun bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM bug WHERE marker = $1)`, marker).Scan(&begun); err != nil || begun {
			return err
		}
		for _, limit := range limits {
			var n int
			err := tx.QueryRow(ctx, `SELECT count(*) FROM bug WHERE filed AND begun > clock_timestamp() - $1::interval`, limit.In).Scan(&n)
			if err != nil {
				return err
			}
			if n >= limit.Most {
				return &CappedError{limit}
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO bug (package_id, cause, marker) VALUES ($1, $2, $3)`, e.PackageID, cause, marker)
		return err
	})
	if err != nil {
		return fmt.Errorf("beginning a bug about %s: %w", e.Subject(), err)
	}
	return nil
}

// NoteBug writes down the number of the bug that was begun with a marker: one that
// was filed, or one of others that is about the same.
func (dv *Deliveries) NoteBug(ctx context.Context, marker string, number int64, filed bool) error {
	_, err := dv.db.ExecOne(ctx, `UPDATE bug SET number = $2, filed = $3 WHERE marker = $1`, marker, number, filed)
	if err != nil {
		return fmt.Errorf("noting bug %d: %w", number, err)
	}
	return nil
}

// An OpenBug is a bug about a package that has not been noted as mended.
type OpenBug struct {
	ID     int64 // of ours
	Number int64 // in the bug tracker
	Filed  bool  // by us
}

// OpenBugs returns the bugs about the package of an event.
func (dv *Deliveries) OpenBugs(ctx context.Context, e *koschei.Event) ([]OpenBug, error) {
	rows, err := dv.db.Query(ctx, `
		SELECT id, number, filed
		FROM bug
		WHERE package_id = $1 AND mended IS NULL AND number IS NOT NULL
		ORDER BY id`, e.PackageID)
	if err != nil {
		return nil, fmt.Errorf("reading bugs about %s: %w", e.Subject(), err)
	}
	bugs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OpenBug])
	if err != nil {
		return nil, fmt.Errorf("reading bugs about %s: %w", e.Subject(), err)
	}
	return bugs, nil
}

// BugMended notes that what a bug is about is mended, since a domain time.
func (dv *Deliveries) BugMended(ctx context.Context, id int64, at time.Time) error {
	if _, err := dv.db.ExecOne(ctx, `UPDATE bug SET mended = $2 WHERE id = $1`, id, at); err != nil {
		return fmt.Errorf("noting that bug %d is mended: %w", id, err)
	}
	return nil
}
