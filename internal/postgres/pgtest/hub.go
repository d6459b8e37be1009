package pgtest

import (
	"time"

	"github.com/koschei-ci/koschei"
)

// A RepoMapping is a repo of the secondary hub on its way to the primary one.
type RepoMapping struct {
	RepoID    int64
	Event     int64
	TaskID    int64 // 0 while none is known
	PrimaryID int64 // 0 until it is there
	Failures  int
	Failed    bool // the last attempt; there will be another one
}

// A RepoRequest is a repo of the past that a hub is asked for.
type RepoRequest struct {
	Event int64
	State string
}

// RepoMappings are all, by repo.
func (w *World) RepoMappings() []RepoMapping {
	w.t.Helper()
	return read[RepoMapping](w, `
		SELECT repo_id, event, coalesce(task_id, 0) AS task_id, coalesce(primary_repo_id, 0) AS primary_id, failures,
			retry IS NOT NULL AS failed
		FROM repo_mapping
		ORDER BY repo_id`)
}

// LoseMappingTasks forgets the tasks of all mappings.
func (w *World) LoseMappingTasks() {
	w.t.Helper()
	w.sql.Exec(`UPDATE repo_mapping SET task_id = NULL`)
}

// RepoRequests are all, by event.
func (w *World) RepoRequests() []RepoRequest {
	w.t.Helper()
	return read[RepoRequest](w, `SELECT event, state FROM repo_request ORDER BY event`)
}

// LoseRequestTasks forgets what the hub answered to all requests for repos.
func (w *World) LoseRequestTasks() {
	w.t.Helper()
	w.sql.Exec(`UPDATE repo_request SET request_id = NULL, task_id = NULL`)
}

// Refusal has a hub have refused us something.
func (w *World) Refusal(hub koschei.Hub, what string, at time.Time) {
	w.t.Helper()
	w.sql.Exec(`INSERT INTO hub_refusal (hub, what, refused) VALUES ($1, $2, $3)`, hub, what, at)
}

// Refusals are what hubs refused us.
func (w *World) Refusals() []string {
	w.t.Helper()
	return w.sql.Lines(`SELECT what FROM hub_refusal ORDER BY what`)
}

// SetTagBasis changes what all tags were asked of.
func (w *World) SetTagBasis(basis string) {
	w.t.Helper()
	w.sql.Exec(`UPDATE tag_cursor SET basis = $1`, basis)
}

// SetTagEvent changes up to where all tags are known.
func (w *World) SetTagEvent(event int64) {
	w.t.Helper()
	w.sql.Exec(`UPDATE tag_cursor SET event = $1`, event)
}

// LeaveOver has the hub not have been able to speak of these packages.
func (w *World) LeaveOver(packages ...string) {
	w.t.Helper()
	w.sql.Exec(`UPDATE tag_cursor SET pending = $1`, packages)
}

// ForgetTags has everything be asked for anew.
func (w *World) ForgetTags() {
	w.t.Helper()
	w.sql.Exec(`DELETE FROM tag_cursor`)
}

// Doubted has the hub say that all packages of a collection lost their builds,
// which is not believed.
func (w *World) Doubted(collection string) {
	w.t.Helper()
	w.sql.Exec(`
		INSERT INTO doubt (collection_id, what, packages, total, since, seen, steady)
		SELECT c.id, 'untagged', count(*), count(*), now(), now(), now()
		FROM collection c JOIN package p ON p.collection_id = c.id
		WHERE c.name = $1
		GROUP BY c.id`, collection)
}
