package edit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/schema"
)

// RetryPinning has the next builds ask for repos of our choice again, although
// the hub did not let earlier ones.
func (ed *Editor) RetryPinning(ctx context.Context, act audit.Act) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO hub_refusal (hub, what, refused)
			VALUES ('primary', $1, $2)
			ON CONFLICT (hub, what) DO UPDATE SET refused = excluded.refused`, schema.PinningRetried, act.Now)
		if err != nil {
			return fmt.Errorf("trying to choose repos again: %w", err)
		}
		log.Add("", "", "builds ask again for the repos that their verdicts are about")
		return postgres.Wake(ctx, tx, 0, koschei.ServiceScheduler)
	})
}

// AcceptNews says that what the hub says of a collection is true, although so
// many packages lose their builds or are blocked. Polling stores it. The
// error wraps koschei.ErrNotFound if nothing is doubted.
func (ed *Editor) AcceptNews(ctx context.Context, act audit.Act, collection string) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		c, err := schema.LockCollection(ctx, tx, collection)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			UPDATE doubt
			SET accepted = $2
			WHERE collection_id = $1
			RETURNING what, packages, total`, c.ID, act.Now)
		if err != nil {
			return fmt.Errorf("accepting news of collection %s: %w", collection, err)
		}
		var what string
		var packages, total int
		found := false
		_, err = pgx.ForEachRow(rows, []any{&what, &packages, &total}, func() error {
			found = true
			log.Add(collection, "", "accepted: %d of %d packages of collection %s are %s", packages, total, collection, what)
			return nil
		})
		if err != nil {
			return fmt.Errorf("accepting news of collection %s: %w", collection, err)
		}
		if !found {
			return fmt.Errorf("news of collection %s that are not believed: %w", collection, koschei.ErrNotFound)
		}
		return postgres.Wake(ctx, tx, c.ID, koschei.ServicePolling)
	})
}
