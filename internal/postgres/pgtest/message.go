package pgtest

import (
	"time"

	"github.com/koschei-ci/koschei"
)

// A Message is a change of a state as the world is told of it.
type Message struct {
	Collection string
	Package    string // "" if it is about the collection
	Old, New   koschei.State
}

// A StateChange is a row as tests look at it.
type StateChange struct {
	Package    string
	Prev, Curr koschei.State
	Changed    time.Time
}

// Messages are all there is to tell of changes of states, the oldest first. Those
// between states that the world does not tell apart are left out.
func (w *World) Messages() []Message {
	w.t.Helper()
	var all []Message
	for _, m := range read[Message](w, `
		SELECT collection, package, before AS old, after AS new
		FROM event
		WHERE kind IN ($1, $2)
		ORDER BY id`, koschei.EventPackageState, koschei.EventCollectionState) {
		if m.Old, m.New = m.Old.Message(), m.New.Message(); m.Old != m.New {
			all = append(all, m)
		}
	}
	return all
}

// StateMessages are those about packages, as "package old new".
func (w *World) StateMessages() []string {
	w.t.Helper()
	var all []string
	for _, m := range w.Messages() {
		if m.Package != "" {
			all = append(all, m.Package+" "+string(m.Old)+" "+string(m.New))
		}
	}
	return all
}

// FailedDelivery has a sink have failed to deliver something for so long, real
// time.
func (w *World) FailedDelivery(sink string, tried time.Duration, why string) {
	w.t.Helper()
	w.delivery(sink, tried, why, false)
}

// DeadDelivery has a sink have given something up that it should deliver.
func (w *World) DeadDelivery(sink, why string) int64 {
	w.t.Helper()
	return w.delivery(sink, 0, why, true)
}

func (w *World) delivery(sink string, tried time.Duration, why string, dead bool) int64 {
	w.t.Helper()
	w.sql.Exec(`INSERT INTO sink (name, created) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING`, sink)
	id := w.sql.Number(`
		WITH added AS (
			INSERT INTO event (at, kind, collection_id, collection)
			SELECT clock_timestamp(), $5, id, name FROM collection ORDER BY id LIMIT 1
			RETURNING id, collection)
		INSERT INTO delivery (sink, event_id, key, subject, attempts, created, error, dead)
		SELECT $1, id, id::text, collection, 1, clock_timestamp() - $2::interval, $3, $4
		FROM added
		RETURNING id`, sink, tried, why, dead, koschei.EventCollectionState)
	w.sql.Exec(`DELETE FROM sink_event`) // it was looked at
	return id
}

// StateChanges are all, the oldest first.
func (w *World) StateChanges() []StateChange {
	w.t.Helper()
	return read[StateChange](w, `
		SELECT p.name AS package, s.prev, s.curr, s.changed
		FROM state_change s
		JOIN package p ON p.id = s.package_id
		ORDER BY s.id`)
}

// Event writes that something happened, as whoever makes it a fact does. Its
// collection, and its package if it is about one, are given by name.
func (w *World) Event(e *koschei.Event) int64 {
	w.t.Helper()
	return w.sql.Number(`
		INSERT INTO event (at, kind, collection_id, collection, package_id, package, repo_id, before, after, detail)
		SELECT $1, $2, c.id, c.name, p.id, coalesce(p.name, ''), nullif($5::bigint, 0), $6, $7, $8
		FROM collection c
		LEFT JOIN package p ON p.collection_id = c.id AND p.name = $4
		WHERE c.name = $3
		RETURNING id`, e.At, e.Kind, e.Collection, e.Package, e.RepoID, e.Before, e.After, e.Detail)
}

// Unresolvable has the dependencies of a package not be installable since a time.
func (w *World) Unresolvable(pkg string, since time.Time, problems ...string) {
	w.t.Helper()
	w.sql.Exec(`
		INSERT INTO resolution_change (package_id, repo_id, resolved, problems, changed)
		SELECT id, 1, false, $2, $3 FROM package WHERE name = $1`, pkg, problems, since)
	w.sql.Exec(`
		INSERT INTO resolution (package_id, collection_id, repo_id, problems)
		SELECT id, collection_id, 1, $2 FROM package WHERE name = $1
		ON CONFLICT (package_id) DO UPDATE SET problems = excluded.problems`, pkg, problems)
}

// SetDeliveriesDue has all that is to be delivered, or to be put into letters, be
// tried at once.
func (w *World) SetDeliveriesDue() {
	w.t.Helper()
	w.sql.Exec(`UPDATE awaited SET due = clock_timestamp()`)
	w.sql.Exec(`UPDATE delivery SET due = clock_timestamp() WHERE sent IS NULL AND NOT dead`)
}

