package depset_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/koschei-ci/koschei/internal/depset"
)

func TestVia(t *testing.T) {
	t.Parallel()
	set := depset.NewSet([]depset.Member{{ID: 7}, {ID: 70}, {ID: 700}, {ID: 7000}})
	changed := []int32{700, 7, 70, 0, 7000}
	via := depset.Via{700: {7, 7000}, 7: {}, 7000: {7, 8}} // 8 is not in the set
	coded := set.EncodeVia(changed, via)
	if diff := cmp.Diff([]int16{1, 4, 0, 0, -1, 0, -1, 0, -1, 0}, coded); diff != "" {
		t.Errorf("encoded (-want +got):\n%s", diff)
	}
	want := depset.Via{700: {7, 7000}, 7: {}}
	if diff := cmp.Diff(want, set.DecodeVia(changed, coded)); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	if coded := set.EncodeVia(changed, nil); coded != nil {
		t.Errorf("nothing is known: %v", coded)
	}
	for _, damaged := range [][]int16{nil, {1}, {9, 0}, {-5, 0}} {
		if diff := cmp.Diff(depset.Via{}, set.DecodeVia(changed, damaged), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("of %v (-want +got):\n%s", damaged, diff)
		}
	}
}
