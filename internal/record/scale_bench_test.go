package record_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/maintain"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
)

// BenchmarkScale measures on the scale record (see TestMakeScale) what pages,
// scheduler and resolver ask. Each figure is of one process alone; p50 and p99
// are of one call, in milliseconds.
func BenchmarkScale(b *testing.B) {
	measureScale(b, pgtest.Scale(b))
}

func measureScale(b *testing.B, cfg *pgxpool.Config) {
	b.Helper()
	s := &scaleBench{rand: rand.New(rand.NewPCG(7, uint64(time.Now().UnixNano())))} // or sets would be there already
	cfg, s.statements = pgtest.Counting(cfg)
	s.db, s.pool = openScale(b, cfg)
	var newest int64
	err := s.pool.QueryRow(b.Context(), `SELECT max(started), (SELECT max(id) FROM build) FROM build`).Scan(&s.now, &newest)
	if err != nil {
		b.Fatal(err)
	}
	s.newest = newest
	b.Run("bytes", s.bytes)
	b.Run("list", s.lists)
	b.Run("page/package", s.packagePages)
	b.Run("page/build", s.buildPages)
	b.Run("scheduler", s.scheduler)
	b.Run("affected-by", s.affectedBy)
	b.Run("resolution", s.resolution)
}

// BenchmarkScaleCleanup forgets the older half of the scale record, if
// KOSCHEI_SCALE_CLEANUP says that it may.
func BenchmarkScaleCleanup(b *testing.B) {
	if os.Getenv("KOSCHEI_SCALE_CLEANUP") == "" {
		b.Skip("set KOSCHEI_SCALE_CLEANUP to lose half of the scale record")
	}
	db, pool := openScale(b, pgtest.Scale(b))
	var middle time.Time
	if err := pool.QueryRow(b.Context(), `SELECT min(started) + (max(started) - min(started)) / 2 FROM build`).Scan(&middle); err != nil {
		b.Fatal(err)
	}
	author := audit.Act{Actor: koschei.Actor{Name: "bench", From: koschei.FromBackend}, Now: middle}
	s := &scaleBench{pool: pool}
	cpu := s.cpu(b)
	for b.Loop() {
		done, err := db.Cleanup(b.Context(), author, maintain.Retention{Builds: middle, Transitions: middle, Repos: middle, Events: middle})
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%+v", done)
	}
	b.ReportMetric((s.cpu(b) - cpu).Seconds(), "cpu-s")
}

type scaleBench struct {
	db         *pgtest.DB
	pool       *pgxpool.Pool
	rand       *rand.Rand
	now        time.Time
	newest     int64 // build
	statements *pgtest.Statements
}

