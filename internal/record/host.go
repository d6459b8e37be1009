package record

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// Hosts returns the names of a hub's builders that are known, by their ids.
func (rec *Record) Hosts(ctx context.Context, hub koschei.Hub) (map[int64]string, error) {
	rows, err := rec.db.Query(ctx, `SELECT host_id, name FROM host WHERE hub = $1`, hub)
	if err != nil {
		return nil, fmt.Errorf("reading names of builders: %w", err)
	}
	names := map[int64]string{}
	var id int64
	var name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		names[id] = name
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading names of builders: %w", err)
	}
	return names, nil
}

// SaveHosts stores names of a hub's builders.
func (rec *Record) SaveHosts(ctx context.Context, hub koschei.Hub, names map[int64]string) error {
	ids, texts := make([]int64, 0, len(names)), make([]string, 0, len(names))
	for id, name := range names {
		ids, texts = append(ids, id), append(texts, name)
	}
	_, err := rec.db.ExecOne(ctx, `
		INSERT INTO host (hub, host_id, name)
		SELECT $1, h.id, h.name
		FROM unnest($2::bigint[], $3::text[]) AS h (id, name)
		ORDER BY h.id
		ON CONFLICT (hub, host_id) DO UPDATE SET name = excluded.name`, hub, ids, texts)
	if err != nil {
		return fmt.Errorf("storing names of builders: %w", err)
	}
	return nil
}