// RetryDeliveries has all be tried at once that was tried before.
func (w *World) RetryDeliveries() {
	w.t.Helper()
	w.sql.Exec(`
		UPDATE delivery
		SET due = clock_timestamp()
		WHERE sent IS NULL AND NOT dead AND attempts > 0 AND due > clock_timestamp()`)
}

// DeadDeliveries is how many deliveries were given up.
func (w *World) DeadDeliveries() int64 {
	w.t.Helper()
	return w.sql.Number(`SELECT count(*) FROM delivery WHERE dead`)
}

// Sinks are the names of those that a notifier has opened.
func (w *World) Sinks() []string {
	w.t.Helper()
	return w.sql.Lines(`SELECT name FROM sink ORDER BY name`)
}

// UnsentDeliveries is how many deliveries are neither sent nor given up, events
// that nobody looked at for some sink, and those that no letter tells yet.
func (w *World) UnsentDeliveries() int {
	w.t.Helper()
	return int(w.sql.Number(`
		SELECT (SELECT count(*) FROM delivery WHERE sent IS NULL AND NOT dead) + (SELECT count(*) FROM sink_event)
			+ (SELECT count(*) FROM awaited)`))
}

// Owns has a person own packages.
func (w *World) Owns(owner string, packages ...string) {
	w.t.Helper()
	for _, name := range packages {
		w.sql.Exec(`INSERT INTO package_owner (name, owner) VALUES ($1, $2)`, name, owner)
	}
}

// Subscription has a user, who is made if need be, hear of a package by mail.
func (w *World) Subscription(user, pkg, token string) int64 {
	w.t.Helper()
	w.sql.Exec(`INSERT INTO users (name) VALUES ($1) ON CONFLICT DO NOTHING`, user)
	return w.sql.Number(`
		INSERT INTO subscription (user_id, sink, scope, name, tell, pace, together, token)
		SELECT id, 'mail', 'package', $2, 'all', 'at once', true, $3 FROM users WHERE name = $1
		RETURNING id`, user, pkg, token)
}

// Follows has a user, who is made if need be, hear at once of everything about
// something by mail.
func (w *World) Follows(user string, scope koschei.Scope, name string) {
	w.t.Helper()
	w.FollowsBy(koschei.SinkMail, user, scope, name)
}

// FollowsBy is Follows by another way than mail.
func (w *World) FollowsBy(sink, user string, scope koschei.Scope, name string) {
	w.t.Helper()
	w.sql.Exec(`INSERT INTO users (name) VALUES ($1) ON CONFLICT DO NOTHING`, user)
	w.sql.Exec(`
		INSERT INTO subscription (user_id, sink, scope, name, tell, pace, together, token)
		SELECT id, $4, $2, $3, 'all', 'at once', true, md5(random()::text) FROM users WHERE name = $1`, user, scope, name, sink)
}

// MailRefused has mail to a user have been refused so often that none is sent.
func (w *World) MailRefused(user string) {
	w.t.Helper()
	w.sql.Exec(`INSERT INTO mailbox (user_id, refused, reason, disabled) SELECT id, 3, 'no such user', clock_timestamp() FROM users WHERE name = $1`, user)
}

// SetBugzilla has bugs of a collection be reported for a product and a version.
func (w *World) SetBugzilla(collection, product, version string) {
	w.t.Helper()
	w.sql.Exec(`UPDATE collection SET bugzilla_product = $2, bugzilla_version = $3 WHERE name = $1`, collection, product, version)
}

// Lacks has a package lack something that an update of a source package took away.
func (w *World) Lacks(pkg, dependency, source, before, after string) {
	w.t.Helper()
	w.sql.Exec(`
		WITH lacking AS (
			INSERT INTO unmet (collection_id, dependency, needed_by, needed_version, repo_id, since, why, source, source_before, source_after, provider)
			SELECT collection_id, $2, '', '', 1, clock_timestamp(), 'gone', $3, $4, $5, ''
			FROM package
			WHERE name = $1
			RETURNING id)
		INSERT INTO unmet_package (unmet_id, package_id, asked)
		SELECT lacking.id, p.id, $2
		FROM lacking, package p
		WHERE p.name = $1`, pkg, dependency, source, before, after)
}

// Hook has a user, who is made if need be, have a web hook.
func (w *World) Hook(user, url, secrets string) {
	w.t.Helper()
	w.sql.Exec(`INSERT INTO users (name) VALUES ($1) ON CONFLICT DO NOTHING`, user)
	w.sql.Exec(`INSERT INTO hook (user_id, url, secrets) SELECT id, $2, $3 FROM users WHERE name = $1`, user, url, secrets)
}
