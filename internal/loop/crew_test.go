package loop_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/loop"
)

// A bench is where tests see who works.
type bench struct {
	mu    sync.Mutex
	begun []string
}

func (b *bench) note(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun = append(b.begun, key)
}

func (b *bench) count(key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, k := range b.begun {
		if k == key {
			n++
		}
	}
	return n
}

// However many never end, all others have their turns, again and again, until
// there is no place left.
func TestCrewIsFair(t *testing.T) {
	t.Parallel()
	var b bench
	stuck := make(chan struct{})
	keys := []string{"a", "b", "c", "d", "e"}
	c := &loop.Crew[string]{AtOnce: 3, Pace: time.Millisecond}
	list := func(context.Context) ([]loop.Errand[string], error) {
		var errands []loop.Errand[string]
		for _, key := range keys {
			errands = append(errands, loop.Errand[string]{Key: key, Do: func(context.Context) {
				b.note(key)
				if key == "a" || key == "d" { // two that drip
					<-stuck
				}
			}})
		}
		return errands, nil
	}
	passed := make(chan error)
	go func() { passed <- c.Pass(t.Context(), list) }()
	for _, key := range []string{"b", "c", "e"} {
		for b.count(key) < 10 {
			select {
			case err := <-passed:
				t.Fatalf("the pass ended: %v", err)
			case <-time.After(time.Millisecond):
			}
		}
	}
	if b.count("a") != 1 || b.count("d") != 1 {
		t.Errorf("what is under way was begun again: %q", b.begun)
	}
	close(stuck)
	if err := <-passed; err != nil {
		t.Error(err)
	}
}

// With one place beside one that never ends, the others take turns.
func TestCrewTakesTurns(t *testing.T) {
	t.Parallel()
	var b bench
	stuck := make(chan struct{})
	c := &loop.Crew[string]{AtOnce: 2, Pace: time.Millisecond}
	list := func(context.Context) ([]loop.Errand[string], error) {
		var errands []loop.Errand[string]
		for _, key := range []string{"a", "b", "c", "d"} {
			began := func() bool { b.note(key); return true }
			errands = append(errands, loop.Errand[string]{Key: key, Wanted: began, Do: func(context.Context) {
				if key == "a" {
					<-stuck
				}
			}})
		}
		return errands, nil
	}
	passed := make(chan error)
	go func() { passed <- c.Pass(t.Context(), list) }()
	for b.count("d") < 4 {
		<-time.After(time.Millisecond)
	}
	close(stuck)
	if err := <-passed; err != nil {
		t.Error(err)
	}
	begun := b.begun[:10]
	if want := []string{"a", "b", "c", "d", "b", "c", "d", "b", "c", "d"}; !slices.Equal(begun, want) {
		t.Errorf("begun in the order %q, want %q", begun, want)
	}
}

// What is done with is told, and what is not wanted any more is not begun.
func TestCrewEnds(t *testing.T) {
	t.Parallel()
	c := &loop.Crew[int]{AtOnce: 1}
	done, ended := 0, 0
	err := c.Pass(t.Context(), func(context.Context) ([]loop.Errand[int], error) {
		errand := loop.Errand[int]{
			Wanted: func() bool { return ended < 2 }, Do: func(context.Context) { done++ }, End: func() { ended++ },
		}
		var errands []loop.Errand[int]
		for key := range 4 {
			errand.Key = key
			errands = append(errands, errand)
		}
		return errands, nil
	})
	if err != nil || done != 2 || ended != 2 {
		t.Errorf("done %d, ended %d, %v, want 2 of each", done, ended, err)
	}
	broken := errors.New("broken")
	if err := c.Pass(t.Context(), func(context.Context) ([]loop.Errand[int], error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("without a list: %v", err)
	}
}

// Who waits for something outside lets another work, and goes on only when that
// one is done.
func TestAside(t *testing.T) {
	t.Parallel()
	places := loop.NewPlaces(1)
	outside, working := make(chan struct{}), make(chan struct{})
	var b bench
	var all sync.WaitGroup
	all.Go(func() {
		err := places.Work(t.Context(), func(ctx context.Context) error {
			err := loop.Aside(ctx, func() error { // twice at once, as a piece of work with two goroutines may
				return loop.Aside(ctx, func() error { close(outside); <-working; return nil })
			})
			b.note("first goes on")
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-outside
	err := places.Work(t.Context(), func(context.Context) error {
		close(working)
		b.note("second works")
		return nil
	})
	all.Wait()
	if want := []string{"second works", "first goes on"}; err != nil || !slices.Equal(b.begun, want) {
		t.Errorf("%q, %v, want %q", b.begun, err, want)
	}
	if err := loop.Aside(t.Context(), func() error { return nil }); err != nil {
		t.Errorf("without a place: %v", err)
	}
}

// Places are not lost, nor do they become more, when contexts end.
func TestPlacesAreKept(t *testing.T) {
	t.Parallel()
	places := loop.NewPlaces(1)
	ctx, cancel := context.WithCancel(t.Context())
	taken, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	left := make(chan struct{})
	all.Go(func() {
		_ = places.Work(ctx, func(ctx context.Context) error {
			return loop.Aside(ctx, func() error { close(left); <-taken; cancel(); return ctx.Err() })
		})
	})
	<-left
	all.Go(func() {
		_ = places.Work(t.Context(), func(context.Context) error { close(taken); <-release; return nil })
	})
	<-ctx.Done()
	if err := places.Work(ctx, func(context.Context) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up waiting gets %v", err)
	}
	close(release)
	all.Wait()
	for range 3 {
		if err := places.Work(t.Context(), func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
	}
}
