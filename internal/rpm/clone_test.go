package rpm

import (
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

func TestClone(t *testing.T) {
	t.Parallel()
	evr := EVR{1, "2", "3"}
	p := &Package{
		NEVRA: NEVRA{"name", evr, "arch"}, PkgID: "id", Location: "location", Base: "base", Source: "source",
		Requires: []Relation{{"r", Equal, evr}, {"r2", 0, EVR{}}}, Provides: []Relation{{"p", Less, evr}},
		Conflicts: []Relation{{"c", 0, EVR{}}}, Obsoletes: []Relation{{"o", Greater, evr}},
		Recommends: []Relation{{"m", 0, EVR{}}}, Suggests: []Relation{{"s", 0, EVR{}}},
		Supplements: []Relation{{"u", 0, EVR{}}}, Enhances: []Relation{{"e", 0, EVR{}}},
		Files: []string{"/f", "/g"},
	}
	c := p.Clone()
	if diff := cmp.Diff(p, c); diff != "" {
		t.Errorf("(-original +clone)\n%s", diff)
	}
	if &p.Requires[0] == &c.Requires[0] || unsafe.StringData(p.Files[0]) == unsafe.StringData(c.Files[0]) {
		t.Error("the clone shares memory with the original")
	}
	if diff := cmp.Diff(new(Package), new(Package).Clone()); diff != "" {
		t.Errorf("of an empty package (-original +clone)\n%s", diff)
	}
}
