package kojisync

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
)

// hosts remembers which builders' names are stored, so that the hub is asked for
// each of them once.
type hosts struct {
	mu    sync.Mutex
	known map[koschei.Hub]map[int64]string // nil for a hub whose builders were not read yet
}

// learnHosts stores the names of the builders that tasks ran on, unless they are
// stored already.
func (s *Sync) learnHosts(ctx context.Context, name koschei.Hub, hub *koji.Client, trees []koji.Children) error {
	h := s.hosts
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known[name] == nil {
		stored, err := s.DB.Hosts(ctx, name)
		if err != nil {
			return err
		}
		if h.known == nil {
			h.known = map[koschei.Hub]map[int64]string{}
		}
		h.known[name] = stored
	}
	met := map[int64]bool{}
	var ids []int64
	for _, tree := range trees {
		for i := range tree.Tasks {
			id := tree.Tasks[i].HostID
			if _, known := h.known[name][id]; id != 0 && !known && !met[id] {
				met[id], ids = true, append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	names, err := hub.HostNames(ctx, ids)
	if err != nil {
		return fmt.Errorf("names of builders: %w", err)
	}
	if err := s.DB.SaveHosts(ctx, name, names); err != nil {
		return err
	}
	maps.Copy(h.known[name], names)
	return nil
}
