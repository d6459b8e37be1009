package takeover_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/postgres/upstream"
	"github.com/koschei-ci/koschei/internal/scenario"
	"github.com/koschei-ci/koschei/internal/takeover"
)

// zone is where the machines of the original stand: not where the test runs,
// nor the database.
const zone = "Asia/Kathmandu"

// A move is a record, an original that tells what the record has in its own
// way, and an empty record to take it over to.
type move struct {
	*scenario.Stage
	old     *pgtest.Console
	address string
	db      *postgres.DB
	record  *pgtest.Console
	sync    *kojisync.Sync // of the new record
}

// newMove lets a distribution be built for some days, and then writes down in
// an original what became of it.
func newMove(t *testing.T) *move {
	t.Helper()
	world, err := distro.Generate(distro.Options{
		Packages: 60, Seed: 3, History: 48 * time.Hour, Updates: 20, Hosts: 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	m := &move{Stage: scenario.New(t, world)}
	builder := m.login()
	for _, name := range m.Lines(`SELECT name FROM package`) {
		world.Flaky(name, 0.3)
	}
	for round := range 6 {
		m.build(builder, round)
		m.Clock.Step(8 * time.Hour)
		if err := m.Sync.RunningBuilds(t.Context()); err != nil {
			t.Fatal(err)
		}
		m.Poll()
	}
	m.build(builder, 6) // these are under way when the original is taken over
	m.makeOriginal()
	cfg := pgtest.Database(t)
	m.db, m.record = pgtest.Open(t, cfg), pgtest.NewConsole(t, cfg)
	sync := *m.Sync
	sync.DB = m.db
	m.sync = &sync
	return m
}

// login returns a client that may submit builds.
func (m *move) login() *koji.Client {
	m.T.Helper()
	client, err := koji.New(koji.Config{
		Server: m.URL + "/kojihub", TopURL: m.URL + "/kojifiles",
		Login: koji.Login{User: distro.KoscheiUser, Password: distro.KoscheiUser},
	})
	if err != nil {
		m.T.Fatal(err)
	}
	m.T.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

// build submits scratch builds of some packages, as the scheduler does.
func (m *move) build(client *koji.Client, round int) {
	m.T.Helper()
	ctx := m.T.Context()
	for i, name := range m.Lines(`SELECT name FROM package WHERE NOT blocked AND last_build_id = last_complete_build_id ORDER BY name`) {
		if (i+round)%2 != 0 {
			continue
		}
		event, err := client.LastEvent(ctx)
		if err != nil {
			m.T.Fatal(err)
		}
		tagged, err := client.ListTagged(ctx, koji.TagQuery{Tag: "f44", Package: name, Latest: true, Inherit: true})
		if err != nil || len(tagged) != 1 {
			m.T.Fatal(name, tagged, err)
		}
		srpm, err := client.SRPM(ctx, tagged[0].ID)
		if err != nil {
			m.T.Fatal(err)
		}
		task, err := client.Build(ctx, koji.ScratchBuild{
			Key: fmt.Sprint(name, round), Source: koji.SourcePath("../packages", &tagged[0].Build, srpm.NEVRA()), Target: "f44",
		})
		if err != nil {
			m.T.Fatal(err)
		}
		made, err := client.Task(ctx, task)
		if err != nil {
			m.T.Fatal(err)
		}
		m.Exec(`
			INSERT INTO build (package_id, origin, outcome, event, task_id, epoch, version, release, started)
			SELECT id, 'scratch', 'running', $2, $3, $4, $5, $6, $7 FROM package WHERE name = $1`,
			name, event.ID, task, tagged[0].EVR().Epoch, tagged[0].Version, tagged[0].Release, made.Created)
		m.Exec(`
			UPDATE package p SET last_build_id = b.id, last_build_started = b.started
			FROM build b WHERE b.package_id = p.id AND b.task_id = $1`, task)
	}
}

// makeOriginal makes a database of the original that knows the builds that the
// record knows and the original would keep. Times in it are those of its zone.
func (m *move) makeOriginal() {
	m.T.Helper()
	cfg := pgtest.Empty(m.T)
	m.old = pgtest.NewConsole(m.T, cfg)
	m.address = fmt.Sprintf("postgres:///%s?host=%s&user=%s", cfg.ConnConfig.Database, pgtest.SocketDir(m.T), cfg.ConnConfig.User)
	schema, err := os.ReadFile("../postgres/upstream/testdata/original.sql")
	if err != nil {
		m.T.Fatal(err)
	}
	m.old.Exec(string(schema))
	m.old.Exec(`
		INSERT INTO collection (name, display_name, target, dest_tag, build_tag) VALUES ('f44', 'Rawhide', 'f44', 'f44', 'f44-build')`)
	m.old.Exec(strings.Join(m.Lines(told, zone), ";"))
	m.old.Exec(`
		UPDATE package p
		SET last_complete_build_state = (
			SELECT b.state FROM build b
			WHERE b.package_id = p.id AND NOT b.untagged AND b.state <> 2 ORDER BY b.started DESC LIMIT 1)`)
}

// told is the record as statements that fill an original.
const told = `
	SELECT sql FROM (
		SELECT 1 AS step, p.id, format('INSERT INTO base_package (id, name) VALUES (%L, %L);
			INSERT INTO package (id, base_id, collection_id, name, tracked, blocked) VALUES (%L, %L, 1, %L, true, %L)',
			p.id, p.name, p.id, p.id, p.name, p.blocked) AS sql
		FROM package p
		UNION ALL
		SELECT 2, b.id, format('INSERT INTO build (id, package_id, state, task_id, started, finished, epoch, version, release, repo_id,
			real, untagged) VALUES (%L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L)', b.id, b.package_id,
			CASE b.outcome WHEN 'running' THEN 2 WHEN 'complete' THEN 3 ELSE 5 END, b.task_id, b.started AT TIME ZONE $1,
			b.finished AT TIME ZONE $1, nullif(b.epoch, 0), b.version, b.release, b.repo_id, b.origin = 'real', b.untagged)
		FROM build b
		WHERE b.outcome IN ('running', 'complete', 'failed') AND b.task_id IS NOT NULL AND (b.repo_id IS NOT NULL OR b.outcome = 'running')
		UNION ALL
		SELECT 3, b.id, format('INSERT INTO koji_task (build_id, task_id, arch, state, started, finished) VALUES (%L, %L, %L, %L, %L, %L)',
			b.id, t.task_id, t.arch, CASE t.state WHEN 'closed' THEN 2 WHEN 'canceled' THEN 3 ELSE 5 END,
			t.started AT TIME ZONE $1, t.finished AT TIME ZONE $1)
		FROM build_task t
		JOIN build b ON b.id = t.build_id
		WHERE t.method = 'buildArch' AND b.outcome IN ('complete', 'failed')
	) AS statements
	ORDER BY step, id`

// run takes over what is not here yet.
func (m *move) run(ctx context.Context, step func()) (*takeover.Report, error) {
	m.T.Helper()
	return m.collection(ctx, "f44", step)
}

func (m *move) collection(ctx context.Context, name string, step func()) (*takeover.Report, error) {
	m.T.Helper()
	original, err := upstream.Open(ctx, m.address, zone)
	if err != nil {
		m.T.Fatal(err)
	}
	defer original.Close(ctx)
	decided, err := original.Decided(ctx)
	if err != nil {
		m.T.Fatal(err)
	}
	author := postgres.Author{Name: "operator", Environment: postgres.FromAdmin, Now: m.Clock.Now()}
	if _, err := m.db.TakeOver(ctx, author, decided); err != nil {
		m.T.Fatal(err)
	}
	c, err := m.db.Collection(ctx, name)
	if err != nil {
		m.T.Fatal(err)
	}
	t := &takeover.Takeover{DB: m.db, Original: original, Hubs: koji.Hubs{Primary: m.Sync.Primary}, Step: step, Batch: 20}
	return t.Collection(ctx, c)
}

// history describes the builds that the original knows of too.
const history = `
	SELECT concat_ws(' ', p.name, b.event, b.origin, b.outcome, b.task_id, b.koji_build_id, b.epoch, b.version, b.release, b.repo_id,
		b.untagged, CASE WHEN b.origin = 'scratch' THEN b.started END, CASE WHEN b.origin = 'scratch' THEN b.finished END,
		CASE WHEN p.last_build_id = b.id THEN 'last' END, CASE WHEN p.last_complete_build_id = b.id THEN 'complete' END,
		(SELECT string_agg(concat(t.task_id, t.arch, t.state, t.started, t.finished), ',' ORDER BY t.task_id)
			FROM build_task t WHERE t.build_id = b.id AND t.method = 'buildArch' AND b.outcome <> 'running'))
	FROM build b
	JOIN package p ON p.id = b.package_id
	WHERE b.outcome IN ('running', 'complete', 'failed') AND b.task_id IS NOT NULL
	ORDER BY p.name COLLATE "C", b.event, b.origin, b.id`

// TestCollection takes over builds whose events are known, because they were
// made by Koschei itself, from an original that does not tell them.
func TestCollection(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	report, err := m.run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.NotTaken) > 0 {
		t.Errorf("not taken: %v", report.NotTaken)
	}
	// A scratch build that was made while a real one was under way is the newer
	// one to the original, though of the older source.
	for _, o := range report.Otherwise {
		if right := m.Lines(`SELECT state FROM package WHERE name = $1`, o.Package); right[0] != string(o.State) {
			t.Errorf("%s: but it is %s", o, right)
		}
	}
	if len(report.Otherwise) > 3 {
		t.Errorf("too many are otherwise: %v", report.Otherwise)
	}
	want, got := m.Lines(history), m.record.Lines(history)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	for _, kind := range []string{" real complete ", " scratch complete ", " scratch failed ", " scratch running "} {
		if !strings.Contains(strings.Join(want, "\n"), kind) {
			t.Errorf("there is no build that is%s: the test tests little", kind)
		}
	}
	t.Logf("%d builds", len(want))
	if told := m.record.Number(`SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM state_change)`); told != 0 {
		t.Errorf("%d changes of states were told", told)
	}

	before := m.record.Lines(history)
	again, err := m.run(t.Context(), nil)
	if err != nil || again.Builds+again.Transitions > 0 {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	if diff := cmp.Diff(before, m.record.Lines(history)); diff != "" {
		t.Errorf("the second time (-before +after):\n%s", diff)
	}
	m.meetPolling(t)
}

// meetPolling lets polling find what was taken over: nothing is there twice,
// no state becomes another one but for builds that the original did not keep,
// and what was under way goes on.
func (m *move) meetPolling(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	builds := m.record.Number(`SELECT count(*) FROM build`)
	c, err := m.db.Collection(ctx, "f44")
	if err != nil {
		t.Fatal(err)
	}
	states := m.record.Lines(`SELECT name || ' ' || state FROM package WHERE state <> 'unknown' ORDER BY 1`)
	if err := m.sync.TaggedBuilds(ctx, c); err != nil {
		t.Fatal(err)
	}
	twice := m.record.Lines(`
		SELECT concat_ws(' ', origin, task_id) FROM build WHERE task_id IS NOT NULL GROUP BY origin, package_id, task_id HAVING count(*) > 1`)
	if len(twice) > 0 {
		t.Errorf("after polling there are twice: %v", twice)
	}
	imported := m.record.Number(`SELECT count(*) FROM build WHERE task_id IS NULL`) // by the hub's administrator
	if n := m.record.Number(`SELECT count(*) FROM build`); n != builds+imported {
		t.Errorf("polling adds %d builds to %d, want %d", n-builds, builds, imported)
	}
	after := m.record.Lines(`SELECT name || ' ' || state FROM package ORDER BY 1`)
	for _, line := range states {
		if !strings.Contains(strings.Join(after, "\n"), line) {
			t.Errorf("polling changes a package that was %s", line)
		}
	}
	running := m.record.Number(`SELECT count(*) FROM build WHERE outcome = 'running'`)
	m.Clock.Step(24 * time.Hour)
	if err := m.sync.RunningBuilds(ctx); err != nil {
		t.Fatal(err)
	}
	if left := m.record.Number(`SELECT count(*) FROM build WHERE outcome = 'running'`); running == 0 || left != 0 {
		t.Errorf("of %d builds that were under way %d still are", running, left)
	}
}

// TestKilled ends the work after each package in turn, and then goes on.
func TestKilled(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	runs := 0
	for {
		ctx, kill := context.WithCancel(t.Context())
		before := m.record.Number(`SELECT count(*) FROM build`)
		_, err := m.run(ctx, func() {
			if m.record.Number(`SELECT count(*) FROM build`) > before {
				kill()
			}
		})
		kill()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		runs++
	}
	if runs < 3 {
		t.Errorf("it was killed %d times: the test tests little", runs)
	}
	if diff := cmp.Diff(m.Lines(history), m.record.Lines(history)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
}

// TestAccount takes over what the original says of a package's dependencies:
// a buildroot that it kept, one that it did not, one that could not be had,
// what had changed, and since when the package cannot be installed. A branch
// has copies of builds.
func TestAccount(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	m.old.Exec(`
		INSERT INTO dependency (id, name, epoch, version, release, arch) VALUES
			(7, 'bash', 0, '5', '1', 'x86_64'), (9, 'bash', 0, '6', '1', 'x86_64'), (400, 'gcc', NULL, '14', '1', 'x86_64');
		CREATE TABLE three AS SELECT row_number() OVER (ORDER BY b.started) AS n, b.id, b.package_id
			FROM build b WHERE b.package_id = (
				SELECT package_id FROM build GROUP BY 1 HAVING count(*) = 3 AND NOT bool_or(untagged OR state = 2)
					AND count(*) FILTER (WHERE real) = 1 ORDER BY 1 LIMIT 1);
		UPDATE build SET deps_resolved = false WHERE id = (SELECT id FROM three WHERE n = 1);
		UPDATE build SET deps_resolved = true WHERE id IN (SELECT id FROM three WHERE n IN (2, 3))`)
	m.old.Exec(`UPDATE build SET dependency_keys = $1 WHERE id = (SELECT id FROM three WHERE n = 3)`, packed(t, 9, 400-9))
	m.old.Exec(`
		INSERT INTO applied_change (build_id, prev_dep_id, curr_dep_id, distance) SELECT id, 7, 9, 2 FROM three WHERE n = 3;
		INSERT INTO resolution_change (id, package_id, resolved, timestamp)
			SELECT v.id, t.package_id, v.resolved, v.at::timestamp FROM three t, (VALUES (1, true, '2026-03-02 13:45:00'), (2, false, '2026-03-03 13:45:00'))
				AS v (id, resolved, at) WHERE t.n = 1;
		INSERT INTO resolution_problem (resolution_id, problem) VALUES (2, 'nothing provides bread'), (2, 'needed by butter');
		UPDATE package SET resolved = false WHERE id = (SELECT package_id FROM three WHERE n = 1);
		INSERT INTO collection (id, name, display_name, target, dest_tag, build_tag) VALUES (2, 'f43', 'Fedora 43', 'f44', 'f44', 'f44-build');
		INSERT INTO package (id, base_id, collection_id, name, tracked, last_complete_build_state)
			SELECT 90000, base_id, 2, name, true, last_complete_build_state FROM package WHERE id = (SELECT package_id FROM three WHERE n = 1);
		INSERT INTO build (id, package_id, state, task_id, started, finished, version, release, repo_id, real)
			SELECT 90000 + id, 90000, state, task_id, started, finished, version, release, repo_id, real FROM build WHERE id IN (SELECT id FROM three)
			ORDER BY id`)
	for range 2 {
		for _, collection := range []string{"f44", "f43"} {
			if report, err := m.collection(t.Context(), collection, nil); err != nil || len(report.NotTaken) > 0 {
				t.Fatalf("%s: %+v, %v", collection, report, err)
			}
		}
	}
	want := []string{
		"1 unresolved: ", "2 forgotten: ", "3 resolved: bash-6-1 at 2, gcc-14-1 at 0; bash-5-1 to bash-6-1 at 2 since 2",
		"copies of 2 builds and as many tasks",
		"resolved=false at 2026-03-03 08:00:00+00 of an event: nothing provides bread, needed by butter",
		"resolved=true at 2026-03-02 08:00:00+00 of an event: ",
		"unresolved with nothing provides bread, needed by butter",
	}
	if diff := cmp.Diff(want, m.account()); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
}

// packed is a set as the original stores it.
func packed(t *testing.T, deltas ...uint32) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if err := errors.Join(binary.Write(w, binary.BigEndian, deltas), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// account describes what was taken over of the package that cannot be installed.
func (m *move) account() []string {
	m.T.Helper()
	lines := m.record.Lines(`
		SELECT concat(row_number() OVER (ORDER BY b.event, b.id), ' ', b.deps, ': ', b.id)
		FROM build b JOIN package p ON p.id = b.package_id JOIN collection c ON c.id = p.collection_id
		WHERE p.state = 'unresolved' AND c.name = 'f44' AND b.outcome <> 'running'
		ORDER BY b.event, b.id`)
	number := map[int64]int{}
	for i, line := range lines {
		head, tail, _ := strings.Cut(line, ": ")
		id, err := strconv.ParseInt(tail, 10, 64)
		if err != nil {
			m.T.Fatal(err)
		}
		number[id] = i + 1
		lines[i] = head + ": " + m.dependencies(id, number)
	}
	return append(lines, m.record.Lines(`
		SELECT concat('copies of ', count(*), ' builds and as many tasks') FROM build b JOIN build o ON o.id = b.copied_from AND o.task_id = b.task_id
		UNION ALL (
		SELECT concat('resolved=', resolved::text, ' at ', changed, CASE WHEN event > 0 THEN ' of an event: ' END, array_to_string(problems, ', '))
		FROM resolution_change WHERE repo_id = 0 ORDER BY 1)
		UNION ALL SELECT concat(p.state, ' with ', array_to_string(r.problems, ', ')) FROM package p JOIN resolution r ON r.package_id = p.id`)...)
}

// dependencies describes a build's, with numbers of builds for their ids.
func (m *move) dependencies(id int64, number map[int64]int) string {
	m.T.Helper()
	page, err := m.db.BuildPage(m.T.Context(), id, 0)
	if err != nil {
		m.T.Fatal(err)
	}
	var set, changes []string
	for _, d := range page.Set {
		set = append(set, fmt.Sprintf("%s-%s at %d", d.Name, d.EVR, d.Distance))
	}
	for _, c := range page.Changes {
		changes = append(changes, fmt.Sprintf("; %s-%s to %s-%s at %d since %d", c.Name, c.Prev.EVR, c.Name, c.Curr.EVR, c.Distance, number[page.PrevBuildID]))
	}
	return strings.Join(set, ", ") + strings.Join(changes, "")
}

// TestNotTaken takes over builds that the hub does not know the place of, and
// none in a zone that cannot be.
func TestNotTaken(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	m.old.Exec(`UPDATE build SET task_id = 1000000 + id WHERE id IN (SELECT id FROM build WHERE state = 3 AND NOT real ORDER BY id LIMIT 1)`)
	m.old.Exec(`UPDATE build SET version = version || '.9' WHERE id IN (SELECT id FROM build WHERE state = 5 AND NOT real ORDER BY id LIMIT 1)`)
	m.old.Exec(`UPDATE build SET task_id = 1000000 + id WHERE id IN (SELECT id FROM build WHERE real ORDER BY id LIMIT 1)`)
	report, err := m.run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var whys []string
	for _, n := range report.NotTaken {
		whys = append(whys, n.Why)
	}
	want := []string{"the hub has no such task", "this task of the hub is another one", "the hub has no such build of this task"}
	for _, why := range want {
		if !strings.Contains(strings.Join(whys, "\n"), why) {
			t.Errorf("nothing was left out because %s: %v", why, report.NotTaken)
		}
	}
	if total := len(m.Lines(history)); len(whys) != 3 || report.Builds != total-3 {
		t.Errorf("%d of %d builds taken over, not %v", report.Builds, total, report.NotTaken)
	}
}

// TestZone takes over nothing from an original whose times are elsewhere.
func TestZone(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	m.old.Exec(`UPDATE build SET started = started - interval '345 min'`) // to UTC
	_, err := m.run(t.Context(), nil)
	var unfit *upstream.Unfit
	if !errors.As(err, &unfit) || !strings.Contains(err.Error(), "-5h45m0s off the hub's: say with --timezone") {
		t.Errorf("times in another zone: %v", err)
	}
	if n := m.record.Number(`SELECT count(*) FROM build`); n != 0 {
		t.Errorf("%d builds were taken over", n)
	}
}
