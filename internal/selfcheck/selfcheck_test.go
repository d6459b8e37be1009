package selfcheck

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/maintain"
	"github.com/koschei-ci/koschei/internal/scenario"
)

const world = scenario.CommonWorld + `
package foo tag=f44
package zap tag=f44
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
		DB: stage.Store.Maintenance, Sync: stage.Sync, Log: stage.Sync.Log, Clock: koschei.Clock{Read: stage.Clock.Now}, Holder: "us", Metrics: NewMetrics(f.registry),
		Config: Config{
			Rules: stage.Sync.Rules, MaxBuilds: 30, TaskTimeout: 48 * time.Hour, LongestCall: time.Minute,
			Intervals: map[koschei.Service]time.Duration{"polling": 20 * time.Minute, "scheduler": 3 * time.Second},
		},
	}
	operator := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: f.Clock.Now()}
	if _, err := f.Store.ForgetSink(t.Context(), operator, scenario.Sink); err != nil { // nobody serves it here
		t.Fatal(err)
	}
	f.SetCollection("f44", pgtest.LatestRepo(1, 1))
	f.ResolvePackages(1)
	f.NoteStates()
	f.SetBuilds(pgtest.Deps(koschei.DepsUnavailable))
	f.succeed()
	return f
}

// succeed lets all services do their work.
func (f *fixture) succeed() {
	f.T.Helper()
	for _, name := range []koschei.Service{"polling", "repo-resolver", "build-resolver", "scheduler"} {
		if err := f.Store.NoteSuccess(f.T.Context(), f.CollectionRow("f44").ID, name, "", f.Clock.Now()); err != nil {
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
	var lines []string
	for _, found := range f.Findings() {
		line := string(found.Kind) + " " + found.Sentence
		switch {
		case found.Repair != "":
			line += " -> " + found.Repair
		case found.Lasts:
			line += " (lasts)"
		default:
			line += " (ended)"
		}
		lines = append(lines, line)
	}
	return lines
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
	held, err := db.Keep(f.T.Context(), name, "them", func(context.Context, *maintain.Fenced) error { return nil })
	if err != nil || !held {
		f.T.Fatalf("lease %s is held %v: %v", name, held, err)
	}
	return func() {
		if err := db.Release(f.T.Context(), name, "them"); err != nil {
			f.T.Fatal(err)
		}
	}
}

// scratch adds a scratch build of a package, which is in order otherwise.
func (f *fixture) scratch(pkg string, outcome koschei.Outcome, options ...pgtest.BuildOption) int64 {
	f.T.Helper()
	id := f.Build(pkg, f.Clock.Now(), append([]pgtest.BuildOption{pgtest.Outcome(outcome)}, options...)...)
	if outcome.Ended() {
		f.SetPackages(pgtest.NotDue())
		f.NoteStates()
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
	f.scratch("foo", koschei.OutcomeSubmitting)
	key := f.scratch("zap", koschei.OutcomeSubmitting)
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
	f.RemoveLease("scheduler")
	f.check()
	f.expect("without a scheduler", sentence+" -> Koji was asked: it has 1 of them and has lost 1")
	var got []string
	for _, b := range f.ScratchBuilds() {
		got = append(got, fmt.Sprintf("%s %s %d", b.Package, b.Outcome, b.TaskID))
	}
	if diff := cmp.Diff([]string{"foo lost 0", fmt.Sprintf("zap running %d", task)}, got); diff != "" {
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
	f.scratch("foo", koschei.OutcomeRunning, pgtest.Task(4711))
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
	f.scratch("foo", koschei.OutcomeComplete, pgtest.Task(1))
	f.scratch("zap", koschei.OutcomeComplete, pgtest.Task(2), pgtest.InRepo(1))
	f.wait(time.Hour)
	f.check()
	f.expect("builds that have just ended")
	f.wait(6*time.Hour + time.Minute)
	if err := f.Store.NoteTrouble(t.Context(), f.CollectionRow("f44").ID, "build-resolver", "the repo cannot be read", f.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.check()
	f.expect("builds that wait for long",
		"deps f44: The repo is not known of 1 build (foo), so it cannot be found out what was in the buildroot. -> it was given up: they count as not known",
		"deps f44: It was not found out what was in the buildroot of 1 build (zap), since 2026-11-23 13:00 UTC, "+
			"because the build-resolver has trouble since 2026-11-23 19:01 UTC: the repo cannot be read. (lasts)")
	f.expectRepairs(koschei.FindingDeps, 1)
	f.SetBuilds(pgtest.Deps(koschei.DepsUnavailable))
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
	f.RemoveSRPMs("foo")
	f.SetPackage("foo", pgtest.Due())
	f.SetPackage("zap", pgtest.Due())
	f.RemoveVerdict("bash")
	letGo := f.hold(postgres.RepoResolverLease(f.CollectionRow("f44").ID))
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
	if f.PackageRow("bash").ResolvedBuildID != 0 {
		t.Error("bash is not due")
	}
	f.expectRepairs(koschei.FindingUntried, 1)
	f.Poll() // the source package exists again
	f.SetPackage("foo", pgtest.NotDue())
	f.SetPackage("zap", pgtest.NotDue())
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
	f.SetPackages(pgtest.HeldForArches(), pgtest.Held(f.Clock.Now().Add(6*time.Hour), "there is no architecture"))
	f.check()
	f.expect("holds with good reason")
	f.SetPackage("foo", pgtest.Override("x86_64"))
	f.SetPackage("zap", pgtest.HeldFor("fault"), pgtest.Held(f.Clock.Now().AddDate(9, 0, 0), "there is no architecture"))
	f.wait(time.Minute)
	f.check()
	f.expect("an override given since, and a clock that was wrong",
		"hold f44: The reason is gone for which the scheduler passed over 2 packages (foo, zap). -> they are held no longer")
	for _, p := range f.Packages() {
		if held := !p.HoldUntil.IsZero(); held != (p.Name == "bash") {
			t.Errorf("%s is held: %t, want bash alone to be", p.Name, held)
		}
	}
}

func TestQueueStandsStill(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.SetPackage("foo", pgtest.ManualPriority(10000))
	f.wait(2 * time.Hour)
	f.check()
	f.expect("something that may have come a moment ago")
	f.wait(10 * time.Minute)
	f.check()
	const waits = "queue f44: foo waits to be built and there is room, but nothing of the collection was submitted ever"
	f.expect("without a scheduler", waits+": no scheduler is running. (lasts)")
	f.hold("scheduler")
	if err := f.Store.NoteSuccess(t.Context(), f.CollectionRow("f44").ID, "scheduler", "the hosts are busy", f.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.check()
	f.expect("with one that says why", waits+": the hosts are busy. (lasts)")
	f.SetCollection("f44", pgtest.MaxBuilds(1))
	f.scratch("zap", koschei.OutcomeRunning, pgtest.Task(1))
	f.check()
	f.expect("when the collection has no place", waits+": the hosts are busy. (ended)")
}

func TestLeasesAndRestarts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Lease("scheduler", "host/1", 10*time.Minute, false)
	f.Lease("repo-resolver/1", "host/1", 10*time.Minute, true)
	for range startsMany {
		if err := f.Store.NoteStart(t.Context(), "polling", "host/2"); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Store.NoteStart(t.Context(), "scheduler", "host/1"); err != nil {
		t.Fatal(err)
	}
	f.check()
	f.expect("a scheduler that died, and a polling that keeps dying",
		"lease Who had lease scheduler died, it ran out 10m0s ago, and nobody took over. (lasts)",
		"restarts The polling was started 20 times within a day: it seems not to stay alive. (lasts)")
	f.hold("scheduler")
	f.AgeStarts(25 * time.Hour)
	f.check()
	if got := strings.Join(f.findings(), "\n"); strings.Contains(got, "(lasts)") {
		t.Errorf("after a takeover and a quiet day: %s", got)
	}
}

func TestLeasesAreForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Lease("build-resolver/1/7", "host/1", 48*time.Hour, false)
	f.check()
	if got := f.Leases(); len(got) != 1 || got[0].Name != leaseName {
		t.Errorf("leases %v, want ours alone", got)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.SetPackage("foo", pgtest.WithoutLastBuilds())
	f.SetPackage("zap", pgtest.NotedState(koschei.StateFailing))
	f.check()
	f.expect("columns that do not follow from builds",
		"columns f44: Last builds or states of 2 packages (foo, zap) did not follow from their builds: that is a mistake in Koschei. -> they were worked out anew")
	packages := f.Packages()
	if len(packages) != 3 {
		t.Errorf("%d packages, want 3", len(packages))
	}
	for _, p := range packages {
		if p.LastBuildID == 0 || p.Running || p.NotedState != koschei.StateOK {
			t.Errorf("%s is not right: %+v", p.Name, p)
		}
	}
	f.expectRepairs(koschei.FindingColumns, 2)
	f.wait(time.Minute)
	f.check()
	if got := f.findings(); len(got) != 1 {
		t.Errorf("found again: %q", got)
	}
}

func TestServicesAndDeliveries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.RemoveReports("polling")
	f.FailedDelivery("bus", sinkPatience/2, "connection refused")
	f.check()
	f.expect("a collection that has just come")
	f.Clock.Step(4 * time.Hour)
	if err := f.Store.NoteTrouble(t.Context(), f.CollectionRow("f44").ID, "scheduler", "Koji says: no such target", f.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.check()
	want := []string{
		"service f44: the polling has never done its work. (lasts)",
		"service f44: the scheduler has not done its work since 2026-11-23 12:00 UTC; trouble since 2026-11-23 16:00 UTC: Koji says: no such target. (lasts)",
	}
	f.expect("services that do nothing", want...)
	f.DeadDelivery("mail", "no such address")
	f.check()
	f.expect("a sink that gave something up", append(want,
		"delivery sink mail: deliveries given up: 1; the last error was: no such address. (lasts)")...)
	f.FailedDelivery("bus", 3*sinkPatience, "connection refused")
	f.check()
	got := f.findings()
	const waits = "delivery sink bus: deliveries that wait: 2, the oldest for 3h0m" // and seconds
	if last := got[len(got)-1]; len(got) != 4 || !strings.HasPrefix(last, waits) || !strings.HasSuffix(last, "; the last error was: connection refused. (lasts)") {
		t.Errorf("findings %q, want the last to be of sink bus", got)
	}
}

// A sink that no notifier serves is found, though nothing of it has failed.
func TestForgottenSink(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.Store.OpenSink(t.Context(), "webhook chat", f.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.Event(&koschei.Event{At: f.Clock.Now(), Kind: koschei.EventCollectionState, Collection: "f44", Before: "ok", After: "unresolved"})
	f.check()
	f.expect("what happened a moment ago")
	f.Clock.Step(2 * sinkPatience)
	f.check()
	const want = "delivery sink webhook chat: no notifier has looked at what happened since 2026-11-23 12:00 UTC. (lasts)"
	if got := f.findings(); !slices.Contains(got, want) {
		t.Errorf("findings %q, want among them %q", got, want)
	}
}

// Of two processes one checks, and the other when that is gone.
func TestReplicas(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	second := *f.Service
	second.Holder = "another"
	f.SetPackages(pgtest.NotedState(koschei.StateFailing))
	f.check()
	f.SetPackages(pgtest.NotedState(koschei.StateFailing))
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
