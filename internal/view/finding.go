package view

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// shownFindings is how many findings that have ended are read.
const shownFindings = 50

// readFindings returns findings, those that last first, then the newest.
func readFindings(ctx context.Context, q postgres.Querier) ([]koschei.Finding, error) {
	rows, err := q.Query(ctx, `
		SELECT f.kind, coalesce(f.collection_id, 0), coalesce(c.name, ''), f.subject, f.sentence, f.count,
			f.first_seen, f.last_seen, f.ended, f.repair
		FROM (
			SELECT id, kind, collection_id, subject, sentence, count, first_seen, last_seen, ended, repair
			FROM finding
			WHERE ended IS NULL
			UNION ALL
			(SELECT id, kind, collection_id, subject, sentence, count, first_seen, last_seen, ended, repair
			FROM finding
			WHERE ended IS NOT NULL
			ORDER BY ended DESC, id DESC
			LIMIT $1)
		) f
		LEFT JOIN collection c ON c.id = f.collection_id
		ORDER BY f.ended DESC NULLS FIRST, f.first_seen, f.id`, shownFindings)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (f koschei.Finding, err error) {
		var ended *time.Time
		err = row.Scan(&f.Kind, &f.CollectionID, &f.Collection, &f.Subject, &f.Sentence, &f.Count,
			&f.FirstSeen, &f.LastSeen, &ended, &f.Repair)
		f.Ended = postgres.OrZero(ended)
		return f, err
	})
}
