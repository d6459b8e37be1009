package rpm

import (
	"strings"
	"testing"

	version "github.com/knqyf263/go-rpm-version"
)

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want int
	}{
		{"1.0", "1.0", 0},
		{"1.0", "2.0", -1},
		{"2.0.1", "2.0.1a", -1},
		{"5.5p1", "5.5p2", -1},
		{"5.5p10", "5.5p1", 1},
		{"10xyz", "10.1xyz", -1},
		{"xyz.4", "8", -1},
		{"xyz.4", "2", -1},
		{"6.0.rc1", "6.0", 1},
		{"10b2", "10a1", 1},
		{"1.0aa", "1.0a", 1},
		{"10.0001", "10.1", 0},
		{"10.0001", "10.0039", -1},
		{"4.999.9", "5.0", -1},
		{"20101121", "20101122", -1},
		{"2_0", "2.0", 0},
		{"a+", "a_", 0},
		{"+", "_", 0},
		{"", "", 0},
		{"", "1", -1},
		{"", "+", 0},
		{"1.0+", "1.0", 0},
		{"1.0~rc1", "1.0", -1},
		{"1.0~rc1", "1.0~rc2", -1},
		{"1.0~rc1~git123", "1.0~rc1", -1},
		{"1.0.~rc1", "1.0~rc1", 0},
		{"~", "", -1},
		{"1.0^", "1.0", 1},
		{"1.0^git1", "1.0^git2", -1},
		{"1.0^git1", "1.01", -1},
		{"1.0^20160101", "1.0.1", -1},
		{"1.0^20160102", "1.0^20160101^git1", 1},
		{"1.0~rc1^git1", "1.0~rc1", 1},
		{"1.0^git1~pre", "1.0^git1", -1},
		{"1^", "1~", 1},
		{"1\x002", "1.2", 0},
		{"é1", "1", 0},
		{"00", "0", 0},
		{"0", "a", 1},
		{"123456789012345678901234567890", "123456789012345678901234567891", -1},
	}
	for _, tt := range tests {
		if got := CompareVersions(tt.a, tt.b); signOf(got) != tt.want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := CompareVersions(tt.b, tt.a); signOf(got) != -tt.want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", tt.b, tt.a, got, -tt.want)
		}
	}
}

func TestCompareVersionsAllocatesNothing(t *testing.T) {
	sum := 0
	n := testing.AllocsPerRun(100, func() {
		sum += CompareVersions("1.0.0~rc1.20240101^git1", "1.0.0~rc1.20240101^git2")
	})
	if n != 0 || sum == 0 {
		t.Errorf("%v allocations, want 0; the sum is %d", n, sum)
	}
}

// FuzzCompareVersions holds the comparison to being an order, and to the one
// of go-rpm-version. That one trims white space and takes "-" and ":" for the
// ends of version and epoch; inputs with these, or with bytes outside ASCII, are
// held to the first only.
func FuzzCompareVersions(f *testing.F) {
	f.Add("1.0", "1.0~rc1", "1.0^git1")
	f.Add("1.0a", "1.0.1", "1.0.a")
	f.Add("0:1", "a1", "001")
	f.Add("~", "^", "")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, bc, ac := CompareVersions(a, b), CompareVersions(b, c), CompareVersions(a, c)
		if back := CompareVersions(b, a); signOf(back) != -signOf(ab) {
			t.Errorf("%q against %q is %d, the other way round %d", a, b, ab, back)
		}
		if CompareVersions(a, strings.Clone(a)) != 0 {
			t.Errorf("%q is not equal to itself", a)
		}
		if ab <= 0 && bc <= 0 && ac > 0 || ab >= 0 && bc >= 0 && ac < 0 {
			t.Errorf("not transitive: %q %q %q", a, b, c)
		}
		if ab == 0 && signOf(ac) != signOf(bc) {
			t.Errorf("%q and %q are equal, but not to %q", a, b, c)
		}
		if known(a) && known(b) {
			if want := compareOther(a, b); signOf(ab) != want {
				t.Errorf("CompareVersions(%q, %q) = %d, go-rpm-version says %d", a, b, ab, want)
			}
		}
	})
}

// compareOther asks go-rpm-version; the epoch and release keep it from looking
// for its own in s.
func compareOther(a, b string) int {
	return version.NewVersion("0:" + a + "-1").Compare(version.NewVersion("0:" + b + "-1"))
}

func known(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '-' || c == ':' {
			return false
		}
	}
	return true
}

func signOf(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
