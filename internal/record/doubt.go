package record

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrDoubted is the error of news that were stored but for what they say of too
// many packages at once. The hub is to be asked again.
var ErrDoubted = errors.New("it is not believed that so many packages are gone at once")

const (
	// A loss is doubted from so many packages on, if it is more than one in
	// doubtedShare.
	doubtedPackages = 2
	doubtedShare    = 10

	// lossMemory is for how long losses are added up: what messages tell of one
	// by one may be many.
	lossMemory = time.Hour

	// filling is for how long the same few packages are left out before a tag is
	// taken to be filled.
	filling = time.Hour

	// acceptance is for how long somebody's word holds, so that it covers what the
	// hub has not finished yet.
	acceptance = 24 * time.Hour
)

// A loss is what news would take from a collection.
type loss struct {
	collectionID int64
	what         string // as table doubt has it
	packages     []int64
	all          bool // the news are about the whole collection
	now          time.Time
}

// doubted tells whether a loss is not to be stored, and writes that down. As long
// as something is doubted, smaller losses are, too: the tag is still being filled.
// It ends when news about the whole collection would take nothing, or have been
// taking the same few packages for a while.
func doubted(ctx context.Context, tx pgx.Tx, l loss) (bool, error) {
	if len(l.packages) == 0 && !l.all {
		return false, nil
	}
	d, err := l.weigh(ctx, tx)
	if err != nil {
		return false, err
	}
	calm := l.all && d.packages == d.before && !l.now.Before(d.steady.Add(filling))
	if len(l.packages) == 0 || d.few() && (!d.open() || calm) {
		if l.all {
			_, err = tx.Exec(ctx, `DELETE FROM doubt WHERE collection_id = $1 AND what = $2`, l.collectionID, l.what)
		}
		return false, err
	}
	accepted := false
	err = tx.QueryRow(ctx, `
		INSERT INTO doubt AS d (collection_id, what, packages, total, since, seen, steady)
		VALUES (@collection, @what, @packages, @total, @now, @now, @now)
		ON CONFLICT (collection_id, what) DO UPDATE
		SET packages = excluded.packages, total = excluded.total, seen = excluded.seen,
			steady = CASE WHEN d.packages = excluded.packages THEN d.steady ELSE excluded.steady END
		WHERE @all OR excluded.packages > d.packages
		RETURNING coalesce(d.accepted > @oldest, false)`,
		pgx.NamedArgs{
			"collection": l.collectionID, "what": l.what, "packages": d.packages, "total": d.total,
			"now": l.now, "oldest": l.now.Add(-acceptance), "all": l.all,
		}).Scan(&accepted)
	if errors.Is(err, pgx.ErrNoRows) {
		return !d.accepted, nil
	}
	return !accepted, err
}

// What is weighed of a loss: how much it is, and what was doubted before.
type weighed struct {
	packages, total int
	before          int       // packages that were doubted; -1 if none were
	steady          time.Time // since when so many are
	accepted        bool
}

func (d *weighed) open() bool { return d.before >= 0 }

func (d *weighed) few() bool {
	return d.packages < doubtedPackages || d.packages*doubtedShare <= d.total
}

func (l *loss) weigh(ctx context.Context, tx pgx.Tx) (d weighed, err error) {
	err = tx.QueryRow(ctx, `
		WITH lately AS (
			SELECT DISTINCT p.id
			FROM event e
			JOIN package p ON p.id = e.package_id
			WHERE e.collection_id = @collection AND e.kind = @what AND e.at > @since AND p.last_build_id IS NULL AND p.id <> ALL(@packages)
		), sum AS (
			SELECT count(*) + (SELECT count(*) FROM lately) AS total, cardinality(@packages::bigint[]) + (SELECT count(*) FROM lately) AS packages
			FROM package
			WHERE collection_id = @collection AND NOT blocked AND last_build_id IS NOT NULL
		)
		SELECT sum.packages, sum.total, coalesce(d.packages, -1), coalesce(d.steady, @since), coalesce(d.accepted > @oldest, false)
		FROM sum
		LEFT JOIN doubt d ON d.collection_id = @collection AND d.what = @what`,
		pgx.NamedArgs{
			"collection": l.collectionID, "what": l.what, "since": l.now.Add(-lossMemory),
			"packages": append([]int64{}, l.packages...), "oldest": l.now.Add(-acceptance),
		}).Scan(&d.packages, &d.total, &d.before, &d.steady, &d.accepted)
	return d, err
}
