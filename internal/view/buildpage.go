package view

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A Comparison is of two buildroots of one package: of two builds, or of a build
// and what one would get now.
type Comparison struct {
	PackageName  string
	CollectionID int64
	A            *Side // nil if there is nothing to compare with
	B            *Side
	Changes      Changes              // from A's set to B's
	Set          []koschei.Dependency // B's; empty if not known

	// Builds that people compare with, each nil if there is none.
	LastSuccess, FirstFailure, Before, Newer, Newest *BuildRef // Before and Newer are B's

	// The newest build before B of the same source with the same packages, which
	// completed or failed; nil if there is none, or if it is not known what B was made
	// with.
	Same *BuildRef
}

// A Side is one of the two.
type Side struct {
	*BuildRecord              // nil for what a build would get now
	Repo         koschei.Repo // only its id if the repo is not kept, zero if not known
	Problems     []string     // why there would be none now

	set depset.Set
}

// Size is how many packages the buildroot has, 0 if that is not known.
func (s *Side) Size() int { return len(s.set) }

// Pair says which builds to compare: those with the ids A and B. Without A it is
// the one before B of which it is known what it was made with. Without B it is
// what a build of A's package would get now.
type Pair struct{ A, B int64 }

// Compare compares two builds of a package. An error wraps koschei.ErrNotFound if
// one is not there, and koschei.ErrInvalid if they are of two packages.
func (v *Builds) Compare(ctx context.Context, pair Pair) (*Comparison, error) {
	r := &comparisonReader{source: v.source, pair: pair, page: &Comparison{}}
	err := r.read(ctx)
	if errors.Is(err, depset.ErrDamaged) { // what was not needed any more may be gone since the step before
		r.page = &Comparison{}
		err = r.read(ctx)
	}
	if err != nil && !errors.Is(err, koschei.ErrNotFound) && !errors.Is(err, koschei.ErrInvalid) {
		err = fmt.Errorf("comparing builds %d and %d: %w", pair.A, pair.B, err)
	}
	if err != nil {
		return nil, err
	}
	return r.page, nil
}

// A comparisonReader reads a comparison in two steps, each of which asks all its
// questions at once.
type comparisonReader struct {
	*source
	pair Pair
	page *Comparison
	a, b int64 // the builds, 0 for none
	pkg  int64
}

func (r *comparisonReader) read(ctx context.Context) error {
	if err := r.choose(ctx); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	records := askBuilds(batch, []int64{r.a, r.b}, 0)
	sets := r.askSides(batch)
	r.askNow(batch)
	if err := r.db.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	r.page.A, r.page.B = r.side(records, sets, r.a, r.page.A), r.side(records, sets, r.b, r.page.B)
	if r.page.B == nil {
		return fmt.Errorf("build %d: %w", r.b, koschei.ErrNotFound)
	}
	return r.name(ctx, records)
}

// choose finds out which builds, and what others there are.
func (r *comparisonReader) choose(ctx context.Context) error {
	page, known := r.page, r.pair.B
	if known == 0 {
		known = r.pair.A
	}
	batch := &pgx.Batch{}
	batch.Queue(`
		SELECT p.id, p.name, p.collection_id
		FROM build b
		JOIN package p ON p.id = b.package_id
		WHERE b.id = $1`, known).QueryRow(func(row pgx.Row) error {
		return postgres.NotFound(row.Scan(&r.pkg, &page.PackageName, &page.CollectionID), "build %d", known)
	})
	other := false
	batch.Queue(`SELECT EXISTS (SELECT FROM build b JOIN build o ON o.package_id = b.package_id WHERE b.id = $1 AND o.id = $2)`, known, r.pair.A).
		QueryRow(func(row pgx.Row) error { return row.Scan(&other) })
	r.askRefs(batch, known)
	if err := r.db.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if r.pair.A != 0 && !other {
		return fmt.Errorf("build %d is none of %s: %w", r.pair.A, page.PackageName, koschei.ErrInvalid)
	}
	r.a, r.b = r.pair.A, r.pair.B
	if r.a == 0 && page.Before != nil {
		r.a = page.Before.ID
	}
	return nil
}

