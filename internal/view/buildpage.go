package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A BuildPage is everything about one build.
type BuildPage struct {
	BuildRecord
	PackageName  string
	CollectionID int64
	Repo         koschei.Repo         // that it was built in; only its id if the repo is not kept, zero if not known
	Set          []koschei.Dependency // empty if not known
	Compared     ComparedBuild        // with what Set is compared
	Newer        *BuildRef            // the package's next build; nil if there is none
}

// BuildPage returns what there is to know of a build. It is compared with the
// build of the same package that compareWith is the id of, or, if that is 0,
// with the one its changes were stored against or else the newest before it
// whose dependency set is known. An error wraps
// ErrNotFound when there is no such build, or none to compare with.
func (v *View) BuildPage(ctx context.Context, id, compareWith int64) (*BuildPage, error) {
	page := &BuildPage{}
	err := v.db.Read(ctx, func(q postgres.Querier) error {
		builds, err := buildRecords(ctx, q, []int64{id})
		if err != nil {
			return err
		}
		record := builds[id]
		if record == nil {
			return fmt.Errorf("build %d: %w", id, koschei.ErrNotFound)
		}
		page.BuildRecord = *record
		err = q.QueryRow(ctx, `SELECT name, collection_id FROM package WHERE id = $1`, page.PackageID).
			Scan(&page.PackageName, &page.CollectionID)
		if err != nil {
			return err
		}
		if page.RepoID != 0 {
			if page.Repo, err = schema.ReadRepo(ctx, q, page.CollectionID, page.RepoID); err != nil {
				return err
			}
		}
		return v.readBuildSets(ctx, q, page, compareWith)
	})
	if err != nil && !errors.Is(err, koschei.ErrNotFound) {
		err = fmt.Errorf("reading build %d: %w", id, err)
	}
	if err != nil {
		return nil, err
	}
	return page, nil
}

func (v *View) readBuildSets(ctx context.Context, q postgres.Querier, page *BuildPage, compareWith int64) (err error) {
	page.Newer, err = readBuildRef(q.QueryRow(ctx, `
		SELECT `+buildRefColumns+`
		FROM build b
		WHERE b.package_id = $1 AND (b.event, b.id) > ($2, $3)
		ORDER BY b.event, b.id
		LIMIT 1`, page.PackageID, page.Event, page.ID))
	if err != nil {
		return err
	}
	page.Compared.Build, err = readBuildRef(q.QueryRow(ctx, `
		SELECT `+buildRefColumns+`
		FROM build b
		WHERE b.package_id = $1 AND b.deps = 'resolved'
			AND (b.id = $4 OR $4 = 0 AND (b.event, b.id) < ($2, $3) AND b.outcome IN ('running', 'complete', 'failed'))
		ORDER BY b.event DESC, b.id DESC
		LIMIT 1`, page.PackageID, page.Event, page.ID, cmp.Or(compareWith, page.PrevBuildID)))
	switch {
	case err != nil:
		return err
	case page.Compared.Build == nil && compareWith != 0:
		return fmt.Errorf("build %d to compare with: %w", compareWith, koschei.ErrNotFound)
	case page.Compared.Build != nil:
		page.Compared.Set, err = v.pageSet(ctx, q, page.Compared.Build.setID)
	}
	if err == nil && page.DependencySetID != 0 {
		page.Set, err = v.pageSet(ctx, q, page.DependencySetID)
	}
	return err
}
