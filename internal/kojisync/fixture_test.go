package kojisync

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// A fixture is a record beside a simulated hub, with a collection f40 of which
// the record knows nothing yet.
type fixture struct {
	*Sync
	t     testing.TB
	world *kojisim.World
	hub   *kojihub.Hub
	clock *kojisim.Clock
	sql   *pgtest.Console
	url   string
}

const smallWorld = `
-- world --
start 2026-11-23T12:00:00Z
user koschei password=secret
user root password=secret perms=admin
channel default
host builder1 arches=x86_64,aarch64 capacity=20 channels=default
tag f40
tag f40-old
tag f40-build arches=x86_64,aarch64 parents=f40
target f40 build=f40-build dest=f40
group f40-build build
member f40-build build mandatory bash
package bash tag=f40
package foo tag=f40
package docs tag=f40
package old tag=f40 blocked
package bash tag=f40-old
package foo tag=f40-old blocked
package older tag=f40-old
build bash-5-1 tag=f40
 binary bash
build foo-1-1 epoch=3 tag=f40
 requires bash >= 4
 requires (bash if docs)
 exclusivearch x86_64 aarch64
 binary foo
build foo-2-1
 requires bash
 binary foo
build docs-1-1 tag=f40
 requires nothing-that-exists
 buildarchs noarch
 binary docs noarch
repo f40-build
`

func newFixture(t *testing.T) *fixture {
	t.Helper()
	w, err := worldtext.Parse([]byte(smallWorld), 1)
	if err != nil {
		t.Fatal(err)
	}
	return fixtureOf(t, w)
}

func fixtureOf(t testing.TB, w *kojisim.World) *fixture {
	t.Helper()
	clock := kojisim.NewStepClock(w.Now())
	hub := kojihub.New(w, clock, slog.New(slog.DiscardHandler))
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	client, err := koji.New(koji.Config{
		Server: server.URL + "/kojihub",
		Login:  koji.Login{User: "koschei", Password: "secret"},
		Retry:  koji.Retry{Attempts: 2, Min: 1, Max: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := pgtest.Database(t)
	f := &fixture{
		Sync: &Sync{
			DB: pgtest.Open(t, cfg), Primary: client, Log: slog.New(slog.DiscardHandler), Now: clock.Now,
			Rules: koschei.DefaultPriorityRules(),
		},
		t: t, world: w, hub: hub, clock: clock, sql: pgtest.NewConsole(t, cfg), url: server.URL,
	}
	f.exec(`
		INSERT INTO collection (name, display_name, target, dest_tag, build_tag)
		VALUES ('f40', 'Fedora 40', 'f40', 'f40', 'f40-build')`)
	return f
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	f.sql.Exec(sql, args...)
}

func (f *fixture) query(sql string, args ...any) []string {
	f.t.Helper()
	return f.sql.Lines(sql, args...)
}

func (f *fixture) collection() *koschei.Collection {
	f.t.Helper()
	c, err := f.DB.Collection(f.t.Context(), "f40")
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// poll does for the collection what polling does.
func (f *fixture) poll() {
	f.t.Helper()
	c := f.collection()
	for _, step := range []func(context.Context, *koschei.Collection) error{f.PackageList, f.TaggedBuilds, f.SourceFacts} {
		if err := step(f.t.Context(), c); err != nil {
			f.t.Fatal(err)
		}
	}
}

// follow asks for running builds.
func (f *fixture) follow() {
	f.t.Helper()
	if err := f.RunningBuilds(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// submit has the hub build a tagged source of a package, as the scheduler does.
// It returns the build's id and the task's.
func (f *fixture) submit(pkg string) (id, task int64) {
	f.t.Helper()
	ctx := f.t.Context()
	event, err := f.Primary.LastEvent(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	tagged, err := f.Primary.ListTagged(ctx, koji.TagQuery{Tag: "f40", Package: pkg, Latest: true, Inherit: true})
	if err != nil || len(tagged) != 1 {
		f.t.Fatal(tagged, err)
	}
	srpm, err := f.Primary.SRPM(ctx, tagged[0].ID)
	if err != nil {
		f.t.Fatal(err)
	}
	id = f.sql.Number(`
		INSERT INTO build (package_id, origin, outcome, event, epoch, version, release, started)
		SELECT id, 'scratch', 'submitting', $2, $3, $4, $5, $6 FROM package WHERE name = $1
		RETURNING id`, pkg, event.ID, tagged[0].EVR().Epoch, tagged[0].Version, tagged[0].Release, f.Now())
	task, err = f.Primary.Build(ctx, koji.ScratchBuild{
		Key: strconv.FormatInt(id, 10), Source: koji.SourcePath("../packages", &tagged[0].Build, srpm.NEVRA()), Target: "f40",
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.exec(`UPDATE build SET outcome = 'running', task_id = $2 WHERE id = $1`, id, task)
	f.exec(`UPDATE package SET last_build_id = $2, last_build_started = $3 WHERE name = $1`, pkg, id, f.Now())
	return id, task
}

// builds describes a package's builds in their order.
func (f *fixture) builds(pkg string) []string {
	f.t.Helper()
	return f.query(`
		SELECT concat_ws(' ', b.origin, b.outcome, b.epoch || ':' || b.version || '-' || b.release,
			CASE WHEN b.untagged THEN 'untagged' END, CASE WHEN p.last_build_id = b.id THEN 'last' END)
		FROM build b JOIN package p ON p.id = b.package_id
		WHERE p.name = $1
		ORDER BY b.event, b.id`, pkg)
}

// packages describes all packages.
func (f *fixture) packages() []string {
	f.t.Helper()
	return f.query(`SELECT name || ' ' || state FROM package ORDER BY name`)
}

// messages are the changes of state that the world is told.
func (f *fixture) messages() []string {
	f.t.Helper()
	return f.query(`
		SELECT concat_ws(' ', body->>'name', body->>'old', body->>'new') FROM outbox
		WHERE topic = 'package.state.change' ORDER BY id`)
}

// administer makes a call at the hub in the name of an administrator.
func (f *fixture) administer(method string, params ...any) {
	f.t.Helper()
	opened, ok := f.call(nil, "login", "root", "secret").(xmlrpc.Struct)
	if !ok {
		f.t.Fatal("login failed")
	}
	id, _ := opened.Get("session-id")
	key, _ := opened.Get("session-key")
	header := http.Header{}
	header.Set("Koji-Session-Id", strconv.FormatInt(id.(int64), 10))
	header.Set("Koji-Session-Key", key.(string))
	f.call(header, method, params...)
}

func (f *fixture) call(header http.Header, method string, params ...any) any {
	f.t.Helper()
	body, err := xmlrpc.AppendCall(nil, xmlrpc.Call{Method: method, Params: params})
	if err != nil {
		f.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.url+"/kojihub", bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Content-Type", "text/xml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if closeErr := resp.Body.Close(); err != nil || closeErr != nil {
		f.t.Fatal(err, closeErr)
	}
	value, err := xmlrpc.NewDecoder(bytes.NewReader(answer), xmlrpc.Limits{}).Response()
	if err != nil {
		f.t.Fatalf("%s: %v", method, err)
	}
	return value
}

// pass lets the hub's time pass, in steps in which its builders can work.
func (f *fixture) pass(d time.Duration) {
	f.clock.Step(d)
}
