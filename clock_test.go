package koschei

import (
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	epoch := time.Date(2026, 11, 20, 8, 0, 0, 0, time.FixedZone("somewhere", 3600))
	read := func() time.Time { return epoch.Add(2 * time.Second) }
	tests := []struct {
		name         string
		clock        Clock
		now          time.Time
		real, domain time.Duration // of an hour of the other
	}{
		{"real", Clock{Read: read}, epoch.Add(2 * time.Second).UTC(), time.Hour, time.Hour},
		{"fast", Clock{Read: read, Speed: 60, Start: start, Epoch: epoch}, start.Add(2 * time.Minute), time.Minute, 60 * time.Hour},
		{"slow", Clock{Read: read, Speed: 0.5, Start: start, Epoch: epoch}, start.Add(time.Second), 2 * time.Hour, 30 * time.Minute},
	}
	for _, test := range tests {
		if got := test.clock.Now(); got != test.now {
			t.Errorf("%s: it is %v, want %v", test.name, got, test.now)
		}
		if got := test.clock.Real(time.Hour); got != test.real {
			t.Errorf("%s: an hour takes %v, want %v", test.name, got, test.real)
		}
		if got := test.clock.Domain(time.Hour); got != test.domain {
			t.Errorf("%s: in an hour %v pass, want %v", test.name, got, test.domain)
		}
	}
	if now := (Clock{}).Now(); time.Since(now).Abs() > time.Minute || now.Location() != time.UTC {
		t.Errorf("the zero clock says it is %v", now)
	}
}
