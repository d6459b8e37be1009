package web

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
)

// frames remembers for a moment what surrounds every page: it is asked for at
// every request and changes a few times an hour.
type frames struct {
	mu    sync.Mutex
	frame *view.Frame // not changed any more
	asked time.Time   // real time
}

// frameLasts is how long a page may tell of collections and notice as they were.
const frameLasts = time.Second

// get returns a frame that was read no longer than frameLasts before now, which
// is real time.
func (f *frames) get(ctx context.Context, v *view.View, now time.Time) (*view.Frame, error) {
	f.mu.Lock()
	frame, asked := f.frame, f.asked
	f.mu.Unlock()
	if frame != nil && now.Sub(asked) < frameLasts {
		return frame, nil
	}
	frame, err := v.Frame(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.After(f.asked) {
		f.frame, f.asked = frame, now
	}
	return frame, nil
}

// surround gives r what its page is surrounded by.
func (s *Server) surround(r *Request) error {
	frame, err := s.frames.get(r.Context(), s.View, s.real())
	if err != nil {
		return err
	}
	r.notice, r.All, r.Current = frame.Notice, frame.Collections, frame.Collections
	named := namedCollections(r.URL.Query())
	if len(named) == 0 {
		return nil
	}
	r.Current, r.scope = nil, strings.Join(named, ",")
	for _, name := range named {
		c := r.Collection(name)
		if c == nil {
			return fmt.Errorf("there is no collection named %q: %w", name, koschei.ErrNotFound)
		}
		r.Current = append(r.Current, *c)
	}
	return nil
}

// ScopeQuery is what keeps the collections that the request names current when
// it is put behind a link: "" if it names none.
func (r *Request) ScopeQuery() string {
	if r.scope == "" {
		return ""
	}
	return "?collection=" + url.QueryEscape(r.scope)
}

// namedCollections reads collection=a,b, which may stand there several times.
func namedCollections(query url.Values) []string {
	var names []string
	seen := map[string]bool{}
	for _, list := range query["collection"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}
