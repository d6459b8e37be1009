package distro

import (
	"testing"

	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// TestRelink renews requirements that nothing meets any more.
func TestRelink(t *testing.T) {
	t.Parallel()
	const lines = "-- world --\nuser packager\ntag f40\npackage new tag=f40\nbuild new-1-1 tag=f40\n binary new\n" +
		"  provides unversioned\n  provides libnew.so.3()(64bit)\n"
	world, err := worldtext.Parse([]byte(lines), 1)
	if err != nil {
		t.Fatal(err)
	}
	w := world.Lock()
	defer world.Unlock()
	l := w.Look(w.TagByName("f40"), w.LastEvent())
	for in, want := range map[string]string{
		"new = 1-1":              "new = 1-1",
		"new >= 5":               "new >= 1",
		"unversioned >= 5":       "unversioned",
		"libnew.so.2()(64bit)":   "libnew.so.3()(64bit)",
		"libother.so.2()(64bit)": "libother.so.2()(64bit)",
	} {
		r, err := rpm.ParseRelation(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := relink(l, r).String(); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}
