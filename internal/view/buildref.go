package view

import (
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A BuildRef is a build as others mention it.
type BuildRef struct {
	ID      int64
	Outcome koschei.Outcome
	Origin  koschei.Origin
	EVR     rpm.EVR
	RepoID  int64 // 0 while not known
	Event   int64
	Started time.Time

	setID int64
}

// DepsKnown says whether the build's dependency set is stored.
func (b *BuildRef) DepsKnown() bool { return b.setID != 0 }

// SameSet says whether the build was made with the same packages as another.
func (b *BuildRef) SameSet(other *BuildRecord) bool {
	return b.setID != 0 && b.setID == other.DependencySetID
}

const buildRefColumns = "b.id, b.outcome, b.origin, b.epoch, b.version, b.release, coalesce(b.repo_id, 0), b.event, b.started, coalesce(b.dependency_set_id, 0)"

// lastGood is the table good for a WITH: the newest build of a package that is
// complete. The package is an expression for its id.
func lastGood(pkg string) string {
	return `good AS (
			SELECT b.*
			FROM build b
			WHERE b.package_id = ` + pkg + ` AND b.outcome = 'complete' AND NOT b.untagged
			ORDER BY b.event DESC, b.id DESC
			LIMIT 1
		)`
}

// goodAndBad selects the build of good (see lastGood) as 'good', and as 'bad' the
// first one after it that failed.
func goodAndBad(pkg string) string {
	return `
		SELECT 'good', ` + buildRefColumns + `
		FROM good b
		UNION ALL
		(SELECT 'bad', ` + buildRefColumns + `
		FROM build b
		WHERE b.package_id = ` + pkg + ` AND b.outcome = 'failed' AND NOT b.untagged
			AND (b.event, b.id) > (coalesce((SELECT event FROM good), 0), coalesce((SELECT id FROM good), 0))
		ORDER BY b.event, b.id
		LIMIT 1)`
}

// columns are where buildRefColumns are read into.
func (b *BuildRef) columns() []any {
	return []any{&b.ID, &b.Outcome, &b.Origin, &b.EVR.Epoch, &b.EVR.Version, &b.EVR.Release, &b.RepoID, &b.Event, &b.Started, &b.setID}
}

// askSets asks for the dependency sets of builds, and returns where they will be
// by the id of the set.
func askSets(batch *pgx.Batch, codec *depset.Codec, builds ...*BuildRef) map[int64]depset.Set {
	sets := map[int64]depset.Set{}
	ids := []int64{}
	for _, b := range builds {
		ids = append(ids, b.setID)
	}
	batch.Queue(`SELECT id, content FROM dependency_set WHERE id = ANY($1)`, ids).Query(func(rows pgx.Rows) error {
		var id int64
		var content []byte
		_, err := pgx.ForEachRow(rows, []any{&id, &content}, func() (err error) {
			sets[id], err = codec.Decode(content)
			return err
		})
		return err
	})
	return sets
}
