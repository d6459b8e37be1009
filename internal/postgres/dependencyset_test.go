package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// nevras returns n packages of one version.
func nevras(n int, version string) []rpm.NEVRA {
	list := make([]rpm.NEVRA, n)
	for i := range list {
		list[i] = rpm.NEVRA{Name: fmt.Sprintf("lib%04d", i), EVR: rpm.EVR{Epoch: uint32(i % 3), Version: version, Release: "1"}, Arch: "x86_64"}
	}
	return list
}

func anySet() *rapid.Generator[postgres.Set] {
	return rapid.Custom(func(t *rapid.T) postgres.Set {
		ids := rapid.SliceOfDistinct(rapid.Int32Range(1, 1<<31-1), rapid.ID[int32]).Draw(t, "ids")
		members := make([]postgres.Member, len(ids))
		for i, id := range ids {
			members[i] = postgres.Member{ID: id, Distance: rapid.Uint8Range(0, 4).Draw(t, "distance")}
		}
		return postgres.NewSet(members)
	})
}

func TestEncodeDecode(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	rapid.Check(t, func(t *rapid.T) {
		set := anySet().Draw(t, "set")
		got, err := db.Decode(db.Encode(set))
		if diff := cmp.Diff(set, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("decoded (%v) otherwise than encoded (-want +got):\n%s", err, diff)
		}
	})
}

func FuzzDecode(f *testing.F) {
	db := pgtest.New(f)
	f.Add(db.Encode(postgres.Set{{ID: 7, Distance: 1}, {ID: 9}}))
	f.Add([]byte("not a set"))
	f.Fuzz(func(t *testing.T, content []byte) {
		set, err := db.Decode(content)
		if err == nil && len(set) > 16<<20 {
			t.Errorf("decoded %d members", len(set))
		}
	})
}

