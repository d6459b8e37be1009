package view

import "testing"

func TestEdits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"git", "git", 0},
		{"gti", "git", 1},
		{"gti", "gtk", 1},
		{"bash", "dash", 1},
		{"bas", "bash", 1},
		{"maven", "mvn", 2},
		{"", "git", 3},
		{"müsli", "musli", 1},
		{"kernel", "colonel", 4},
	} {
		if got := edits(tt.a, tt.b); got != tt.want || edits(tt.b, tt.a) != got {
			t.Errorf("%q and %q: %d, want %d both ways", tt.a, tt.b, got, tt.want)
		}
	}
}