// askRefs asks for the builds that a build of the id this is compared with.
func (r *comparisonReader) askRefs(batch *pgx.Batch, this int64) {
	const ofThis = "(SELECT package_id FROM this)"
	page := r.page
	batch.Queue(`
		WITH this AS (
			SELECT b.id, b.package_id, b.event, b.input_identity, a.prev_build_id
			FROM build b
			LEFT JOIN applied_change a ON a.build_id = b.id
			WHERE b.id = $1
		), `+lastGood(ofThis)+goodAndBad(ofThis)+`
		UNION ALL
		(SELECT 'newest', `+buildRefColumns+`
		FROM build b
		WHERE b.package_id = `+ofThis+`
		ORDER BY b.event DESC, b.id DESC
		LIMIT 1)
		UNION ALL
		(SELECT 'newer', `+buildRefColumns+`
		FROM build b
		WHERE b.package_id = `+ofThis+` AND (b.event, b.id) > (SELECT event, id FROM this)
		ORDER BY b.event, b.id
		LIMIT 1)
		UNION ALL
		(SELECT 'same', `+buildRefColumns+`
		FROM build b
		WHERE b.package_id = `+ofThis+` AND (b.event, b.id) < (SELECT event, id FROM this)
			AND b.input_identity = (SELECT input_identity FROM this) AND b.outcome IN ('complete', 'failed')
		ORDER BY b.event DESC, b.id DESC
		LIMIT 1)
		UNION ALL
		(SELECT 'before', `+buildRefColumns+`
		FROM build b
		WHERE b.package_id = `+ofThis+` AND b.deps = 'resolved'
			AND CASE WHEN (SELECT prev_build_id FROM this) > 0 THEN b.id = (SELECT prev_build_id FROM this)
				ELSE (b.event, b.id) < (SELECT event, id FROM this) AND b.outcome IN ('running', 'complete', 'failed') END
		ORDER BY b.event DESC, b.id DESC
		LIMIT 1)`, this).Query(func(rows pgx.Rows) error {
		var kind string
		var ref BuildRef
		_, err := pgx.ForEachRow(rows, append([]any{&kind}, ref.columns()...), func() error {
			found := ref
			*map[string]**BuildRef{
				"good": &page.LastSuccess, "bad": &page.FirstFailure, "newest": &page.Newest, "newer": &page.Newer, "before": &page.Before,
				"same": &page.Same,
			}[kind] = &found
			return nil
		})
		return err
	})
}

// askSides asks for repos and sets of the builds.
func (r *comparisonReader) askSides(batch *pgx.Batch) map[int64]*Side {
	sides := map[int64]*Side{}
	batch.Queue(`
		SELECT b.id, coalesce(b.repo_id, 0), coalesce(r.create_event, 0), r.created, s.content
		FROM build b
		LEFT JOIN repo r ON r.collection_id = $2 AND r.repo_id = b.repo_id
		LEFT JOIN dependency_set s ON s.id = b.dependency_set_id
		WHERE b.id = ANY($1)`, []int64{r.a, r.b}, r.page.CollectionID).Query(func(rows pgx.Rows) error {
		var id int64
		var repo koschei.Repo
		var created *time.Time
		var content []byte
		_, err := pgx.ForEachRow(rows, []any{&id, &repo.RepoID, &repo.CreateEvent, &created, &content}, func() (err error) {
			side := &Side{Repo: repo}
			side.Repo.CollectionID, side.Repo.Created = r.page.CollectionID, postgres.OrZero(created)
			sides[id] = side
			if content != nil {
				side.set, err = r.sets.Decode(content)
			}
			return err
		})
		return err
	})
	return sides
}

// askNow asks what a build would get now, if that is to be compared.
func (r *comparisonReader) askNow(batch *pgx.Batch) {
	if r.b != 0 {
		return
	}
	now := &Side{}
	r.page.B = now
	batch.Queue(`
		SELECT coalesce(a.repo_id, 0), coalesce(r.create_event, 0), r.created, coalesce(a.problems, '{}'), a.set_content
		FROM package p
		LEFT JOIN resolution a ON a.package_id = p.id
		LEFT JOIN repo r ON r.collection_id = p.collection_id AND r.repo_id = a.repo_id
		WHERE p.id = $1`, r.pkg).QueryRow(func(row pgx.Row) error {
		var created *time.Time
		var content []byte
		err := row.Scan(&now.Repo.RepoID, &now.Repo.CreateEvent, &created, &now.Problems, &content)
		now.Repo.CollectionID, now.Repo.Created = r.page.CollectionID, postgres.OrZero(created)
		if err == nil && content != nil {
			now.set, err = r.sets.Decode(content)
		}
		return err
	})
}

// side is that of a build, or the one known already if it is of none.
func (r *comparisonReader) side(records *buildRecords, sides map[int64]*Side, id int64, known *Side) *Side {
	if id == 0 {
		return known
	}
	side := sides[id]
	if side != nil {
		side.BuildRecord = records.byID[id]
	}
	return side
}

// name says what ids stand for.
func (r *comparisonReader) name(ctx context.Context, records *buildRecords) error {
	page, wanted := r.page, map[int32]bool{}
	records.wants(wanted)
	for _, side := range []*Side{page.A, page.B} {
		if side != nil {
			difference{come: side.set}.wants(wanted)
		}
	}
	names, err := r.names.of(ctx, r.db, wanted)
	if err != nil {
		return err
	}
	if err := records.decode(names); err != nil {
		return err
	}
	if page.Set, err = schema.Names(names).Dependencies(page.B.set); err != nil {
		return err
	}
	if page.A != nil && page.A.Size() > 0 && page.B.Size() > 0 {
		page.Changes = Changes{Known: true, Size: page.B.Size()}
		page.Changes.List, err = differ(page.A.set, page.B.set).changes(names)
	}
	return err
}
