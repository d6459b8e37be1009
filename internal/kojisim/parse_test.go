package kojisim

import (
	"strings"
	"testing"
)

func TestParseWorld(t *testing.T) {
	t.Parallel()
	w, err := ParseWorld([]byte(simpleWorld+"-- more --\npackage bar tag=f40 blocked\nbreak foo from=2-1 dependency=bash dependency_from=6-1 it broke\nflaky foo 0.25\npolicy build_from_repo_id=deny\nevent 50\n"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.lastEvent(); got != 50 {
		t.Errorf("got event %d, want 50", got)
	}
	if !isBlocked(w.tagByName("f40-build").order(), w.packageByName("bar")) {
		t.Error("bar is not blocked")
	}
	if w.policy.BuildFromRepoID || w.truth.flaky["foo"] != 0.25 {
		t.Errorf("got policy %+v, flaky %v", w.policy, w.truth.flaky)
	}
	b := w.Breakages()["foo"]
	if len(b) != 1 || b[0].From.String() != "2-1" || b[0].Dependency != "bash" || b[0].DependencyFrom.String() != "6-1" || b[0].Message != "it broke" {
		t.Errorf("got %+v", b)
	}
}

func TestParseWorldErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ world, want string }{
		{"nonsense x", `w:1: unknown word "nonsense"`},
		{"tag", "w:1: tag needs 1 words"},
		{"tag a parents=b", `w:1: no tag "b"`},
		{"tag a\nuser u\npackage p tag=a\nbuild p-1 tag=a", "w:4: "},
		{" requires x", "w:1: requires stands below no build"},
		{"tag a\nuser u\npackage p tag=a\nbuild p-1-1 tag=b\nevent 20", `w:5: no tag "b"`},
		{"tag a\nevent 0", "w:2: event 0 is no later event than 1"},
		{"host h channels=c", `w:1: no channel "c"`},
		{"rules repo_every=often", "w:1: repo_every=often is no duration"},
		{"flaky p often", "w:1: p=often is no number"},
	} {
		_, err := ParseWorld([]byte("-- w --\n"+tc.world+"\n"), 1)
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%q: got %v, want %s", tc.world, err, tc.want)
		}
	}
}
