package schema

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Dependencies looks up what the members of a set are.
func Dependencies(ctx context.Context, q postgres.Querier, set depset.Set) ([]koschei.Dependency, error) {
	ids := make([]int32, len(set))
	for i, m := range set {
		ids[i] = m.ID
	}
	names, err := NEVRAsByID(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	deps := make([]koschei.Dependency, len(set))
	for i, m := range set {
		nevra, ok := names[m.ID]
		if !ok {
			return nil, fmt.Errorf("%w: no package has the id %d", depset.ErrDamaged, m.ID)
		}
		deps[i] = koschei.Dependency{NEVRA: *nevra, Distance: int(m.Distance)}
	}
	slices.SortFunc(deps, koschei.CompareDependencies)
	return deps, nil
}

// CodedChanges are changes as they are stored: ids of nevra rows.
type CodedChanges struct {
	Prev, Curr []int32
	Distance   []int16
}

// DecodeChanges looks up what the coded changes of each key are.
func DecodeChanges[K comparable](ctx context.Context, q postgres.Querier, coded map[K]CodedChanges) (map[K][]koschei.Change, error) {
	wanted := map[int32]bool{}
	for _, c := range coded {
		for i := range c.Curr {
			wanted[c.Prev[i]], wanted[c.Curr[i]] = true, true
		}
	}
	names, err := NEVRAsByID(ctx, q, slices.Collect(maps.Keys(wanted)))
	if err != nil {
		return nil, err
	}
	decoded := map[K][]koschei.Change{}
	for key, c := range coded {
		for i := range c.Curr {
			change := koschei.Change{Prev: names[c.Prev[i]], Curr: names[c.Curr[i]]}
			if i < len(c.Distance) {
				change.Distance = int(c.Distance[i])
			}
			switch {
			case change.Curr != nil:
				change.Name = change.Curr.Name
			case change.Prev != nil:
				change.Name = change.Prev.Name
			default:
				return nil, fmt.Errorf("stored changes of %v: no package has the id %d or %d", key, c.Prev[i], c.Curr[i])
			}
			decoded[key] = append(decoded[key], change)
		}
	}
	return decoded, nil
}

// NEVRAsByID returns the packages that ids stand for.
func NEVRAsByID(ctx context.Context, q postgres.Querier, ids []int32) (map[int32]*rpm.NEVRA, error) {
	rows, err := q.Query(ctx, `SELECT id, name, epoch, version, release, arch FROM nevra WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	byID := map[int32]*rpm.NEVRA{}
	var id int32
	var n rpm.NEVRA
	_, err = pgx.ForEachRow(rows, []any{&id, &n.Name, &n.Epoch, &n.Version, &n.Release, &n.Arch}, func() error {
		nevra := n
		byID[id] = &nevra
		return nil
	})
	return byID, err
}
