package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/bus"
)

// A story is a consumer on a bus in memory in a bubble, whose time stands still
// while something happens. Its handler notes every batch that it is called with
// and refuses the messages that are named in refuse.
type story struct {
	*bus.Memory

	t     *testing.T
	began time.Time
	lines []string
	stop  context.CancelFunc
	ended chan struct{}

	mu     sync.Mutex
	refuse string // ids, each one letter
}

func begin(t *testing.T) *story {
	s := &story{
		Memory: bus.NewMemory(10), t: t, began: time.Now(), ended: make(chan struct{}),
	}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(t.Context())
	c := bus.Consumer{
		Queue: s, Log: slog.New(slog.DiscardHandler), Most: 3, Gather: time.Second,
		FirstDelay: 10 * time.Second, LastDelay: time.Minute,
	}
	go func() {
		defer close(s.ended)
		c.Run(ctx, s.handle)
	}()
	return s
}

func (s *story) handle(_ context.Context, batch []*bus.Message) (again []*bus.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, m := range batch {
		word := m.ID
		if m.Redelivered {
			word += "'"
		}
		words = append(words, word)
		if strings.Contains(s.refuse, m.ID) {
			again = append(again, m)
		}
	}
	slices.Sort(words)
	s.lines = append(s.lines, fmt.Sprintf("%v %s", time.Since(s.began), strings.Join(words, " ")))
	return again
}

func (s *story) refuses(ids string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = ids
}

func (s *story) publish(ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		if err := s.Publish(s.t.Context(), &bus.Message{ID: id}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// wait lets time pass in the bubble.
func (s *story) wait(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

func (s *story) check(want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.lines); diff != "" {
		s.t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		s.publish("a")
		s.wait(500 * time.Millisecond)
		s.publish("b")
		s.wait(time.Second)
		s.publish("c", "d", "e", "f")
		s.wait(time.Hour)
		s.stop()
		<-s.ended
		s.check("1s a b", "1.5s c d e", "2.5s f")
	})
}

// TestAgain refuses messages: they are held, longer each time nothing at all
// was done, while others go on.
func TestAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		s.refuses("a")
		s.publish("a", "b", "c")
		s.wait(30 * time.Second)
		s.publish("d")
		s.wait(time.Minute)
		s.refuses("")
		s.wait(time.Hour)
		s.stop()
		<-s.ended
		// d ended the row of failures.
		s.check("0s a b c", "11s a'", "22s a'", "31s d", "43s a'", "54s a'", "1m15s a'", "1m56s a'")
	})
}

// TestStop ends a consumer in the middle of its work: what was done is settled,
// what was not and what is held comes again.
func TestStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		s.refuses("ad")
		s.publish("a", "b", "c")
		s.wait(time.Second)
		s.publish("d", "e")
		synctest.Wait()
		s.stop()
		<-s.ended
		s.check("0s a b c", "1s d e")
		ctx, stop := context.WithCancel(t.Context())
		out := make(chan *bus.Delivery)
		go s.Receive(ctx, out)
		got := []string{(<-out).Message.ID, (<-out).Message.ID}
		if diff := cmp.Diff([]string{"a", "d"}, got); diff != "" {
			t.Errorf("left in the queue (-want +got):\n%s", diff)
		}
		stop()
		synctest.Wait()
	})
}

// TestFull counts what is handed out too.
func TestFull(t *testing.T) {
	t.Parallel()
	b := bus.NewMemory(2)
	out := make(chan *bus.Delivery)
	go b.Receive(t.Context(), out)
	m := &bus.Message{ID: "a"}
	if err := b.Publish(t.Context(), m, m); err != nil {
		t.Fatal(err)
	}
	first := <-out
	if err := b.Publish(t.Context(), m); !errors.Is(err, bus.ErrFull) {
		t.Errorf("a third message: error %v, want %v", err, bus.ErrFull)
	}
	if err := first.Settle(false); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), m); err != nil {
		t.Errorf("after one was settled: %v", err)
	}
}
