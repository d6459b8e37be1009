package reporesolver

import (
	"strings"
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/scenario"
	"github.com/koschei-ci/koschei/internal/schema"
)

// What nobody can read of a repo's metadata is counted and shown, with the number
// that "koschei resolve" has, and costs no more than itself.
func TestLeftOutIsShown(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	err := s.Hub.Change(func(w *kojisim.System) error {
		glibc := w.BuildByNVR("glibc-1-1").Binaries[0]
		glibc.Requires = append(glibc.Requires, rpm.Relation{Name: "(a b c)"}, rpm.Relation{Name: "(a or"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.mustPass()
	s.Expect("packages", s.packages(), "bash ok resolved 0", "foo ok resolved 0", "gcc ok resolved 0", "glibc ok resolved 0")
	status, err := s.Store.Status(t.Context(), schema.Ranking{Rules: koschei.DefaultPriorityRules(), Now: s.Now()})
	if err != nil {
		t.Fatal(err)
	}
	c := &status.Collections[0]
	if c.LeftOut != 2 || len(c.LeftOutFirst) != 2 || !strings.Contains(c.LeftOutFirst[0], "glibc-1-1.x86_64") {
		t.Errorf("%d left out: %q, want two of glibc", c.LeftOut, c.LeftOutFirst)
	}
	s.tag("glibc-2-1")
	s.NewRepo()
	s.mustPass()
	if status, err = s.Store.Status(t.Context(), schema.Ranking{Rules: koschei.DefaultPriorityRules(), Now: s.Now()}); err != nil {
		t.Fatal(err)
	}
	if n := status.Collections[0].LeftOut; n != 0 {
		t.Errorf("%d left out of the next repo, want none", n)
	}
}
