package repodata

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestUsualEntry tells entries that are read in one go from those that are
// not. What is read from either is FuzzScanPrimary's concern.
func TestUsualEntry(t *testing.T) {
	t.Parallel()
	evr := rpm.EVR{Epoch: 1, Version: "2", Release: "3"}
	for _, test := range []struct {
		text string
		want *rpm.Relation
	}{
		{`<rpm:entry name="a"/>`, &rpm.Relation{Name: "a"}},
		{"\n  " + `<rpm:entry name="a(b) &gt;"/>`, nil},
		{"\n  " + `<rpm:entry name="a(b)"/>`, &rpm.Relation{Name: "a(b)"}},
		{`<rpm:entry name="a" flags="GE" epoch="1" ver="2" rel="3"/>`, &rpm.Relation{Name: "a", Op: rpm.Greater | rpm.Equal, EVR: evr}},
		{`<rpm:entry name="a" flags="EQ" epoch="1" ver="2" rel=""/>`, &rpm.Relation{Name: "a", Op: rpm.Equal, EVR: rpm.EVR{Epoch: 1, Version: "2"}}},
		{`<rpm:entry name="a" flags="EQ" epoch="1" ver="2"/>`, nil},
		{`<rpm:entry name="a" flags="EQ" epoch="12" ver="2" rel="3"/>`, nil},
		{`<rpm:entry name="a" flags="EQ" epoch="1" ver="" rel="3"/>`, nil},
		{`<rpm:entry name="a" flags="NE" epoch="1" ver="2" rel="3"/>`, &rpm.Relation{Name: "a", Op: rpm.Less | rpm.Greater, EVR: evr}},
		{`<rpm:entry name="a" flags="??" epoch="1" ver="2" rel="3"/>`, nil},
		{`<rpm:entry name="a" flags="EQ" epoch="1" ver="2" rel="3-4"/>`, &rpm.Relation{Name: "a", Op: rpm.Equal, EVR: rpm.EVR{Epoch: 1, Version: "2-3", Release: "4"}}},
		{`<rpm:entry name="a" flags="EQ" epoch="1" ver="2-3" rel=""/>`, &rpm.Relation{Name: "a", Op: rpm.Equal, EVR: evr}},
		{`<rpm:entry name="a" pre="1"/>`, nil},
		{`<rpm:entry name="a" name="b"/>`, nil},
		{`<rpm:entry name=""/>`, nil},
		{`<rpm:entry name="a"></rpm:entry>`, nil},
		{`<rpm:entry name="a'b"/>`, nil},
		{`<rpm:entry name="a<b"/>`, nil},
		{`<rpm:entry name="ä"/>`, nil},
		{`<entry name="a"/>`, nil},
		{`<rpm:entry name="a"/`, nil},
		{`<rpm:entry name="a" flags="E`, nil},
		{`</rpm:requires>`, nil},
		{"", nil},
	} {
		s := newScanner(strings.NewReader(test.text))
		s.fill()
		r, ok := s.usualEntry()
		switch {
		case ok != (test.want != nil):
			t.Errorf("%s: read in one go: %v", test.text, ok)
		case !ok && strings.TrimSpace(string(s.buf[s.pos:s.end])) != strings.TrimSpace(test.text):
			t.Errorf("%s: something of it has been passed over", test.text)
		case ok && s.pos != s.end:
			t.Errorf("%s: %q is left", test.text, s.buf[s.pos:s.end])
		case ok:
			if diff := cmp.Diff(*test.want, r); diff != "" {
				t.Errorf("%s (-want +got)\n%s", test.text, diff)
			}
		}
	}
}
