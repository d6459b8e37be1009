package loop

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// A loop fails when at least so many passes have failed in a row, none has
	// ended well for so long, nothing happens in one, or one does not end (real
	// times).
	failingPasses = 3
	failingFor    = 5 * time.Minute
	passSilent    = time.Minute
	passTooLong   = time.Hour
)

// A health remembers how the loops of a process fare.
type health struct {
	mu    sync.Mutex
	loops map[string]*fare
}

// A fare is how a loop fares.
type fare struct {
	good     time.Time // when a pass last ended well, or else the first began
	began    time.Time // of the pass under way; zero between passes
	pulse    *pulse    // of that pass
	failures int       // in a row
}

func (h *health) begin(service string, p *pulse, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.loops[service]
	if f == nil {
		f = &fare{good: now}
		h.loops[service] = f
	}
	f.began, f.pulse = now, p
}

func (h *health) end(service string, err error, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.loops[service]
	f.began = time.Time{}
	if err != nil {
		f.failures++
		return
	}
	f.good, f.failures = now, 0
}

// Failing returns a sentence for each loop that has failed for long, by name.
// What the failures are is in the log.
func (m *Metrics) Failing(now time.Time) []string {
	m.health.mu.Lock()
	defer m.health.mu.Unlock()
	var sentences []string
	for name, f := range m.health.loops {
		good, under := now.Sub(f.good), now.Sub(f.began)
		switch {
		case !f.began.IsZero() && under >= passTooLong:
			sentences = append(sentences, fmt.Sprintf("%s: a pass has been under way for %v", name, under.Round(time.Second)))
		case !f.began.IsZero() && f.pulse.silent(now) >= passSilent:
			sentences = append(sentences, fmt.Sprintf("%s: a pass is stuck, nothing has happened in it for %v", name, f.pulse.silent(now).Round(time.Second)))
		case f.failures >= failingPasses && good >= failingFor:
			sentences = append(sentences, fmt.Sprintf("%s: %d passes in a row have failed, for %v; the log says why",
				name, f.failures, good.Round(time.Second)))
		}
	}
	slices.SortFunc(sentences, strings.Compare)
	return sentences
}

// Stuck says whether nothing has happened in a pass of any loop for so long.
func (m *Metrics) Stuck(now time.Time, silent time.Duration) bool {
	m.health.mu.Lock()
	defer m.health.mu.Unlock()
	for _, f := range m.health.loops {
		if !f.began.IsZero() && f.pulse.silent(now) >= silent {
			return true
		}
	}
	return false
}
