package pgtest

import (
	"time"

	"github.com/koschei-ci/koschei"
)

// A Message is what is to be sent to the world.
type Message struct {
	ID    int64
	Topic string
	Body  string // JSON

	Name string // of the package that it is about
	Old  string // its state before
	New  string // its state
}

// A StateChange is a row as tests look at it.
type StateChange struct {
	Package    string
	Prev, Curr koschei.State
	Changed    time.Time
}

// Message adds one that nobody has tried to send.
func (w *World) Message(topic string, created time.Time) {
	w.t.Helper()
	w.sql.Exec(`INSERT INTO outbox (topic, body, created) VALUES ($1, '{}', $2)`, topic, created)
}

// TryMessages has somebody have tried to send all messages so many times.
func (w *World) TryMessages(attempts int) {
	w.t.Helper()
	w.sql.Exec(`UPDATE outbox SET attempts = $1`, attempts)
}

// RemoveMessages deletes all messages.
func (w *World) RemoveMessages() {
	w.t.Helper()
	w.sql.Exec(`DELETE FROM outbox`)
}

// Messages are all, the oldest first.
func (w *World) Messages() []Message {
	w.t.Helper()
	return read[Message](w, `
		SELECT id, topic, body::text AS body,
			coalesce(body->>'name', '') AS name, coalesce(body->>'old', '') AS old, coalesce(body->>'new', '') AS new
		FROM outbox
		ORDER BY id`)
}

// StateMessages are those about changes of packages' states, the oldest first,
// as "package old new".
func (w *World) StateMessages() []string {
	w.t.Helper()
	var all []string
	for _, m := range w.Messages() {
		if m.Topic == "package.state.change" {
			all = append(all, m.Name+" "+m.Old+" "+m.New)
		}
	}
	return all
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
