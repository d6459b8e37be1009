package selfcheck

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/scenario"
)

const world = `
start 2026-11-23T12:00:00Z
user root password=secret perms=admin
user koschei password=secret
channel default
host builder1 arches=x86_64 capacity=20 channels=default
tag f44
tag f44-build arches=x86_64 parents=f44
target f44 build=f44-build dest=f44
group f44-build build
member f44-build build mandatory bash
package bash tag=f44
package foo tag=f44
package zap tag=f44
build bash-5-1 tag=f44
 binary bash
build foo-1-1 tag=f44
 requires bash
 binary foo
build zap-1-1 tag=f44
 requires bash
 binary zap
repo f44-build
`

// A fixture is a record in which nothing is stuck, and a self-check of it.
type fixture struct {
	*scenario.Stage
	*Service
	Clock    *kojisim.Clock // the stage's
	registry *prometheus.Registry
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	stage := scenario.New(t, scenario.World(t, world))
	f := &fixture{Stage: stage, Clock: stage.Clock, registry: prometheus.NewRegistry()}
	f.Service = &Service{
		DB: stage.Sync.DB, Sync: stage.Sync, Log: stage.Sync.Log, Clock: koschei.Clock{Read: stage.Clock.Now}, Holder: "us", Metrics: NewMetrics(f.registry),
		Config: Config{
			Rules: stage.Sync.Rules, MaxBuilds: 30, TaskTimeout: 48 * time.Hour, LongestCall: time.Minute,
			Intervals: map[koschei.Service]time.Duration{"polling": 20 * time.Minute, "scheduler": 3 * time.Second},
		},
	}
	f.Exec(`UPDATE collection SET latest_repo_id = 1, latest_repo_event = 1, latest_repo_resolved = 'resolved'`)
	f.Exec(`
		INSERT INTO resolution (package_id, collection_id, repo_id)
		SELECT id, collection_id, 1 FROM package`)
	f.Exec(`UPDATE package SET resolution = 'resolved', resolved_build_id = last_complete_build_id`)
	f.Exec(`UPDATE package SET noted_state = state`)
	f.Exec(`UPDATE build SET deps = 'unavailable'`)
	f.succeed()
	return f
}

// succeed lets all services do their work.
func (f *fixture) succeed() {
	f.T.Helper()
	for _, name := range []koschei.Service{"polling", "repo-resolver", "build-resolver", "scheduler"} {
		if err := f.DB.NoteSuccess(f.T.Context(), f.Number(`SELECT id FROM collection`), name, "", f.Clock.Now()); err != nil {
			f.T.Fatal(err)
		}
	}
}

// wait lets time pass in which all services do their work.
func (f *fixture) wait(d time.Duration) {
	f.Clock.Step(d)
	f.succeed()
}

func (f *fixture) check() {
	f.T.Helper()
	if err := f.pass(f.T.Context(), f.DB); err != nil {
		f.T.Fatal(err)
	}
}

// findings are those stored, each with what was done or whether it lasts.
func (f *fixture) findings() []string {
	return f.Lines(`
		SELECT kind || ' ' || sentence || CASE WHEN repair <> '' THEN ' -> ' || repair WHEN ended IS NULL THEN ' (lasts)' ELSE ' (ended)' END
		FROM finding ORDER BY id`)
}

func (f *fixture) expect(what string, want ...string) {
	f.T.Helper()
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, f.findings()...)); diff != "" {
		f.T.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// repairs is what the metrics say was mended of a kind.
func (f *fixture) repairs(kind koschei.FindingKind) float64 {
	f.T.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		f.T.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		if m.GetLabel()[0].GetValue() == string(kind) {
			return m.GetCounter().GetValue()
		}
	}
	f.T.Fatalf("no metric of kind %s", kind)
	return 0
}

func (f *fixture) expectRepairs(kind koschei.FindingKind, want float64) {
	f.T.Helper()
	if got := f.repairs(kind); got != want {
		f.T.Errorf("%v repairs of kind %s counted, want %v", got, kind, want)
	}
}

// hold has another process hold a lease until the test lets go.
func (f *fixture) hold(name string) (letGo func()) {
	f.T.Helper()
	db := f.DB.Leasing(time.Hour)
	held, err := db.Keep(f.T.Context(), name, "them", func(context.Context, *postgres.Fenced) error { return nil })
	if err != nil || !held {
		f.T.Fatalf("lease %s is held %v: %v", name, held, err)
	}
	return func() {
		if err := db.Release(f.T.Context(), name, "them"); err != nil {
			f.T.Fatal(err)
		}
	}
}

