package depset_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei/internal/depset"
)

func TestEncodeDecode(t *testing.T) {
	t.Parallel()
	codec := depset.NewCodec()
	rapid.Check(t, func(t *rapid.T) {
		set := anySet().Draw(t, "set")
		got, err := codec.Decode(codec.Encode(set))
		if diff := cmp.Diff(set, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("decoded (%v) otherwise than encoded (-want +got):\n%s", err, diff)
		}
	})
}

func FuzzDecode(f *testing.F) {
	codec := depset.NewCodec()
	f.Add(codec.Encode(depset.Set{{ID: 7, Distance: 1}, {ID: 9}}))
	f.Add([]byte("not a set"))
	f.Fuzz(func(t *testing.T, content []byte) {
		set, err := codec.Decode(content)
		if err == nil && len(set) > 16<<20 {
			t.Errorf("decoded %d members", len(set))
		}
	})
}

// 250 dependencies of 200,000 packages, most of them of the build group,
// whose ids lie together, must fit in a kilobyte.
func TestSetSize(t *testing.T) {
	t.Parallel()
	codec := depset.NewCodec()
	r := rand.New(rand.NewPCG(1, 2))
	var members []depset.Member
	for range 250 {
		members = append(members, depset.Member{ID: 1 + r.Int32N(200_000), Distance: uint8(r.IntN(5))})
	}
	if size := len(codec.Encode(depset.NewSet(members))); size > 1024 {
		t.Errorf("a set of 250 takes %d bytes, want at most 1024", size)
	}
}

func BenchmarkEncode(b *testing.B) {
	codec := depset.NewCodec()
	r := rand.New(rand.NewPCG(1, 2))
	var members []depset.Member
	for range 250 {
		members = append(members, depset.Member{ID: 1 + r.Int32N(200_000), Distance: uint8(r.IntN(5))})
	}
	set := depset.NewSet(members)
	content := codec.Encode(set)
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			codec.Encode(set)
		}
		b.ReportMetric(float64(len(content)), "bytes")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := codec.Decode(content); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("diff", func(b *testing.B) {
		for b.Loop() {
			depset.Diff(set, set)
		}
	})
}
