package view

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// mostNames is how many packages a process remembers: the buildroots of a large
// distribution, some 30 MB.
const mostNames = 200_000

// names remembers what ids of binary packages stand for, which never changes. It
// is safe for concurrent use.
type names struct {
	mu    sync.RWMutex
	known map[int32]*rpm.NEVRA
}

// of returns the packages with the wanted ids, asking for those not known yet.
func (n *names) of(ctx context.Context, q postgres.Querier, wanted map[int32]bool) (schema.Names, error) {
	found := make(schema.Names, len(wanted))
	var missing []int32
	n.mu.RLock()
	for id := range wanted {
		if nevra := n.known[id]; nevra != nil {
			found[id] = nevra
		} else if id != 0 {
			missing = append(missing, id)
		}
	}
	n.mu.RUnlock()
	if len(missing) == 0 {
		return found, nil
	}
	read, err := schema.NEVRAsByID(ctx, q, missing)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil || len(n.known)+len(read) > mostNames {
		n.known = map[int32]*rpm.NEVRA{}
	}
	maps.Copy(n.known, read)
	maps.Copy(found, read)
	return found, nil
}

// A difference is what two dependency sets do not share.
type difference struct {
	gone, come depset.Set
}

func differ(prev, curr depset.Set) (d difference) {
	d.gone, d.come = depset.Diff(prev, curr)
	return d
}

func (d difference) wants(wanted map[int32]bool) {
	for _, m := range slices.Concat(d.gone, d.come) {
		wanted[m.ID] = true
	}
}

// changes says what changed, nearest first.
func (d difference) changes(n schema.Names) ([]koschei.Change, error) {
	gone, err := n.Dependencies(d.gone)
	if err != nil {
		return nil, err
	}
	come, err := n.Dependencies(d.come)
	if err != nil {
		return nil, err
	}
	return koschei.DiffDependencies(gone, come), nil
}
