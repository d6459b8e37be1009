package maintain

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// findingsKept is how long a finding is remembered after its end.
const findingsKept = 30 * 24 * time.Hour

// SaveFindings stores what a self-check of some kinds found. Of findings that
// last, those that were found before are the same one; those of these kinds that
// were not found again have ended.
func (mt *Fenced) SaveFindings(ctx context.Context, checked []koschei.FindingKind, findings []koschei.Finding, now time.Time) error {
	err := mt.db.Transact(ctx, func(tx pgx.Tx) error {
		var batch pgx.Batch
		for i := range findings {
			f := &findings[i]
			batch.Queue(`
				INSERT INTO finding AS f (kind, collection_id, subject, sentence, count, first_seen, last_seen)
				SELECT @kind, nullif(@collection::bigint, 0), @subject, @sentence, @count, @now, @now
				WHERE @collection::bigint = 0 OR EXISTS (SELECT FROM collection WHERE id = @collection::bigint)
				ON CONFLICT (kind, subject) WHERE ended IS NULL DO UPDATE
				SET sentence = excluded.sentence, count = excluded.count, last_seen = excluded.last_seen`,
				pgx.NamedArgs{
					"kind": f.Kind, "collection": f.CollectionID, "subject": f.Subject, "sentence": f.Sentence, "count": f.Count,
					"now": now,
				})
			if f.Repair != "" {
				batch.Queue(`
					UPDATE finding
					SET ended = $3, repair = $4
					WHERE kind = $1 AND subject = $2 AND ended IS NULL`, f.Kind, f.Subject, now, f.Repair)
			}
		}
		kinds, subjects := make([]string, len(findings)), make([]string, len(findings))
		for i := range findings {
			kinds[i], subjects[i] = string(findings[i].Kind), findings[i].Subject
		}
		looked := make([]string, len(checked))
		for i, k := range checked {
			looked[i] = string(k)
		}
		batch.Queue(`
			UPDATE finding f
			SET ended = $1
			WHERE f.ended IS NULL AND f.kind = ANY($2)
				AND NOT EXISTS (SELECT FROM unnest($3::text[], $4::text[]) AS s (kind, subject)
					WHERE s.kind = f.kind AND s.subject = f.subject)`, now, looked, kinds, subjects)
		batch.Queue(`DELETE FROM finding WHERE ended < $1`, now.Add(-findingsKept))
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return fmt.Errorf("storing what the self-check found: %w", err)
	}
	return nil
}
