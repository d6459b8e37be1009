package site_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	v2 "github.com/koschei-ci/koschei/internal/web/api/v2"
)

// What nothing provides is told with the packages that want it.
func TestV2Unmet(t *testing.T) {
	t.Parallel()
	w := pgtest.NewWorld(t)
	w.Collection("f44")
	w.Package("f44", "cup", pgtest.Resolution(koschei.Unresolved))
	w.Lacks("cup", "libold.so.1", "old", "1-1", "2-1")
	b := browse(t, config(w.Open().View))
	unmet := decoded[v2.ListOf[v2.Unmet]](t, b.get("/api/v2/unmet/f44"), 200).Items
	if len(unmet) != 1 || unmet[0].Dependency != "libold.so.1" || unmet[0].Source != "old" {
		t.Fatalf("what is not met: %+v", unmet)
	}
	names := decoded[v2.ListOf[string]](t, b.get(fmt.Sprintf("/api/v2/unmet/%d/packages", unmet[0].ID)), 200).Items
	if !slices.Equal(names, []string{"cup"}) {
		t.Errorf("who wants it: %v", names)
	}
}
