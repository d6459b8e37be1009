package web

import (
	"math"
	"sync"
	"time"
)

// buckets know how much each of many has used of what is given out slowly: so much in
// a minute on average, all of that at once. Times are real.
type buckets[K comparable] struct {
	mu    sync.Mutex
	known map[K]bucket
}

// A bucket is what somebody had used at a time. What is used comes back with time.
type bucket struct {
	used float64
	at   time.Time
}

const (
	mostBuckets = 10_000 // that are remembered
	lookedAmong = 16     // of them, when one must go
)

// take uses one of perMinute, or says how long it takes until there is one again.
func (b *buckets[K]) take(key K, perMinute int, now time.Time) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	used := b.known[key].still(perMinute, now)
	if wait = untilOne(used, perMinute); wait > 0 {
		return wait
	}
	if _, there := b.known[key]; !there && len(b.known) >= mostBuckets {
		b.makeRoom(perMinute, now)
	}
	if b.known == nil {
		b.known = map[K]bucket{}
	}
	b.known[key] = bucket{used + 1, now}
	return 0
}

// wait is how long it takes until there is one to take, 0 if there is.
func (b *buckets[K]) wait(key K, perMinute int, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return untilOne(b.known[key].still(perMinute, now), perMinute)
}

// untilOne is in whole seconds.
func untilOne(used float64, perMinute int) time.Duration {
	most := float64(perMinute)
	if most-used >= 1 {
		return 0
	}
	return time.Duration(math.Ceil((used+1-most)/most*60)) * time.Second
}

// still is how much of what was used has not come back.
func (b bucket) still(perMinute int, now time.Time) float64 {
	return max(0, b.used-now.Sub(b.at).Minutes()*float64(perMinute))
}

// makeRoom forgets one of a few: the one that has used least.
func (b *buckets[K]) makeRoom(perMinute int, now time.Time) {
	var least K
	looked, used := 0, math.Inf(1)
	for key, one := range b.known { // in another order each time
		if still := one.still(perMinute, now); still < used {
			least, used = key, still
		}
		if looked++; looked == lookedAmong {
			break
		}
	}
	delete(b.known, least)
}
