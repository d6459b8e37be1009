package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// A Memo remembers for a while what is costly to find out. Of those who ask for
// the same at the same time, one finds it out for all. Lasts must be set; values
// are shared, so nobody may change them.
type Memo[T any] struct {
	Lasts time.Duration // real time
	Most  int           // values that are remembered, by key; 1 if 0

	flight singleflight.Group
	mu     sync.Mutex
	known  map[string]remembered[T]
	clock  func() time.Time // time.Now if nil
}

type remembered[T any] struct {
	value T
	at    time.Time // real time
}

// Get returns what read finds out, or found out a while ago.
func (m *Memo[T]) Get(ctx context.Context, key string, read func(context.Context) (T, error)) (T, error) {
	if value, at, ok := m.Last(key); ok && m.now().Sub(at) < m.Lasts {
		return value, nil
	}
	return m.Renew(ctx, key, read)
}

// For is Get for who sends r. Who has signed in may just have changed something,
// and is told how things are now.
func (m *Memo[T]) For(r *Request, key string, read func(context.Context) (T, error)) (T, error) {
	if r.Actor.Name != "" {
		return read(r.Context())
	}
	return m.Get(r.Context(), key, read)
}

// Renew is Get for what must be found out anew, or is being found out now.
func (m *Memo[T]) Renew(ctx context.Context, key string, read func(context.Context) (T, error)) (T, error) {
	for {
		began := m.now()
		found, err, _ := m.flight.Do(key, func() (any, error) {
			value, err := read(ctx)
			if err == nil {
				m.remember(key, value, began)
			}
			return value, err
		})
		if errors.Is(err, context.Canceled) && ctx.Err() == nil {
			continue // who asked for all has gone
		}
		value, _ := found.(T)
		return value, err
	}
}

// Last returns what was found out last, however long ago, and when.
func (m *Memo[T]) Last(key string) (value T, at time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, ok := m.known[key]
	return last.value, last.at, ok
}

func (m *Memo[T]) remember(key string, value T, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.known[key]; m.known == nil || !known && len(m.known) >= max(m.Most, 1) {
		m.known = map[string]remembered[T]{} // more are asked for only by somebody who plays
	}
	m.known[key] = remembered[T]{value, at}
}

func (m *Memo[T]) now() time.Time {
	if m.clock == nil {
		return time.Now()
	}
	return m.clock()
}
