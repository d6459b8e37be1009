package notifier

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A laterError is that of a receiver that says when to come again.
type laterError struct {
	error

	after time.Duration // real time
	alone bool          // it is about one delivery, the others need not wait
}

func (e *laterError) Unwrap() error { return e.error }

// mostRest is the longest that a receiver may ask us to wait.
const mostRest = 24 * time.Hour

// retryAfter is how long a receiver asks us to wait; 0 if it says nothing that can
// be understood.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, mostRest)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(now), mostRest))
	}
	return 0
}

// A rest remembers which sinks are left alone for a while, and until when, in this
// process. The zero rest is ready.
type rest struct {
	mu    sync.Mutex
	until map[string]time.Time // by name of sink
}

func (r *rest) begin(sink string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	if end := time.Now().Add(d); end.After(r.until[sink]) {
		r.until[sink] = end
	}
}

func (r *rest) lasts(sink string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.until[sink])
}
