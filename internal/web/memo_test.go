package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
)

// Of many who ask at once, one finds out for all.
func TestMemoOnceForAll(t *testing.T) {
	t.Parallel()
	m := Memo[int]{Lasts: time.Hour}
	var reads atomic.Int64
	var asking, all sync.WaitGroup
	asking.Add(50)
	for range 50 {
		all.Go(func() {
			asking.Done()
			got, err := m.Get(t.Context(), "", func(context.Context) (int, error) {
				asking.Wait()
				return int(reads.Add(1)), nil
			})
			if err != nil || got != 1 {
				t.Errorf("got %d, %v, want 1", got, err)
			}
		})
	}
	all.Wait()
	if n := reads.Load(); n != 1 {
		t.Errorf("it was found out %d times", n)
	}
}

// What was found out lasts for its time, by key. Errors do not last.
func TestMemoLasts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := Memo[int]{Lasts: time.Second, Most: 2, clock: func() time.Time { return now }}
	reads := 0
	get := func(key string, err error) int {
		got, gotErr := m.Get(t.Context(), key, func(context.Context) (int, error) { reads++; return reads, err })
		if !errors.Is(gotErr, err) {
			t.Errorf("%s: error %v, want %v", key, gotErr, err)
		}
		return got
	}
	broken := errors.New("broken")
	for _, step := range []struct {
		key   string
		after time.Duration
		err   error
		want  int
	}{
		{"a", 0, nil, 1},
		{"a", time.Second - 1, nil, 1},
		{"b", 0, nil, 2},
		{"a", 1, broken, 3},
		{"a", 0, nil, 4},
		{"c", 0, nil, 5}, // more than are remembered
		{"c", 0, nil, 5},
		{"a", 0, nil, 6},
	} {
		now = now.Add(step.after)
		if got := get(step.key, step.err); got != step.want {
			t.Errorf("%+v: got %d", step, got)
		}
	}
	now = now.Add(time.Hour)
	if value, at, ok := m.Last("a"); value != 6 || !ok || now.Sub(at) != time.Hour {
		t.Errorf("an hour later the last is %d of %v, %v", value, at, ok)
	}
}

// When the one who asks for all goes away, another does.
func TestMemoSomebodyLeaves(t *testing.T) {
	t.Parallel()
	m := Memo[string]{Lasts: time.Hour}
	ctx, leave := context.WithCancel(t.Context())
	reading := make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, err := m.Get(ctx, "", func(ctx context.Context) (string, error) {
			close(reading)
			<-ctx.Done()
			return "", ctx.Err()
		})
		first <- err
	}()
	<-reading
	second := make(chan struct{})
	go func() {
		defer close(second)
		if got, err := m.Get(t.Context(), "", func(context.Context) (string, error) { return "found", nil }); err != nil || got != "found" {
			t.Errorf("who stays gets %q, %v", got, err)
		}
	}()
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who left gets %v", err)
	}
	<-second
}

// Who has signed in may have changed something, and sees it.
func TestMemoForSignedIn(t *testing.T) {
	t.Parallel()
	m := Memo[int]{Lasts: time.Hour}
	reads := 0
	for _, step := range []struct {
		name string
		want int
	}{{"", 1}, {"", 1}, {"alice", 2}, {"alice", 3}, {"", 1}} {
		r := &Request{Request: httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), Actor: koschei.Actor{Name: step.name}}
		got, err := m.For(r, "", func(context.Context) (int, error) { reads++; return reads, nil })
		if err != nil || got != step.want {
			t.Errorf("%q gets %d, %v, want %d", step.name, got, err, step.want)
		}
	}
}
