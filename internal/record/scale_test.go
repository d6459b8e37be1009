package record_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/settle"
)

// TestMakeScale fills the database that KOSCHEI_SCALE names (a URL, or a
// directory for a private cluster) with the scale record; see "make scale". A
// database that is not empty is left alone.
func TestMakeScale(t *testing.T) {
	makeScale(t, pgtest.Scale(t))
}

func makeScale(t *testing.T, cfg *pgxpool.Config) {
	t.Helper()
	db, pool := openScale(t, cfg)
	if err := db.PG.Migrate(t.Context(), func(postgres.Migration) {}); err != nil {
		t.Fatal(err)
	}
	var packages int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM package`).Scan(&packages); err != nil {
		t.Fatal(err)
	}
	if packages > 0 {
		t.Skipf("the database holds %d packages already", packages)
	}
	began := time.Now()
	l := &scaleLoader{t: t, db: db, pool: pool, h: newScaleHistory(), codec: depset.NewCodec(), setIDs: map[[32]byte]int64{}}
	t.Logf("%d packages and %d builds thought up in %.0f s", len(l.h.collections)*scaleSources, len(l.h.builds), time.Since(began).Seconds())
	l.loadWords()
	l.loadBuilds()
	l.loadResolutions()
	l.finish()
	t.Logf("loaded in %.0f s", time.Since(began).Seconds())
}

func openScale(t testing.TB, cfg *pgxpool.Config) (*pgtest.DB, *pgxpool.Pool) {
	t.Helper()
	return pgtest.Open(t, cfg), pgtest.Connect(t, cfg)
}

// A scaleLoader writes a history with COPY.
type scaleLoader struct {
	t      *testing.T
	db     *pgtest.DB
	pool   *pgxpool.Pool
	h      *scaleHistory
	codec  *depset.Codec
	setIDs map[[32]byte]int64
}

// copy loads a table with n rows.
func (l *scaleLoader) copy(table, columns string, n int, row func(i int) []any) {
	l.t.Helper()
	i := 0
	_, err := l.pool.CopyFrom(l.t.Context(), pgx.Identifier{table}, strings.Fields(columns),
		pgx.CopyFromFunc(func() ([]any, error) {
			for ; i < n; i++ {
				if values := row(i); values != nil {
					i++
					return values, nil
				}
			}
			return nil, nil
		}))
	if err != nil {
		l.t.Fatalf("loading %s: %v", table, err)
	}
}

func (l *scaleLoader) exec(sql string, args ...any) {
	l.t.Helper()
	if _, err := l.pool.Exec(l.t.Context(), sql, args...); err != nil {
		l.t.Fatalf("%s: %v", sql, err)
	}
}

// loadWords loads what builds refer to.
func (l *scaleLoader) loadWords() {
	h := l.h
	l.copy("collection", "id name display_name order target dest_tag build_tag", len(h.collections), func(i int) []any {
		name := h.collections[i].name
		return []any{i + 1, name, strings.ToUpper(name), 100 - i, name, name, name + "-build"}
	})
	l.copy("base_package", "id name", scaleSources, func(i int) []any { return []any{i + 1, h.sources[i]} })
	l.copy("package", "id base_id collection_id name tracked blocked resolution", len(h.collections)*scaleSources, func(i int) []any {
		source := i % scaleSources
		return []any{i + 1, source + 1, i/scaleSources + 1, h.sources[source], source%50 != 0, source%97 == 0, "resolved"}
	})
	l.copy("users", "id name", 100, func(i int) []any { return []any{i + 1, fmt.Sprintf("packager%d", i)} })
	l.copy("package_group", "id name", 200, func(i int) []any { return []any{i + 1, fmt.Sprintf("group-%d", i)} })
	l.copy("package_group_member", "group_id base_id", scaleSources, func(i int) []any {
		return []any{i*i%200 + 1, i + 1}
	})
	l.copy("nevra", "id name epoch version release arch", len(h.nevras), func(i int) []any {
		n := h.nevras[i]
		return []any{i + 1, n.Name, n.Epoch, n.Version, n.Release, n.Arch}
	})
	l.copy("srpm", "name version release build_requires", scaleSources, func(i int) []any {
		var requires []string
		for _, d := range h.deps[i][scaleGroup : scaleGroup+10] {
			requires = append(requires, h.binaries[d.binary])
		}
		return []any{h.sources[i], "1.0", "1", requires}
	})
	repos := scaleDays * scaleReposADay
	l.copy("repo", "collection_id repo_id create_event created resolved packages packages_changed", len(h.collections)*repos, func(i int) []any {
		repo := i % repos
		return []any{i/repos + 1, repo + 1, repo + 1, h.repoTime(int32(repo)), "resolved", scaleSources, 7000}
	})
	l.loadRepoChanges(repos)
}

func (l *scaleLoader) loadRepoChanges(repos int) {
	h := l.h
	var rows [][]any
	for c := range h.collections {
		for repo := 1; repo < repos; repo++ {
			for _, source := range h.collections[c].updated[repo] {
				var prev, curr []int32
				for _, b := range h.binariesOf[source] {
					prev = append(prev, h.collections[c].idIn(b, int32(repo-1)))
					curr = append(curr, h.collections[c].idIn(b, int32(repo)))
				}
				rows = append(rows, []any{c + 1, repo + 1, h.sources[source], prev, curr})
			}
		}
	}
	l.copy("repo_change", "collection_id repo_id source prev curr", len(rows), func(i int) []any { return rows[i] })
}

// newSet returns the row of a set that is not stored yet, nil if it is, and its id.
func (l *scaleLoader) newSet(set depset.Set) ([]any, int64) {
	hash := set.Hash()
	if id, ok := l.setIDs[hash]; ok {
		return nil, id
	}
	id := int64(len(l.setIDs)) + 1
	l.setIDs[hash] = id
	return []any{id, hash[:], len(set), l.codec.Encode(set)}, id
}

func (l *scaleLoader) loadBuilds() {
	h := l.h
	identities := make([][]byte, len(h.builds))
	l.copy("dependency_set", "id hash size content", len(h.builds), func(i int) (row []any) {
		b := &h.builds[i]
		set := h.set(b.collection, b.source, b.repo)
		identities[i] = set.InputIdentity(h.nevras[h.collections[b.collection].idIn(h.binariesOf[b.source][0], b.repo)-1])
		row, b.set = l.newSet(set)
		return row
	})
	l.copy("build", "id package_id origin outcome event task_id koji_build_id version release repo_id started finished trigger deps dependency_set_id input_identity",
		len(h.builds), func(i int) []any {
			b := &h.builds[i]
			n := h.nevras[h.collections[b.collection].idIn(h.binariesOf[b.source][0], b.repo)-1]
			origin, kojiID, trigger := "scratch", (*int64)(nil), any(`{"dependency": 256, "build": 0, "time": 12.5, "manual": 0, "static": 0, "coefficient": 1}`)
			if b.real {
				origin, kojiID, trigger = "real", &b.id, nil
			}
			return []any{
				b.id, b.pkg, origin, string(b.outcome), b.event, 1_000_000 + b.id, kojiID, n.Version, n.Release, b.repo + 1, b.started,
				b.started.Add(20 * time.Minute), trigger, "resolved", b.set, identities[i],
			}
		})
	l.copy("applied_change", "build_id prev_build_id prev curr distance broke", len(h.builds), func(i int) []any {
		b := &h.builds[i]
		if b.prev < 0 {
			return nil
		}
		prev, curr, distance := h.changes(b.collection, b.source, h.builds[b.prev].repo, b.repo)
		return []any{b.id, h.builds[b.prev].id, prev, curr, distance, b.outcome == "failed" && h.builds[b.prev].outcome == "complete"}
	})
	arches := []string{"x86_64", "aarch64", "s390x"}
	l.copy("build_task", "build_id task_id method arch state started finished", 3*len(h.builds), func(i int) []any {
		b := &h.builds[i/3]
		if b.real && i%3 > 0 {
			return nil
		}
		return []any{b.id, 10_000_000 + i, "buildArch", arches[i%3], "closed", b.started, b.started.Add(15 * time.Minute)}
	})
}

// loadResolutions loads what the newest repos say of all packages.
func (l *scaleLoader) loadResolutions() {
	h := l.h
	all, newest := len(h.collections)*scaleSources, int32(scaleDays*scaleReposADay-1)
	l.copy("resolution", "package_id collection_id repo_id dependency_priority set_hash set_content", all, func(i int) []any {
		set := h.set(int32(i/scaleSources), int32(i%scaleSources), newest)
		hash, priority := set.Hash(), 0
		if (i+1)%10 == 0 {
			priority = (i + 1) % 400
		}
		return []any{i + 1, i/scaleSources + 1, newest + 1, priority, hash[:], l.codec.Encode(set)}
	})
	l.copy("resolution_change", "package_id repo_id event resolved problems changed", 2*all, func(i int) []any {
		problems := []string{}
		if i%2 == 1 {
			problems = []string{"nothing provides something needed by " + h.sources[i/2%scaleSources]}
		}
		return []any{i/2 + 1, i%700 + 1, i + 1, i%2 == 0, problems, h.repoTime(int32(i % 700))}
	})
}

// finish makes what follows from the rest, and tells the planner.
func (l *scaleLoader) finish() {
	ids := make([]int64, len(l.h.collections)*scaleSources)
	for i := range ids {
		ids[i] = int64(i) + 1
	}
	for chunk := range slices.Chunk(ids, 10_000) {
		err := l.db.PG.Transact(l.t.Context(), func(tx pgx.Tx) error { return settle.RefreshLastBuilds(l.t.Context(), tx, chunk) })
		if err != nil {
			l.t.Fatal(err)
		}
	}
	newest := scaleDays * scaleReposADay
	l.exec(`UPDATE collection SET latest_repo_id = $1, latest_repo_event = $1, latest_repo_resolved = 'resolved'`, newest)
	l.exec(`UPDATE package SET noted_state = state, state_since = $1,
		resolution = CASE WHEN id % 40 = 0 THEN 'unresolved' ELSE 'resolved' END, resolved_build_id = last_complete_build_id`, l.h.start)
	l.exec(`UPDATE package SET noted_state = state WHERE noted_state <> state`)
	l.exec(`INSERT INTO state_change (collection_id, package_id, prev, curr, changed) SELECT collection_id, id, 'unknown', state, $1 FROM package`, l.h.start)
	for _, table := range []string{"collection", "base_package", "package", "users", "package_group", "nevra", "dependency_set", "build"} {
		l.exec(fmt.Sprintf(`SELECT setval(pg_get_serial_sequence('%[1]s', 'id'), (SELECT max(id) FROM %[1]s))`, table))
	}
	l.exec(`VACUUM ANALYZE`)
}
