package kojihub

import (
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
)

// TestDraftsAreNews wants a hub from before 1.34 to say nothing of drafts, wherever
// it tells of builds and RPMs.
func TestDraftsAreNews(t *testing.T) {
	t.Parallel()
	named := func(name string, value any) xmlrpc.Struct {
		return xmlrpc.Named(xmlrpc.Struct{{Name: name, Value: value}})
	}
	for _, hub := range []struct {
		version string
		drafts  bool
	}{{"1.33.2", false}, {"1.34.0", true}, {"1.35.3", true}} {
		w, err := worldtext.Parse([]byte(simpleWorld+"policy version="+hub.version+"\n"), 1)
		if err != nil {
			t.Fatal(err)
		}
		s := newStation(t, w)
		for name, answer := range map[string]any{
			"getBuild":        s.must("getBuild", "foo-1-1"),
			"listBuilds":      s.must("listBuilds", named("packageID", "foo")),
			"listTagged":      s.must("listTagged", "f40"),
			"getLatestBuilds": s.must("getLatestBuilds", "f40"),
			"listTaggedRPMS":  s.must("listTaggedRPMS", "f40"),
			"listBuildRPMs":   s.must("listBuildRPMs", "foo-1-1"),
			"getRPM":          s.must("getRPM", "foo-1-1.src"),
			"listRPMs":        s.must("listRPMs", 2),
		} {
			shape := shapeOf(answer)
			if !strings.Contains(shape, "release: string") {
				t.Fatalf("%s tells of no build: %s", name, shape)
			}
			if got := strings.Contains(shape, "draft") || strings.Contains(shape, "promot"); got != hub.drafts {
				t.Errorf("%s of hub %s: tells of drafts: %t", name, hub.version, got)
			}
		}
	}
}
