package schema

import "github.com/koschei-ci/koschei"

// EventColumns are those of koschei.Event, of a table called e.
const EventColumns = `e.id, e.at, e.kind, e.collection_id, e.collection, coalesce(e.package_id, 0), e.package,
	coalesce(e.build_id, 0), coalesce(e.repo_id, 0), e.before, e.after, e.detail`

// EventFields are where EventColumns are scanned to.
func EventFields(e *koschei.Event) []any {
	return []any{
		&e.ID, &e.At, &e.Kind, &e.CollectionID, &e.Collection, &e.PackageID, &e.Package,
		&e.BuildID, &e.RepoID, &e.Before, &e.After, &e.Detail,
	}
}
