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
	return names.Dependencies(set)
}

// Names are packages by the ids that they are stored under.
type Names map[int32]*rpm.NEVRA

// Dependencies says what the members of a set are.
func (names Names) Dependencies(set depset.Set) ([]koschei.Dependency, error) {
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

// Wants puts the ids of the changes among those that are wanted.
func (c CodedChanges) Wants(wanted map[int32]bool) {
	for i := range c.Curr {
		wanted[c.Prev[i]], wanted[c.Curr[i]] = true, true
	}
}

// DecodeChanges looks up what the coded changes of each key are.
func DecodeChanges[K comparable](ctx context.Context, q postgres.Querier, coded map[K]CodedChanges) (map[K][]koschei.Change, error) {
	wanted := map[int32]bool{}
	for _, c := range coded {
		c.Wants(wanted)
	}
	names, err := NEVRAsByID(ctx, q, slices.Collect(maps.Keys(wanted)))
	if err != nil {
		return nil, err
	}
	decoded := map[K][]koschei.Change{}
	for key, c := range coded {
		if decoded[key], err = names.Changes(c); err != nil {
			return nil, fmt.Errorf("stored changes of %v: %w", key, err)
		}
	}
	return decoded, nil
}

// Changes says what coded changes are.
func (names Names) Changes(c CodedChanges) (changes []koschei.Change, err error) {
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
			return nil, fmt.Errorf("%w: no package has the id %d or %d", depset.ErrDamaged, c.Prev[i], c.Curr[i])
		}
		changes = append(changes, change)
	}
	return changes, nil
}

// NEVRAsByID returns the packages that ids stand for.
func NEVRAsByID(ctx context.Context, q postgres.Querier, ids []int32) (Names, error) {
	rows, err := q.Query(ctx, `SELECT id, name, epoch, version, release, arch FROM nevra WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	byID := Names{}
	var id int32
	var n rpm.NEVRA
	_, err = pgx.ForEachRow(rows, []any{&id, &n.Name, &n.Epoch, &n.Version, &n.Release, &n.Arch}, func() error {
		nevra := n
		byID[id] = &nevra
		return nil
	})
	return byID, err
}
