package loop

import (
	"testing"
	"time"
)

func TestTrouble(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var trouble Trouble
	if trouble.Rests(now) {
		t.Error("what never failed is left alone")
	}
	for i, seconds := range []int{10, 20, 40, 60, 60, 60, 60, 60, 60, 60, 60, 60} {
		trouble = trouble.Again(now)
		until := now.Add(time.Duration(seconds) * time.Second)
		if trouble.Failures != i+1 || !trouble.Until.Equal(until) || !trouble.Rests(until.Add(-1)) || trouble.Rests(until) {
			t.Errorf("after failure %d: %+v, want until %v", i+1, trouble, until)
		}
	}
}
