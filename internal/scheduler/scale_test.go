package scheduler

import "testing"

// BenchmarkPass makes passes over four collections of 35,000 packages each, of
// which one in a hundred is raised a little and none is due.
func BenchmarkPass(b *testing.B) {
	f := newFixture(b)
	f.Distribution(4, 35_000, f.Now())
	f.pass(b) // takes the lease and looks for lost tasks
	for b.Loop() {
		f.pass(b)
	}
	if got := f.builds(b); len(got) > 0 {
		b.Errorf("%d builds were submitted, want none", len(got))
	}
}
