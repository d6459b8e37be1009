package buildresolver

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/resolution"
)

// A sim is a simulated hub, and a record of its packages and builds that the
// service under test works on.
type sim struct {
	*Service
	t     testing.TB
	hub   *kojisim.Hub
	clock *kojisim.Clock
	sync  *kojisync.Sync
	pool  *pgxpool.Pool
	url   string
}

// parse makes the world of package kojisim that a text describes.
func parse(t testing.TB, text string) *kojisim.World {
	t.Helper()
	w, err := kojisim.ParseWorld([]byte("-- world --\n"+text), 1)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// newSim has one collection, f44, whose packages are all tracked.
func newSim(t testing.TB, world *kojisim.World) *sim {
	t.Helper()
	clock := kojisim.NewStepClock(world.Now())
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s := &sim{t: t, clock: clock, hub: kojisim.NewHub(world, clock, slog.New(slog.DiscardHandler))}
	server := httptest.NewServer(s.hub)
	t.Cleanup(server.Close)
	s.url = server.URL
	client, err := koji.New(koji.Config{
		Server: server.URL + "/kojihub", TopURL: server.URL + "/kojifiles",
		Retry: koji.Retry{Attempts: 2, Min: time.Millisecond, Max: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := pgtest.Database(t)
	db := pgtest.Open(t, cfg)
	s.pool = pgtest.Connect(t, cfg)
	s.sync = &kojisync.Sync{DB: db, Primary: client, Log: log, Now: clock.Now, Rules: koschei.DefaultPriorityRules()}
	s.Service = &Service{
		DB: db, Koji: client, Log: log, Now: clock.Now, Holder: "test", Rules: koschei.DefaultPriorityRules(),
		Repos: &resolution.Repos{
			Files: &repodata.Cache{Dir: t.TempDir(), Client: repodata.NewClient()}, Arch: "x86_64", Intern: db.Intern,
		},
	}
	s.addCollection("f44", "f44-build")
	s.poll()
	return s
}

func (s *sim) addCollection(name, buildTag string) {
	s.t.Helper()
	author := postgres.Author{Name: "test", Environment: "admin", Now: s.Now()}
	c := &koschei.Collection{
		Name: name, DisplayName: name, Target: name, DestTag: "f44", BuildTag: buildTag,
		BuildGroup: koschei.DefaultBuildGroup, PriorityCoefficient: 1, Weight: 1,
	}
	if _, err := s.DB.CreateCollection(s.t.Context(), author, c); err != nil {
		s.t.Fatal(err)
	}
}

// poll brings the record in line with the hub and tracks everything.
func (s *sim) poll() {
	s.t.Helper()
	collections, err := s.DB.Collections(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range collections {
		c := &collections[i]
		err := s.sync.PackageList(s.t.Context(), c)
		s.exec(`UPDATE package SET tracked = true WHERE NOT tracked`)
		if err == nil {
			err = s.sync.TaggedBuilds(s.t.Context(), c)
		}
		if err == nil {
			err = s.sync.SourceFacts(s.t.Context(), c)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
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

// lines runs a statement that returns texts.
func (s *sim) lines(sql string, args ...any) []string {
	s.t.Helper()
	rows, err := s.pool.Query(s.t.Context(), sql, args...)
	if err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	lines := []string{}
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			s.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return lines
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

// newRepo lets the hub make another repo.
func (s *sim) newRepo() {
	s.t.Helper()
	s.administer("newRepo", "f44-build")
	s.clock.Step(time.Hour)
}

// administer makes a call at the hub in the name of an administrator.
func (s *sim) administer(method string, params ...any) {
	s.t.Helper()
	opened, ok := s.call(http.Header{}, "login", "root", "secret").(xmlrpc.Struct)
	if !ok {
		s.t.Fatal("login failed")
	}
	id, _ := opened.Get("session-id")
	key, _ := opened.Get("session-key")
	header := http.Header{}
	header.Set("Koji-Session-Id", strconv.FormatInt(id.(int64), 10))
	header.Set("Koji-Session-Key", key.(string))
	s.call(header, method, params...)
}

func (s *sim) call(header http.Header, method string, params ...any) any {
	s.t.Helper()
	body, err := xmlrpc.AppendCall(nil, xmlrpc.Call{Method: method, Params: params})
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/kojihub", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = header
	req.Header.Set("Content-Type", "text/xml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	value, err := xmlrpc.NewDecoder(resp.Body, xmlrpc.Limits{}).Response()
	if err != nil {
		s.t.Fatalf("%s: %v", method, err)
	}
	return value
}
