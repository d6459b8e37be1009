package edit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// Resend has deliveries sent again as soon as they can be, whether they were sent
// or given up. Who receives one again can tell by its message id.
func (ed *Editor) Resend(ctx context.Context, act audit.Act, ids []int64) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		for _, id := range ids {
			var sink string
			var event int64
			err := tx.QueryRow(ctx, `
				UPDATE delivery
				SET sent = NULL, dead = false, attempts = 0, due = clock_timestamp()
				WHERE id = $1
				RETURNING sink, event_id`, id).Scan(&sink, &event)
			if err != nil {
				return postgres.NotFound(err, "delivery %d", id)
			}
			log.Add("", "", "delivery %d of event %d by sink %s is sent again", id, event, sink)
		}
		return postgres.Wake(ctx, tx, 0, koschei.ServiceNotifier)
	})
}

// ResendDead has all deliveries sent again that a sink has given up.
func (ed *Editor) ResendDead(ctx context.Context, act audit.Act, sink string) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		if err := needSink(ctx, tx, sink); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			UPDATE delivery
			SET dead = false, attempts = 0, due = clock_timestamp()
			WHERE sink = $1 AND dead`, sink)
		if err != nil {
			return fmt.Errorf("having deliveries sent again: %w", err)
		}
		if n := tag.RowsAffected(); n > 0 {
			log.Add("", "", "%d deliveries that sink %s had given up are sent again", n, sink)
		}
		return postgres.Wake(ctx, tx, 0, koschei.ServiceNotifier)
	})
}

// ForgetSink removes a sink with all it was to deliver. If a notifier still has
// it, it begins anew.
func (ed *Editor) ForgetSink(ctx context.Context, act audit.Act, sink string) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		if err := needSink(ctx, tx, sink); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM sink WHERE name = $1`, sink); err != nil {
			return fmt.Errorf("removing sink %s: %w", sink, err)
		}
		log.Add("", "", "sink %s removed", sink)
		return nil
	})
}

func needSink(ctx context.Context, tx pgx.Tx, sink string) error {
	err := tx.QueryRow(ctx, `SELECT name FROM sink WHERE name = $1 FOR NO KEY UPDATE`, sink).Scan(&sink)
	return postgres.NotFound(err, "sink %q", sink)
}
