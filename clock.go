package koschei

import "time"

// A Clock tells domain time. The zero Clock tells real time; with Speed, domain
// time is a line through Start.
type Clock struct {
	Speed float64   // domain seconds in a real one; 0: domain time is real time
	Start time.Time // domain time at Epoch
	Epoch time.Time // real time

	Read func() time.Time // tells real time; nil is time.Now
}

// Now is the domain time, in UTC.
func (c Clock) Now() time.Time {
	read := c.Read
	if read == nil {
		read = time.Now
	}
	return c.At(read())
}

// At is the domain time, in UTC, when a clock of real time showed something.
func (c Clock) At(real time.Time) time.Time {
	if c.Speed == 0 {
		return real.UTC()
	}
	return c.Start.Add(c.Domain(real.Sub(c.Epoch))).UTC()
}

// Real is how long a domain time takes.
func (c Clock) Real(domain time.Duration) time.Duration {
	if c.Speed == 0 {
		return domain
	}
	return time.Duration(float64(domain) / c.Speed)
}

// Domain is the domain time that passes in a real time.
func (c Clock) Domain(real time.Duration) time.Duration {
	if c.Speed == 0 {
		return real
	}
	return time.Duration(float64(real) * c.Speed)
}
