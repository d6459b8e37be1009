package web

import (
	"testing"
	"time"
)

// What was used comes back with time; others are not concerned.
func TestBuckets(t *testing.T) {
	t.Parallel()
	var b buckets[string]
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for i := range 20 {
		if wait := b.wait("a", 20, now); wait != 0 {
			t.Fatalf("after %d of 20 one has to wait for %v", i, wait)
		}
		if wait := b.take("a", 20, now); wait != 0 {
			t.Fatalf("after %d of 20 none is given", i)
		}
	}
	for range 2 { // what is refused is not used
		if wait := b.take("a", 20, now); wait != 3*time.Second {
			t.Errorf("the next is there in %v, want in 3 s", wait)
		}
	}
	if wait := b.take("b", 20, now); wait != 0 {
		t.Errorf("another has to wait for %v", wait)
	}
	if wait := b.wait("a", 20, now.Add(3*time.Second)); wait != 0 {
		t.Errorf("3 s later one has to wait for %v", wait)
	}
	for range 20 {
		b.take("a", 20, now.Add(time.Hour))
	}
	if b.take("a", 20, now.Add(time.Hour)) == 0 {
		t.Error("an hour later more was there than of a minute")
	}
}

// Only so many are remembered, and those who have used most longest.
func TestBucketsAreForgotten(t *testing.T) {
	t.Parallel()
	var b buckets[int]
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for range 5 {
		b.take(-1, 5, now)
	}
	for i := range 2 * mostBuckets {
		b.take(i, 5, now)
	}
	if n := len(b.known); n > mostBuckets {
		t.Errorf("%d are remembered", n)
	}
	if b.wait(-1, 5, now) == 0 {
		t.Error("who has used all was forgotten for others who came once")
	}
}
