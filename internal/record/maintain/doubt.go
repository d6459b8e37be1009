package maintain

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Doubt is what a hub says of so many packages of a collection at once that
// it is not believed before somebody says that it is true.
type Doubt struct {
	CollectionID int64
	Collection   string
	What         string // that they are: "untagged" or "blocked"
	Packages     int
	Total        int // of the collection's
	Since        time.Time
}

// Doubts returns all that is not believed, by the names of the collections.
func (mt *Maintenance) Doubts(ctx context.Context) ([]Doubt, error) {
	rows, err := mt.db.Query(ctx, `
		SELECT c.id, c.name, d.what, d.packages, d.total, d.since
		FROM doubt d
		JOIN collection c ON c.id = d.collection_id
		WHERE d.accepted IS NULL
		ORDER BY c.name, d.what`)
	if err != nil {
		return nil, fmt.Errorf("reading what is not believed: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Doubt])
}
