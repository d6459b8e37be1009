package record_test

import "testing"

// TestAnalyze has the planner know how many packages there are.
func TestAnalyze(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"bar", "baz", "foo"} {
		w.Package(name)
	}
	if err := w.DB.Analyze(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.Lines(`SELECT reltuples::text FROM pg_class WHERE relname = 'package'`); got[0] != "3" {
		t.Errorf("the planner takes it that there are %s packages, want 3", got[0])
	}
}
