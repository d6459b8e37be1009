package reporesolver

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/resolution"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A sim is a simulated hub, and a record of its packages and builds.
type sim struct {
	*Service
	t     testing.TB
	world *kojisim.World
	hub   *kojisim.Hub
	clock *kojisim.Clock
	pool  *pgxpool.Pool
}

// newSim has one collection, f44, whose packages are all tracked.
func newSim(t testing.TB) *sim {
	t.Helper()
	world, err := kojisim.Generate(kojisim.GeneratorOptions{
		Packages: 80, Seed: 1, History: 48 * time.Hour,
		Rules: &kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 2, RepoDeleteAfter: 24 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	return simOf(t, world)
}

func simOf(t testing.TB, world *kojisim.World) *sim {
	t.Helper()
	clock := kojisim.NewStepClock(world.Now())
	hub := kojisim.NewHub(world, clock, slog.New(slog.DiscardHandler))
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	client, err := koji.New(koji.Config{Server: server.URL + "/kojihub", TopURL: server.URL + "/kojifiles", Retry: koji.Retry{Min: time.Millisecond, Max: 10 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := pgtest.Database(t)
	db := pgtest.Open(t, cfg)
	s := &sim{
		t: t, world: world, hub: hub, clock: clock, pool: pgtest.Connect(t, cfg),
		Service: &Service{
			DB: db, Koji: client,
			Repos:  &resolution.Repos{Files: &repodata.Cache{Dir: t.TempDir(), Client: repodata.NewClient()}, Arch: "x86_64", Intern: db.Intern},
			Log:    slog.New(slog.NewTextHandler(t.Output(), nil)),
			Now:    clock.Now,
			Holder: "test",
			Rules:  koschei.DefaultPriorityRules(),
		},
	}
	s.addCollection("f44", kojisim.DestTagName, kojisim.BuildTagName)
	return s
}

func (s *sim) author() postgres.Author {
	return postgres.Author{Name: "test", Environment: "admin", Now: s.Now()}
}

func (s *sim) addCollection(name, dest, build string) {
	s.t.Helper()
	c := &koschei.Collection{
		Name: name, DisplayName: name, Target: kojisim.TargetName, DestTag: dest, BuildTag: build,
		BuildGroup: koschei.DefaultBuildGroup, PriorityCoefficient: 1, Weight: 1,
	}
	if _, err := s.DB.CreateCollection(s.t.Context(), s.author(), c); err != nil {
		s.t.Fatal(err)
	}
	s.poll(c)
}

// poll brings the record in line with the hub.
func (s *sim) poll(c *koschei.Collection) {
	s.t.Helper()
	ctx := s.t.Context()
	tagged, err := s.Koji.ListTagged(ctx, koji.TagQuery{Tag: c.DestTag, Latest: true, Inherit: true})
	if err != nil {
		s.t.Fatal(err)
	}
	var list postgres.PackageListing
	var sources []rpm.NEVRA
	for _, b := range tagged {
		list.Names, list.Blocked = append(list.Names, b.Name), append(list.Blocked, false)
		sources = append(sources, rpm.NEVRA{Name: b.Name, EVR: b.EVR(), Arch: "src"})
	}
	if _, err := s.DB.SavePackageList(ctx, c.ID, list, s.Now()); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.DB.TrackPackages(ctx, s.author(), c.Name, nil, true); err != nil {
		s.t.Fatal(err)
	}
	packages := s.packageIDs(c.ID)
	var builds []postgres.RealBuild
	for _, b := range tagged {
		builds = append(builds, postgres.RealBuild{
			PackageID: packages[b.Name], Hub: koschei.Primary, KojiBuildID: b.ID, Event: b.TaggedEvent, TaskID: b.TaskID,
			EVR: b.EVR(), Started: b.Started, Finished: b.Completed,
		})
	}
	if _, err := s.DB.AddRealBuilds(ctx, builds, s.Now()); err != nil {
		s.t.Fatal(err)
	}
	requires, err := s.Koji.BuildRequires(ctx, sources)
	if err != nil {
		s.t.Fatal(err)
	}
	var srpms []postgres.SRPM
	for i, r := range requires {
		if r.Err != nil {
			s.t.Fatal(r.Err)
		}
		srpm := postgres.SRPM{Source: postgres.Source{
			Hub: koschei.Primary, Name: sources[i].Name, Version: sources[i].Version, Release: sources[i].Release,
		}}
		for _, relation := range r.Relations {
			srpm.BuildRequires = append(srpm.BuildRequires, relation.String())
		}
		srpms = append(srpms, srpm)
	}
	if err := s.DB.SaveSRPMs(ctx, srpms); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sim) packageIDs(collectionID int64) map[string]int64 {
	s.t.Helper()
	rows, err := s.pool.Query(s.t.Context(), `SELECT name, id FROM package WHERE collection_id = $1`, collectionID)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	ids := map[string]int64{}
	for rows.Next() {
		var name string
		var id int64
		if err := rows.Scan(&name, &id); err != nil {
			s.t.Fatal(err)
		}
		ids[name] = id
	}
	return ids
}

func (s *sim) collection(name string) *koschei.Collection {
	s.t.Helper()
	c, err := s.DB.Collection(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// number runs a statement that returns one number.
func (s *sim) number(sql string, args ...any) int {
	s.t.Helper()
	var n int
	if err := s.pool.QueryRow(s.t.Context(), sql, args...).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func (s *sim) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.pool.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// mustPass runs a pass in which nothing goes wrong.
func (s *sim) mustPass() {
	s.t.Helper()
	if err := s.pass(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	if len(s.troubles) > 0 {
		s.t.Fatalf("troubles: %v", s.troubles)
	}
}

// newRepo lets time pass until the hub has another repo.
func (s *sim) newRepo() {
	s.t.Helper()
	was := s.newest()
	for range 100 {
		s.clock.Step(time.Hour)
		if s.newest() != was {
			return
		}
	}
	s.t.Fatal("the hub makes no repos")
}

func (s *sim) newest() int64 {
	s.t.Helper()
	r, err := s.Koji.Repo(s.t.Context(), kojisim.BuildTagName)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.ID
}