// 250 dependencies of 200,000 packages, most of them of the build group,
// whose ids lie together, must fit in a kilobyte.
func TestSetSize(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	r := rand.New(rand.NewPCG(1, 2))
	var members []postgres.Member
	for range 250 {
		members = append(members, postgres.Member{ID: 1 + r.Int32N(200_000), Distance: uint8(r.IntN(5))})
	}
	if size := len(db.Encode(postgres.NewSet(members))); size > 1024 {
		t.Errorf("a set of 250 takes %d bytes, want at most 1024", size)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		prev, curr := anySet().Draw(t, "prev"), anySet().Draw(t, "curr")
		curr = postgres.NewSet(append(append(postgres.Set{}, prev[:len(prev)/2]...), curr...))
		gone, come := postgres.Diff(prev, curr)
		var wantGone, wantCome postgres.Set
		in := func(s postgres.Set) map[int32]bool {
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
	set := postgres.Set{{ID: 1, Distance: 1}, {ID: 2, Distance: 2}}
	same := string(set.InputIdentity(source))
	for _, test := range []struct {
		name   string
		set    postgres.Set
		source rpm.NEVRA
		equal  bool
	}{
		{"other distances", postgres.Set{{ID: 1, Distance: 2}, {ID: 2}}, source, true},
		{"other member", postgres.Set{{ID: 1, Distance: 1}, {ID: 3, Distance: 2}}, source, false},
		{"other source", set, newer, false},
	} {
		if got := string(test.set.InputIdentity(test.source)) == same; got != test.equal {
			t.Errorf("%s: equal is %v, want %v", test.name, got, test.equal)
		}
	}
}

func TestInternAndStore(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, pool := pgtest.Open(t, cfg), pgtest.Connect(t, cfg)
	list := nevras(300, "1")
	ids, err := db.Intern(t.Context(), append(list, list[0])) // one twice
	if err != nil {
		t.Fatal(err)
	}
	if ids[300] != ids[0] {
		t.Errorf("one package got the ids %d and %d", ids[0], ids[300])
	}
	again, err := db.Intern(t.Context(), list)
	if diff := cmp.Diff(ids[:300], again); diff != "" || err != nil {
		t.Errorf("interned again (%v) (-first +again):\n%s", err, diff)
	}
	var next int32
	if err := pool.QueryRow(t.Context(), `SELECT nextval(pg_get_serial_sequence('nevra', 'id'))`).Scan(&next); err != nil || next != 301 {
		t.Errorf("the next id is %d (%v), want 301: what is there must cost no ids", next, err)
	}
	var members []postgres.Member
	var want []koschei.Dependency
	for i, id := range again {
		members = append(members, postgres.Member{ID: id, Distance: uint8(i % 5)})
		want = append(want, koschei.Dependency{NEVRA: list[i], Distance: i % 5})
	}
	set := postgres.NewSet(members)
	setIDs, err := db.StoreSets(t.Context(), []postgres.Set{set, set[:10], set})
	if err != nil {
		t.Fatal(err)
	}
	if setIDs[0] != setIDs[2] || setIDs[0] == setIDs[1] {
		t.Errorf("equal sets must share a row, others not: %v", setIDs)
	}
	got, err := db.Dependencies(t.Context(), setIDs[0])
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("read back (%v) (-want +got):\n%s", err, diff)
	}
	sets, err := db.Sets(t.Context(), setIDs)
	if diff := cmp.Diff(map[int64]postgres.Set{setIDs[0]: set, setIDs[1]: set[:10]}, sets); diff != "" || err != nil {
		t.Errorf("sets (%v) (-want +got):\n%s", err, diff)
	}
	known, err := db.NEVRAs(t.Context(), []int32{ids[7], 1 << 30})
	if diff := cmp.Diff(map[int32]*rpm.NEVRA{ids[7]: &list[7]}, known); diff != "" || err != nil {
		t.Errorf("packages by id (%v) (-want +got):\n%s", err, diff)
	}
	if _, err := db.Dependencies(t.Context(), 1<<40); !errors.Is(err, koschei.ErrNotFound) {
		t.Errorf("a set that is not there: %v, want ErrNotFound", err)
	}
	if _, err := db.StoreSets(t.Context(), []postgres.Set{{{ID: 999_999}}}); !errors.Is(err, koschei.ErrConflict) {
		t.Errorf("a set of a package that is not interned: %v, want ErrConflict", err)
	}
}

// Many intern and store the same at once, in different orders.
func TestInternAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	list := nevras(500, "1")
	var wg sync.WaitGroup
	results := make([]map[rpm.NEVRA]int32, 6)
	for i := range results {
		wg.Go(func() {
			mine := append([]rpm.NEVRA{}, list...)
			rand.New(rand.NewPCG(uint64(i), 0)).Shuffle(len(mine), func(a, b int) { mine[a], mine[b] = mine[b], mine[a] })
			ids, err := db.Intern(t.Context(), mine)
			if err != nil {
				t.Error(err)
				return
			}
			results[i] = map[rpm.NEVRA]int32{}
			var sets []postgres.Set
			for j, id := range ids {
				results[i][mine[j]] = id
				sets = append(sets, postgres.Set{{ID: id, Distance: 1}})
			}
			if _, err := db.StoreSets(t.Context(), sets); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range results {
		if diff := cmp.Diff(results[0], results[i]); diff != "" {
			t.Errorf("process %d was told other ids:\n%s", i, diff)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	db := pgtest.New(b)
	r := rand.New(rand.NewPCG(1, 2))
	var members []postgres.Member
	for range 250 {
		members = append(members, postgres.Member{ID: 1 + r.Int32N(200_000), Distance: uint8(r.IntN(5))})
	}
	set := postgres.NewSet(members)
	content := db.Encode(set)
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			db.Encode(set)
		}
		b.ReportMetric(float64(len(content)), "bytes")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := db.Decode(content); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("diff", func(b *testing.B) {
		for b.Loop() {
			postgres.Diff(set, set)
		}
	})
}

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
