package main

import "time"

// now returns the domain clock: real time in UTC or, with a simulated hub, a
// line through start with the configured speed.
func (c clockConfig) now() func() time.Time {
	if c.Speed == 0 {
		return func() time.Time { return time.Now().UTC() }
	}
	return func() time.Time {
		elapsed := time.Since(c.Epoch)
		return c.Start.Add(time.Duration(float64(elapsed) * c.Speed)).UTC()
	}
}
