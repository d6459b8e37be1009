package depset_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/rpm"
)

func anySet() *rapid.Generator[depset.Set] {
	return rapid.Custom(func(t *rapid.T) depset.Set {
		ids := rapid.SliceOfDistinct(rapid.Int32Range(1, 1<<31-1), rapid.ID[int32]).Draw(t, "ids")
		members := make([]depset.Member, len(ids))
		for i, id := range ids {
			members[i] = depset.Member{ID: id, Distance: rapid.Uint8Range(0, 4).Draw(t, "distance")}
		}
		return depset.NewSet(members)
	})
}

func TestDiff(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		prev, curr := anySet().Draw(t, "prev"), anySet().Draw(t, "curr")
		curr = depset.NewSet(append(append(depset.Set{}, prev[:len(prev)/2]...), curr...))
		gone, come := depset.Diff(prev, curr)
		var wantGone, wantCome depset.Set
		in := func(s depset.Set) map[int32]bool {
			ids := map[int32]bool{}
			for _, m := range s {
				ids[m.ID] = true
			}
			return ids
		}
		for _, m := range prev {
			if !in(curr)[m.ID] {
				wantGone = append(wantGone, m)
			}
		}
		for _, m := range curr {
			if !in(prev)[m.ID] {
				wantCome = append(wantCome, m)
			}
		}
		if diff := cmp.Diff(wantGone, gone, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("gone (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(wantCome, come, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("come (-want +got):\n%s", diff)
		}
	})
}

func TestInputIdentity(t *testing.T) {
	t.Parallel()
	source := rpm.NEVRA{Name: "foo", EVR: rpm.EVR{Version: "1", Release: "1"}, Arch: "src"}
	newer := source
	newer.Release = "2"
	set := depset.Set{{ID: 1, Distance: 1}, {ID: 2, Distance: 2}}
	same := string(set.InputIdentity(source))
	for _, test := range []struct {
		name   string
		set    depset.Set
		source rpm.NEVRA
		equal  bool
	}{
		{"other distances", depset.Set{{ID: 1, Distance: 2}, {ID: 2}}, source, true},
		{"other member", depset.Set{{ID: 1, Distance: 1}, {ID: 3, Distance: 2}}, source, false},
		{"other source", set, newer, false},
	} {
		if got := string(test.set.InputIdentity(test.source)) == same; got != test.equal {
			t.Errorf("%s: equal is %v, want %v", test.name, got, test.equal)
		}
	}
}
