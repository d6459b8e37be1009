package built_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/built"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// nevras returns n packages of one version.
func nevras(n int, version string) []rpm.NEVRA {
	list := make([]rpm.NEVRA, n)
	for i := range list {
		list[i] = rpm.NEVRA{Name: fmt.Sprintf("lib%04d", i), EVR: rpm.EVR{Epoch: uint32(i % 3), Version: version, Release: "1"}, Arch: "x86_64"}
	}
	return list
}

func TestInternAndStore(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	store, pool := built.New(pgtest.Open(t, cfg).PG), pgtest.Connect(t, cfg)
	list := nevras(300, "1")
	ids, err := store.Intern(t.Context(), append(list, list[0])) // one twice
	if err != nil {
		t.Fatal(err)
	}
	if ids[300] != ids[0] {
		t.Errorf("one package got the ids %d and %d", ids[0], ids[300])
	}
	again, err := store.Intern(t.Context(), list)
	if diff := cmp.Diff(ids[:300], again); diff != "" || err != nil {
		t.Errorf("interned again (%v) (-first +again):\n%s", err, diff)
	}
	var next int32
	if err := pool.QueryRow(t.Context(), `SELECT nextval(pg_get_serial_sequence('nevra', 'id'))`).Scan(&next); err != nil || next != 301 {
		t.Errorf("the next id is %d (%v), want 301: what is there must cost no ids", next, err)
	}
	var members []depset.Member
	var want []koschei.Dependency
	for i, id := range again {
		members = append(members, depset.Member{ID: id, Distance: uint8(i % 5)})
		want = append(want, koschei.Dependency{NEVRA: list[i], Distance: i % 5})
	}
	set := depset.NewSet(members)
	setIDs, err := store.StoreSets(t.Context(), []depset.Set{set, set[:10], set})
	if err != nil {
		t.Fatal(err)
	}
	if setIDs[0] != setIDs[2] || setIDs[0] == setIDs[1] {
		t.Errorf("equal sets must share a row, others not: %v", setIDs)
	}
	contents, err := store.SetContents(t.Context(), append(setIDs, 1<<40)) // one that is not there
	if err != nil {
		t.Fatal(err)
	}
	sets, err := store.DecodeSets(contents)
	if diff := cmp.Diff(map[int64]depset.Set{setIDs[0]: set, setIDs[1]: set[:10]}, sets); diff != "" || err != nil {
		t.Errorf("sets (%v) (-want +got):\n%s", err, diff)
	}
	got, err := schema.Dependencies(t.Context(), pool, sets[setIDs[0]])
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("read back (%v) (-want +got):\n%s", err, diff)
	}
	known, err := store.NEVRAs(t.Context(), []int32{ids[7], 1 << 30})
	if diff := cmp.Diff(map[int32]*rpm.NEVRA{ids[7]: &list[7]}, known); diff != "" || err != nil {
		t.Errorf("packages by id (%v) (-want +got):\n%s", err, diff)
	}
	if _, err := store.StoreSets(t.Context(), []depset.Set{{{ID: 999_999}}}); !errors.Is(err, koschei.ErrConflict) {
		t.Errorf("a set of a package that is not interned: %v, want ErrConflict", err)
	}
}

// Many intern and store the same at once, in different orders.
func TestInternAtOnce(t *testing.T) {
	t.Parallel()
	store := built.New(pgtest.New(t).PG)
	list := nevras(500, "1")
	var wg sync.WaitGroup
	results := make([]map[rpm.NEVRA]int32, 6)
	for i := range results {
		wg.Go(func() {
			mine := append([]rpm.NEVRA{}, list...)
			rand.New(rand.NewPCG(uint64(i), 0)).Shuffle(len(mine), func(a, b int) { mine[a], mine[b] = mine[b], mine[a] })
			ids, err := store.Intern(t.Context(), mine)
			if err != nil {
				t.Error(err)
				return
			}
			results[i] = map[rpm.NEVRA]int32{}
			var sets []depset.Set
			for j, id := range ids {
				results[i][mine[j]] = id
				sets = append(sets, depset.Set{{ID: id, Distance: 1}})
			}
			if _, err := store.StoreSets(t.Context(), sets); err != nil {
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
