package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

func TestOutbox(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if err := db.Enqueue(t.Context(), "a.topic", []any{map[string]int{"n": 1}, map[string]int{"n": 2}}, testTime); err != nil {
		t.Fatal(err)
	}
	first, err := db.ClaimMessages(t.Context(), 1, time.Hour)
	if err != nil || len(first) != 1 {
		t.Fatalf("claimed %d messages (%v), want 1", len(first), err)
	}
	m := first[0]
	if m.Topic != "a.topic" || string(m.Body) != `{"n": 1}` || !m.Created.Equal(testTime) || m.Attempts != 1 {
		t.Errorf("the oldest message is %+v (%s)", m, m.Body)
	}
	second, err := db.ClaimMessages(t.Context(), 10, time.Millisecond)
	if err != nil || len(second) != 1 || string(second[0].Body) != `{"n": 2}` {
		t.Fatalf("claimed %v (%v), want the second message alone", second, err)
	}
	// Not reported as sent, it comes again.
	for {
		again, err := db.ClaimMessages(t.Context(), 10, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) == 0 {
			continue
		}
		if again[0].ID != second[0].ID || again[0].Attempts != 2 {
			t.Errorf("claimed %+v, want the second message's second attempt", again[0])
		}
		break
	}
	if err := db.MessageSent(t.Context(), m.ID); err != nil {
		t.Error(err)
	}
}

// Several senders never have the same message at once.
func TestClaimMessagesAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	bodies := make([]any, 100)
	if err := db.Enqueue(t.Context(), "a.topic", bodies, testTime); err != nil {
		t.Fatal(err)
	}
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		claimed = map[int64]int{}
	)
	for range 4 {
		wg.Go(func() {
			for {
				messages, err := db.ClaimMessages(t.Context(), 7, time.Hour)
				if err != nil {
					t.Error(err)
				}
				if len(messages) == 0 {
					return
				}
				mu.Lock()
				for _, m := range messages {
					claimed[m.ID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for id, times := range claimed {
		if times != 1 {
			t.Errorf("message %d was claimed %d times", id, times)
		}
	}
	if len(claimed) == 0 || len(claimed) > len(bodies) {
		t.Errorf("%d messages were claimed", len(claimed))
	}
}
