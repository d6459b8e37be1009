package pgtest

import (
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A Report is what a service said of a collection.
type Report struct {
	Collection string
	Service    koschei.Service
	Remark     string
	Trouble    string
}

// A Finding is what the self-check found.
type Finding struct {
	Kind     koschei.FindingKind
	Sentence string
	Repair   string // "" if there was none
	Lasts    bool
}

// Reports are all, by collection and service.
func (w *World) Reports() []Report {
	w.t.Helper()
	return read[Report](w, `
		SELECT c.name AS collection, s.service, s.remark, s.trouble
		FROM collection_service s
		JOIN collection c ON c.id = s.collection_id
		ORDER BY c.name, s.service`)
}

// RemoveReports forgets what a service has said.
func (w *World) RemoveReports(service koschei.Service) {
	w.t.Helper()
	w.sql.Exec(`DELETE FROM collection_service WHERE service = $1`, service)
}

// AgeStarts makes all starts of services longer ago.
func (w *World) AgeStarts(by time.Duration) {
	w.t.Helper()
	w.sql.Exec(`UPDATE service_start SET started = started - $1::interval`, by)
}

// Findings are all, the oldest first.
func (w *World) Findings() []Finding {
	w.t.Helper()
	return read[Finding](w, `
		SELECT kind, sentence, repair, ended IS NULL AS lasts FROM finding ORDER BY first_seen, id`)
}

// A Lease is a row as tests look at it.
type Lease struct {
	Name   string
	Holder postgres.Holder // the last one
	Held   bool            // now
}

// Lease has a lease have run out that long ago, released or not.
func (w *World) Lease(name string, holder postgres.Holder, ago time.Duration, released bool) {
	w.t.Helper()
	w.sql.Exec(`
		INSERT INTO lease (name, holder, term, expires, released)
		VALUES ($1, $2, 1, clock_timestamp() - $3::interval, $4)`, name, holder, ago, released)
}

// RemoveLeases takes all leases from their holders.
func (w *World) RemoveLeases() {
	w.t.Helper()
	w.sql.Exec(`DELETE FROM lease`)
}

// RemoveLease takes a lease from its holder.
func (w *World) RemoveLease(name string) {
	w.t.Helper()
	w.sql.Exec(`DELETE FROM lease WHERE name = $1`, name)
}

// Leases are all, held or not, by name.
func (w *World) Leases() []Lease {
	w.t.Helper()
	return read[Lease](w, `SELECT name, holder, expires > clock_timestamp() AS held FROM lease ORDER BY name`)
}