// measure reports on many calls of f after a few to warm up.
func (s *scaleBench) measure(b *testing.B, calls int, f func() error) {
	b.Helper()
	var took []time.Duration
	var fewest, most int64 = 1 << 62, 0
	cpu := s.cpu(b)
	for b.Loop() {
		for i := range 20 + calls {
			before, began := s.statements.Count(), time.Now()
			if err := f(); err != nil {
				b.Fatal(err)
			}
			if i >= 20 {
				took = append(took, time.Since(began))
				n := s.statements.Count() - before
				fewest, most = min(fewest, n), max(most, n)
			}
		}
	}
	b.ReportMetric((s.cpu(b)-cpu).Seconds()*1000/float64((20+calls)*b.N), "cpu-ms")
	slices.Sort(took)
	ms := func(part float64) float64 { return took[int(part*float64(len(took)-1))].Seconds() * 1000 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
	b.ReportMetric(float64(most), "statements")
	b.ReportMetric(float64(fewest), "fewest-statements")
}

// cpu is what this process and the server's processes for it have used so far.
func (s *scaleBench) cpu(b *testing.B) time.Duration {
	b.Helper()
	own, server := pgtest.CPU(b, s.pool)
	return own + server
}

// bytes reports what a build takes with all that belongs to it, on disk.
func (s *scaleBench) bytes(b *testing.B) {
	var build, sets, all, contents float64
	for b.Loop() {
		err := s.pool.QueryRow(b.Context(), `
			WITH n AS (SELECT count(*)::float8 AS builds FROM build), s AS (SELECT count(*)::float8 AS sets FROM dependency_set)
			SELECT pg_total_relation_size('build') / n.builds,
				pg_total_relation_size('dependency_set') / s.sets,
				(pg_total_relation_size('applied_change') + pg_total_relation_size('build_task')) / n.builds,
				(SELECT avg(length(content))::float8 FROM dependency_set)
			FROM n, s`).Scan(&build, &sets, &all, &contents)
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(build+sets, "bytes/build+set")
	b.ReportMetric(sets, "bytes/set")
	b.ReportMetric(contents, "bytes/set-content")
	b.ReportMetric(all, "bytes/changes+tasks")
}

// lists reads a page of 50 of a collection's list by its number and the one behind it,
// by every key.
func (s *scaleBench) lists(b *testing.B) {
	for _, key := range []string{"usual", "name", "state", "running", "task_id", "started", "since", "current_priority"} {
		b.Run(key, func(b *testing.B) {
			s.measure(b, 100, func() error {
				order := view.ListOrder{{Key: key, Reverse: s.rand.IntN(2) == 0}}
				if key == "usual" {
					order = view.ListOrder{{Key: "running"}, {Key: "state"}, {Key: "name"}}
				}
				f, ranking := view.PackageFilter{Collections: []int64{1 + s.rand.Int64N(4)}}, schema.Ranking{Rules: koschei.DefaultPriorityRules(), Now: s.now}
				_, around, err := s.db.Packages.List(b.Context(), f, order, view.Span{Limit: 50, Offset: s.rand.IntN(600) * 50}, ranking)
				if err != nil {
					return err
				}
				_, _, err = s.db.Packages.List(b.Context(), f, order, view.Span{Limit: 50, After: around.Last}, ranking)
				return err
			})
		})
	}
}

func (s *scaleBench) packagePages(b *testing.B) {
	names, err := readNames(b, s.pool)
	if err != nil {
		b.Fatal(err)
	}
	s.measure(b, 500, func() error {
		_, err := s.db.Packages.Page(b.Context(), names[s.rand.IntN(len(names))], 1+s.rand.Int64N(4), view.HistoryQuery{Limit: 20})
		return err
	})
}

func readNames(b *testing.B, pool *pgxpool.Pool) ([]string, error) {
	rows, err := pool.Query(b.Context(), `SELECT name FROM base_package ORDER BY id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (s *scaleBench) buildPages(b *testing.B) {
	s.measure(b, 500, func() error {
		_, err := s.db.Builds.Compare(b.Context(), view.Pair{B: 1 + s.rand.Int64N(s.newest)})
		return err
	})
}

// scheduler asks for the packages most worth building.
func (s *scaleBench) scheduler(b *testing.B) {
	s.measure(b, 200, func() error {
		_, err := s.db.Schedulable(b.Context(), 1+s.rand.Int64N(4), schema.Ranking{Rules: koschei.DefaultPriorityRules(), Now: s.now}, 10)
		return err
	})
}

// affectedBy asks for updates of packages that most buildroots have.
func (s *scaleBench) affectedBy(b *testing.B) {
	rows, err := s.pool.Query(b.Context(), `
		SELECT name
		FROM nevra
		WHERE release LIKE '%fc44' AND id < (SELECT min(id) + 150 FROM nevra WHERE release LIKE '%fc44')
		GROUP BY name
		ORDER BY name`)
	if err != nil {
		b.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.Fatal(err)
	}
	found := 0
	s.measure(b, 200, func() error {
		affected, err := s.db.Repos.AffectedBy(b.Context(), "rawhide", names[s.rand.IntN(len(names))],
			rpm.EVR{Version: "1.0", Release: "1.fc44"}, rpm.EVR{Version: "1.3", Release: "1.fc44"}, 10_000)
		found += len(affected)
		return err
	})
	b.ReportMetric(float64(found)/220/float64(b.N), "builds-found")
}

// resolution stores a repo in which a fifth of a collection's packages, 7,000
// of 34,000, resolve to something else.
func (s *scaleBench) resolution(b *testing.B) {
	const changed = scaleSources * 7 / 34
	ctx := b.Context()
	candidates, err := s.db.Candidates(ctx, 2, false)
	if err != nil {
		b.Fatal(err)
	}
	fenced := s.db.Fenced(b)
	for b.Loop() {
		verdicts := s.verdicts(b, candidates, changed)
		var before int64
		if err := s.pool.QueryRow(ctx, `SELECT pg_current_xact_id()::text::bigint`).Scan(&before); err != nil {
			b.Fatal(err)
		}
		began, cpu := time.Now(), s.cpu(b)
		_, err := fenced.StoreVerdicts(ctx, &koschei.Repo{CollectionID: 2, RepoID: 100_000, CreateEvent: 100_000}, verdicts, s.now)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/store")
		b.ReportMetric((s.cpu(b) - cpu).Seconds(), "cpu-s/store")
		for _, table := range []string{"package", "resolution"} {
			var rows float64
			sql := fmt.Sprintf(`SELECT count(*) FROM %s WHERE xmin::text::bigint > $1`, table)
			if err := s.pool.QueryRow(ctx, sql, before).Scan(&rows); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(rows, table+"-rows")
		}
	}
}

// verdicts gives the first candidates other sets than they have.
func (s *scaleBench) verdicts(b *testing.B, candidates []depset.Candidate, n int) []depset.Verdict {
	b.Helper()
	var ids []int64
	for _, c := range candidates[:n] {
		ids = append(ids, c.SetID)
	}
	contents, err := schema.LoadSetContents(b.Context(), s.pool, ids)
	if err != nil {
		b.Fatal(err)
	}
	sets, err := schema.DecodeSets(depset.NewCodec(), contents)
	if err != nil {
		b.Fatal(err)
	}
	verdicts := make([]depset.Verdict, n)
	for i := range verdicts {
		set := slices.Clone(sets[ids[i]])
		for range 5 {
			set[s.rand.IntN(len(set))].ID = 1 + s.rand.Int32N(100_000)
		}
		set = depset.NewSet(set)
		verdicts[i] = depset.Verdict{Candidate: &candidates[i], Answered: true, Set: set, Hash: hashOf(set), Priority: s.rand.IntN(1000)}
	}
	return verdicts
}