// scratch adds a scratch build of a package.
func (f *fixture) scratch(pkg string, outcome koschei.Outcome, task any) int64 {
	f.T.Helper()
	var finished *time.Time
	if now := f.Clock.Now(); outcome.Ended() {
		finished = &now
	}
	id := f.Number(`
		INSERT INTO build (package_id, origin, outcome, event, task_id, version, release, started, finished)
		SELECT id, 'scratch', $2, 1000, $3::bigint, '1', '1', $4, $5 FROM package WHERE name = $1
		RETURNING id`, pkg, outcome, task, f.Clock.Now(), finished)
	f.Exec(`UPDATE package SET last_build_id = $1, last_build_started = $2 WHERE name = $3`, id, f.Clock.Now(), pkg)
	if outcome.Counts() && outcome.Ended() {
		f.Exec(`UPDATE package SET last_complete_build_id = $1, last_complete_outcome = $2 WHERE name = $3`, id, outcome, pkg)
		f.Exec(`UPDATE package SET resolved_build_id = last_complete_build_id, noted_state = state`)
	}
	return id
}

func TestNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 3 {
		f.check()
		f.wait(10 * time.Minute)
	}
	f.expect("a record in which nothing is stuck")
}

func TestSubmissionWithoutScheduler(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.signIn()
	f.scratch("foo", koschei.OutcomeSubmitting, nil)
	key := f.scratch("zap", koschei.OutcomeSubmitting, nil)
	task, err := f.Service.Sync.Primary.Build(t.Context(), koji.ScratchBuild{
		Source: "../packages/zap/1/1/src/zap-1-1.src.rpm", Target: "f44", Key: fmt.Sprint(key),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.wait(time.Minute)
	f.check()
	f.expect("a submission that may be under way")
	f.hold("scheduler")
	f.wait(2 * time.Hour)
	f.check()
	const sentence = "submission f44: It is not known whether Koji has 2 builds (foo, zap), written down since 2026-11-23 12:00 UTC."
	f.expect("while a scheduler has it in hand", sentence+" (lasts)")
	f.Exec(`DELETE FROM lease WHERE name = 'scheduler'`)
	f.check()
	f.expect("without a scheduler", sentence+" -> Koji was asked: it has 1 of them and has lost 1")
	got := f.Lines(`SELECT concat_ws(' ', p.name, b.outcome, b.task_id) FROM build b JOIN package p ON p.id = b.package_id WHERE origin = 'scratch' ORDER BY 1`)
	if diff := cmp.Diff([]string{"foo lost", fmt.Sprintf("zap running %d", task)}, got); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	f.expectRepairs(koschei.FindingSubmission, 2)
}

// signIn gives the stage a client that the hub knows.
func (f *fixture) signIn() {
	f.T.Helper()
	client, err := koji.New(koji.Config{
		Server: f.URL + "/kojihub", Login: koji.Login{User: "koschei", Password: "secret"},
		Retry: koji.Retry{Attempts: 2, Min: time.Millisecond, Max: time.Millisecond},
	})
	if err != nil {
		f.T.Fatal(err)
	}
	f.Service.Sync.Primary = client
}

func TestRunningForEver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.scratch("foo", koschei.OutcomeRunning, 4711)
	f.wait(50 * time.Hour)
	f.check()
	f.expect("a build the scheduler may be canceling")
	f.wait(5 * time.Hour)
	f.check()
	f.expect("a build that nobody cancels",
		"running f44: A build should end within 48h0m0s, and the scheduler cancel it then, but still running: 1 build (foo), since 2026-11-23 12:00 UTC. (lasts)")
}

func TestDependenciesPending(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.scratch("foo", koschei.OutcomeComplete, 1)
	id := f.scratch("zap", koschei.OutcomeFailed, 2)
	f.Exec(`UPDATE build SET repo_id = 1 WHERE id = $1`, id)
	f.wait(time.Hour)
	f.check()
	f.expect("builds that have just ended")
	f.wait(6*time.Hour + time.Minute)
	if err := f.DB.NoteTrouble(t.Context(), f.Number(`SELECT id FROM collection`), "build-resolver", "the repo cannot be read", f.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.check()
	f.expect("builds that wait for long",
		"deps f44: The repo is not known of 1 build (foo), so it cannot be found out what was in the buildroot. -> it was given up: they count as not known",
		"deps f44: It was not found out what was in the buildroot of 1 build (zap), since 2026-11-23 13:00 UTC, "+
			"because the build-resolver has trouble since 2026-11-23 19:01 UTC: the repo cannot be read. (lasts)")
	f.expectRepairs(koschei.FindingDeps, 1)
	f.Exec(`UPDATE build SET deps = 'unavailable'`)
	f.check()
	if got := f.findings(); len(got) != 2 || !strings.HasSuffix(got[1], "(ended)") {
		t.Errorf("after it was found out: %q", got)
	}
}

// The originals of "no suitable SRPM stays for months" and "not resolved yet
// stays for weeks".
func TestPackagesLeftBehind(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(`DELETE FROM srpm WHERE name = 'foo'`)
	f.Exec(`UPDATE package SET resolved_build_id = NULL WHERE name IN ('foo', 'zap')`)
	f.Exec(`UPDATE package SET resolution = 'unattempted', noted_state = 'ok' WHERE name = 'bash'`)
	f.Exec(`DELETE FROM resolution r USING package p WHERE p.id = r.package_id AND p.name = 'bash'`)
	letGo := f.hold(postgres.RepoResolverLease(f.Number(`SELECT id FROM collection`)))
	f.wait(10 * time.Minute)
	f.check()
	f.expect("while the collection is being resolved")
	letGo()
	f.wait(25 * time.Hour)
	f.check()
	f.expect("a day later",
		"source f44: Koji says nothing of the source package of 1 package (foo), which therefore cannot be resolved, since 2026-11-23 12:10 UTC. (lasts)",
		"due f44: All is known that is needed to resolve 1 package (zap), and nobody does since 2026-11-23 12:10 UTC, although the repo-resolver last succeeded at 2026-11-24 13:10 UTC. (lasts)",
		"untried f44: There was no answer for 1 package (bash), and nobody would have looked for one. -> they are resolved as soon as the repo-resolver gets to them")
	if due := f.Number(`SELECT count(*) FROM package WHERE name = 'bash' AND resolved_build_id IS NULL`); due != 1 {
		t.Error("bash is not due")
	}
	f.expectRepairs(koschei.FindingUntried, 1)
	f.Poll() // the source package exists again
	f.Exec(`UPDATE package SET resolved_build_id = last_complete_build_id WHERE name <> 'bash'`)
	f.check()
	f.wait(time.Minute)
	f.check()
	if got := f.findings(); !strings.HasSuffix(got[0], "(ended)") || !strings.HasSuffix(got[1], "(ended)") {
		t.Errorf("after they were resolved: %q", got)
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(`
		UPDATE package SET hold_kind = 'arch', hold_reason = 'there is no architecture', hold_until = $1::timestamptz + interval '6 h',
			hold_basis = concat_ws(' ', last_build_id, arch_override)`, f.Clock.Now())
	f.check()
	f.expect("holds with good reason")
	f.Exec(`UPDATE package SET arch_override = 'x86_64' WHERE name = 'foo'`)
	f.Exec(`UPDATE package SET hold_kind = 'fault', hold_until = $1::timestamptz + interval '9 years' WHERE name = 'zap'`, f.Clock.Now())
	f.wait(time.Minute)
	f.check()
	f.expect("an override given since, and a clock that was wrong",
		"hold f44: The reason is gone for which the scheduler passed over 2 packages (foo, zap). -> they are held no longer")
	if got := f.Lines(`SELECT name FROM package WHERE hold_until IS NOT NULL`); len(got) != 1 || got[0] != "bash" {
		t.Errorf("still held: %v, want bash", got)
	}
}

func TestQueueStandsStill(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(`UPDATE package SET manual_priority = 10000 WHERE name = 'foo'`)
	f.wait(2 * time.Hour)
	f.check()
	f.expect("something that may have come a moment ago")
	f.wait(10 * time.Minute)
	f.check()
	const waits = "queue f44: foo waits to be built and there is room, but nothing of the collection was submitted ever"
	f.expect("without a scheduler", waits+": no scheduler is running. (lasts)")
	f.hold("scheduler")
	if err := f.DB.NoteSuccess(t.Context(), f.Number(`SELECT id FROM collection`), "scheduler", "the hosts are busy", f.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.check()
	f.expect("with one that says why", waits+": the hosts are busy. (lasts)")
	f.Exec(`UPDATE collection SET max_builds = 1`)
	f.scratch("zap", koschei.OutcomeRunning, 1)
	f.check()
	f.expect("when the collection has no place", waits+": the hosts are busy. (ended)")
}

func TestLeasesAndRestarts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(`INSERT INTO lease (name, holder, term, expires, released) VALUES
		('scheduler', 'host/1', 1, clock_timestamp() - interval '10 min', false),
		('repo-resolver/1', 'host/1', 1, clock_timestamp() - interval '10 min', true),
		('build-resolver/1/7', 'host/1', 1, clock_timestamp() - interval '2 days', false)`)
	for range startsMany {
		if err := f.DB.NoteStart(t.Context(), "polling", "host/2"); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.DB.NoteStart(t.Context(), "scheduler", "host/1"); err != nil {
		t.Fatal(err)
	}
	f.Exec(`DELETE FROM lease WHERE name LIKE 'build-resolver/%'`)
	f.check()
	f.expect("a scheduler that died, and a polling that keeps dying",
		"lease Who had lease scheduler died, it ran out 10m0s ago, and nobody took over. (lasts)",
		"restarts The polling was started 20 times within a day: it seems not to stay alive. (lasts)")
	f.hold("scheduler")
	f.Exec(`UPDATE service_start SET started = started - interval '25 h'`)
	f.check()
	if got := strings.Join(f.findings(), "\n"); strings.Contains(got, "(lasts)") {
		t.Errorf("after a takeover and a quiet day: %s", got)
	}
}

func TestLeasesAreForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(`INSERT INTO lease (name, holder, term, expires) VALUES ('build-resolver/1/7', 'host/1', 1, clock_timestamp() - interval '2 days')`)
	f.check()
	if got := f.Lines(`SELECT name FROM lease`); len(got) != 1 || got[0] != leaseName {
		t.Errorf("leases %v, want ours alone", got)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(`UPDATE package SET last_build_id = NULL, last_build_started = NULL WHERE name = 'foo'`)
	f.Exec(`UPDATE package SET noted_state = 'failing' WHERE name = 'zap'`)
	f.check()
	f.expect("columns that do not follow from builds",
		"columns f44: Last builds or states of 2 packages (foo, zap) did not follow from their builds: that is a mistake in Koschei. -> they were worked out anew")
	if n := f.Number(`SELECT count(*) FROM package WHERE last_build_id = last_complete_build_id AND noted_state = 'ok'`); n != 3 {
		t.Errorf("%d packages are right, want 3", n)
	}
	f.expectRepairs(koschei.FindingColumns, 2)
	f.wait(time.Minute)
	f.check()
	if got := f.findings(); len(got) != 1 {
		t.Errorf("found again: %q", got)
	}
}

func TestServicesAndOutbox(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(`DELETE FROM collection_service WHERE service = 'polling'`)
	f.Exec(`DELETE FROM outbox`)
	f.Exec(`INSERT INTO outbox (topic, body, created) VALUES ('t', '{}', $1)`, f.Clock.Now())
	f.check()
	f.expect("a collection that has just come")
	f.Clock.Step(4 * time.Hour)
	if err := f.DB.NoteTrouble(t.Context(), f.Number(`SELECT id FROM collection`), "scheduler", "Koji says: no such target", f.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.check()
	want := []string{
		"service f44: the polling has never done its work. (lasts)",
		"service f44: the scheduler has not done its work since 2026-11-23 12:00 UTC; trouble since 2026-11-23 16:00 UTC: Koji says: no such target. (lasts)",
	}
	f.expect("services that do nothing", want...)
	f.Exec(`UPDATE outbox SET attempts = 3`)
	f.check()
	f.expect("messages where somebody tries to send them", append(want,
		"outbox 1 messages wait to be sent, the oldest since 2026-11-23 12:00 UTC. (lasts)")...)
}

// Of two processes one checks, and the other when that is gone.
func TestReplicas(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	second := *f.Service
	second.Holder = "another"
	f.Exec(`UPDATE package SET noted_state = 'failing'`)
	f.check()
	f.Exec(`UPDATE package SET noted_state = 'failing'`)
	if err := second.pass(t.Context(), f.DB); err != nil {
		t.Fatal(err)
	}
	if got := f.findings(); len(got) != 1 {
		t.Errorf("findings %q, want one", got)
	}
	if err := f.DB.Release(t.Context(), leaseName, f.Holder); err != nil {
		t.Fatal(err)
	}
	if err := second.pass(t.Context(), f.DB); err != nil {
		t.Fatal(err)
	}
	if got := f.findings(); len(got) != 2 {
		t.Errorf("findings %q, want two", got)
	}
}
