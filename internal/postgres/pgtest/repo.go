package pgtest

import (
	"time"

	"github.com/koschei-ci/koschei"
)

// A Repo is a row as tests look at it.
type Repo struct {
	Collection      string
	RepoID          int64
	State           koschei.RepoState
	BeginEvent      int64
	Resolved        koschei.Resolution
	Problems        []string
	Packages        int
	PackagesFailed  int
	PackagesChanged int
	Solved          time.Time
}

// Repo adds a repo, made at its id as an event, to a collection.
func (w *World) Repo(collection string, id int64, created time.Time) {
	w.t.Helper()
	w.sql.Exec(`
		INSERT INTO repo (collection_id, repo_id, create_event, created)
		SELECT id, $2, $2, $3 FROM collection WHERE name = $1`, collection, id, created)
}

// Repos are all, by their ids.
func (w *World) Repos() []Repo {
	w.t.Helper()
	return read[Repo](w, `
		SELECT c.name AS collection, r.repo_id, r.state, r.begin_event, r.resolved, r.problems,
			r.packages, r.packages_failed, r.packages_changed, coalesce(r.solved, `+never+`) AS solved
		FROM repo r
		JOIN collection c ON c.id = r.collection_id
		ORDER BY r.repo_id, r.collection_id`)
}

// NewestRepo is the one with the highest id.
func (w *World) NewestRepo() Repo {
	w.t.Helper()
	all := w.Repos()
	if len(all) == 0 {
		w.t.Fatal("there is no repo")
	}
	return all[len(all)-1]
}
