package schema

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A SetContent is a set as it is stored, some bytes for a package.
type SetContent []byte

// DecodeSets makes stored contents sets again.
func DecodeSets(codec *depset.Codec, contents map[int64]SetContent) (map[int64]depset.Set, error) {
	sets := make(map[int64]depset.Set, len(contents))
	for id, content := range contents {
		set, err := codec.Decode(content)
		if err != nil {
			return nil, fmt.Errorf("reading dependency set %d: %w", id, err)
		}
		sets[id] = set
	}
	return sets, nil
}

// LoadSetContents reads stored dependency sets by their ids; see DecodeSets.
func LoadSetContents(ctx context.Context, q postgres.Querier, ids []int64) (map[int64]SetContent, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := q.Query(ctx, `SELECT id, content FROM dependency_set WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("reading dependency sets: %w", err)
	}
	contents := make(map[int64]SetContent, len(ids))
	var id int64
	var content SetContent
	_, err = pgx.ForEachRow(rows, []any{&id, (*[]byte)(&content)}, func() error {
		contents[id], content = content, nil
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading dependency sets: %w", err)
	}
	return contents, nil
}
