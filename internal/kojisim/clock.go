package kojisim

import (
	"sync"
	"time"
)

// A Clock is the time of a simulated world: a line through a point of real
// time, or, with speed 0, a time that stands still until it is moved.
type Clock struct {
	origin time.Time // real
	speed  float64

	mu    sync.Mutex
	start time.Time // virtual time at origin
}

// NewClock returns a clock that shows start at the real moment origin and runs
// speed times as fast as real time.
func NewClock(start, origin time.Time, speed float64) *Clock {
	return &Clock{start: start.UTC(), origin: origin, speed: speed}
}

// NewStepClock returns a clock that shows start until Step moves it.
func NewStepClock(start time.Time) *Clock {
	return &Clock{start: start.UTC()}
}

// Now returns the virtual time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.speed == 0 {
		return c.start
	}
	return c.start.Add(time.Duration(float64(time.Since(c.origin)) * c.speed)).Truncate(time.Microsecond)
}

// Step moves the clock by d of virtual time, on top of the time that passes.
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start = c.start.Add(d)
}

// Speed returns how many seconds pass in one real second.
func (c *Clock) Speed() float64 { return c.speed }

// Until returns the real time until the clock shows t; false if it will not
// get there by itself.
func (c *Clock) Until(t time.Time) (time.Duration, bool) {
	if c.speed <= 0 {
		return 0, false
	}
	return max(0, time.Duration(float64(t.Sub(c.Now()))/c.speed)), true
}
