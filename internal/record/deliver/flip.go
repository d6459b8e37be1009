package deliver

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A flip is a change that may be taken back before anybody was told of it.
type flip struct {
	event     koschei.Event
	heldUntil time.Time // zero if it is not held
}

// takenBackBy says whether an event leads back to where f began, in time.
func (f *flip) takenBackBy(e *koschei.Event) bool {
	before, _ := f.event.Told()
	_, after := e.Told()
	return f.event.Kind == e.Kind && before == after && e.At.Before(f.heldUntil)
}

// withoutFlips returns what is to be told of new events, and the events among
// those that wait of which nobody is to be told any more. Both are in their order.
func withoutFlips(waiting []flip, news []Prospect) (told []Prospect, withdrawn []int64) {
	chains := map[string][]flip{} // by subject: what nobody was told of yet
	for _, f := range waiting {
		chains[f.event.Subject()] = append(chains[f.event.Subject()], f)
	}
	gone := map[int64]bool{}
	for i := range news {
		e := &news[i].Event
		chain := chains[e.Subject()]
		begin := len(chain)
		for j := range chain {
			if chain[j].takenBackBy(e) {
				begin = j
				break
			}
		}
		if begin == len(chain) {
			chains[e.Subject()] = append(chain, flip{*e, news[i].HeldUntil})
			continue
		}
		left := chain[:begin:begin]
		for _, f := range chain[begin:] {
			// What is said of who broke it goes with it.
			if f.event.Kind == e.Kind || f.event.Kind == koschei.EventCulprit && e.Kind == koschei.EventPackageState {
				gone[f.event.ID] = true
			} else {
				left = append(left, f)
			}
		}
		gone[e.ID] = true
		chains[e.Subject()] = left
	}
	for _, f := range waiting {
		if gone[f.event.ID] {
			withdrawn = append(withdrawn, f.event.ID)
		}
	}
	for _, p := range news {
		if !gone[p.Event.ID] {
			told = append(told, p)
		}
	}
	return told, withdrawn
}

// untried returns the events that wait to be told about the subjects of new ones
// and that nobody has tried to tell, in their order, and keeps everybody from
// trying until tx ends.
func untried(ctx context.Context, tx pgx.Tx, sink string, news []Prospect) ([]flip, error) {
	subjects := make([]string, len(news))
	for i := range news {
		subjects[i] = news[i].Event.Subject()
	}
	rows, err := tx.Query(ctx, `
		SELECT d.held_until, `+schema.EventColumns+`
		FROM delivery d
		JOIN event e ON e.id = d.event_id
		WHERE d.sink = $1 AND d.subject = ANY($2) AND d.sent IS NULL AND NOT d.dead AND d.attempts = 0
		ORDER BY d.id
		FOR UPDATE OF d`, sink, subjects)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (f flip, err error) {
		var held *time.Time
		err = row.Scan(append([]any{&held}, schema.EventFields(&f.event)...)...)
		if held != nil {
			f.heldUntil = *held
		}
		return f, err
	})
}
