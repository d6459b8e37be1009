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
// It ends when news about the whole collection would take nothing.
func doubted(ctx context.Context, tx pgx.Tx, l loss) (bool, error) {
	if len(l.packages) == 0 && !l.all {
		return false, nil
	}
	var total, packages int
	var open bool
	err := tx.QueryRow(ctx, `
		WITH lately AS (
			SELECT DISTINCT p.id
			FROM event e
			JOIN package p ON p.id = e.package_id
			WHERE e.collection_id = $1 AND e.kind = $2 AND e.at > $3 AND p.last_build_id IS NULL AND p.id <> ALL($4)
		)
		SELECT count(*) + (SELECT count(*) FROM lately), cardinality($4::bigint[]) + (SELECT count(*) FROM lately),
			EXISTS (SELECT FROM doubt WHERE collection_id = $1 AND what = $2)
		FROM package
		WHERE collection_id = $1 AND NOT blocked AND last_build_id IS NOT NULL`,
		l.collectionID, l.what, l.now.Add(-lossMemory), append([]int64{}, l.packages...)).Scan(&total, &packages, &open)
	if err != nil {
		return false, err
	}
	few := packages < doubtedPackages || packages*doubtedShare <= total
	if len(l.packages) == 0 || few && !open {
		if l.all {
			_, err = tx.Exec(ctx, `DELETE FROM doubt WHERE collection_id = $1 AND what = $2`, l.collectionID, l.what)
		}
		return false, err
	}
	accepted := false
	err = tx.QueryRow(ctx, `
		INSERT INTO doubt AS d (collection_id, what, packages, total, since, seen)
		VALUES (@collection, @what, @packages, @total, @now, @now)
		ON CONFLICT (collection_id, what) DO UPDATE
		SET packages = excluded.packages, total = excluded.total, seen = excluded.seen
		RETURNING coalesce(d.accepted > @oldest, false)`,
		pgx.NamedArgs{
			"collection": l.collectionID, "what": l.what, "packages": packages, "total": total,
			"now": l.now, "oldest": l.now.Add(-acceptance),
		}).Scan(&accepted)
	return !accepted, err
}
