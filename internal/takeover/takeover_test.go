package takeover_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/postgres/upstream"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/scenario"
	"github.com/koschei-ci/koschei/internal/takeover"
	"github.com/koschei-ci/koschei/internal/view"
)

// zone is where the machines of the original stand: not where the test runs,
// nor the database.
const zone = "Asia/Kathmandu"

// A move is a record, an original that tells what the record has in its own
// way, and an empty record to take it over to.
type move struct {
	*scenario.Stage
	old    *pgtest.Original
	db     *pgtest.DB
	record *pgtest.World
	sync   *kojisync.Sync // of the new record

	decided *edit.Takeover // of the last run
}

// newMove lets a distribution be built for some days, and then writes down in
// an original what became of it.
func newMove(t *testing.T) *move {
	t.Helper()
	world, err := distro.Generate(t.Context(), distro.Options{
		Packages: 60, Seed: 3, History: 48 * time.Hour, Updates: 20, Hosts: 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	m := &move{Stage: scenario.New(t, world)}
	builder := m.login()
	for _, p := range m.Packages() {
		world.Flaky(p.Name, 0.3)
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
	m.old = pgtest.NewOriginal(t, "../postgres/upstream/testdata/original.sql")
	m.old.Tell(m.World, zone)
	m.record = pgtest.NewWorld(t)
	m.db = m.record.Open()
	sync := *m.Sync
	sync.DB = m.db.Record
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
	idle := slices.DeleteFunc(m.Packages(), func(p pgtest.Package) bool { return p.Blocked || p.LastBuildID == 0 || p.Running })
	for i, p := range idle {
		if (i+round)%2 != 0 {
			continue
		}
		name := p.Name
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
		m.Build(name, made.Created, pgtest.At(event.ID), pgtest.Task(task), pgtest.EVR(tagged[0].EVR()))
	}
}

// run takes over what is not here yet.
func (m *move) run(ctx context.Context, step func()) (*takeover.Report, error) {
	m.T.Helper()
	return m.collection(ctx, "f44", step)
}

func (m *move) collection(ctx context.Context, name string, step func()) (*takeover.Report, error) {
	m.T.Helper()
	original, err := upstream.Open(ctx, m.old.Address(), zone)
	if err != nil {
		m.T.Fatal(err)
	}
	defer original.Close(ctx)
	decided, err := original.Decided(ctx)
	if err != nil {
		m.T.Fatal(err)
	}
	m.decided = decided
	author := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: m.Clock.Now()}
	if _, err := m.db.TakeOver(ctx, author, decided); err != nil {
		m.T.Fatal(err)
	}
	c, err := m.db.View.Collection(ctx, name)
	if err != nil {
		m.T.Fatal(err)
	}
	t := &takeover.Takeover{Pasts: m.db.Pasts, View: m.db.View, Original: original, Hubs: koji.Hubs{Primary: m.Sync.Primary}, Step: step, Batch: 20}
	return t.Collection(ctx, c)
}

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
		if right := m.PackageRow(o.Package).State; right != o.State {
			t.Errorf("%s: but it is %s", o, right)
		}
	}
	if len(report.Otherwise) > 3 {
		t.Errorf("too many are otherwise: %v", report.Otherwise)
	}
	want, got := m.History(), m.record.History()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	for _, kind := range []string{" real complete ", " scratch complete ", " scratch failed ", " scratch running "} {
		if !strings.Contains(strings.Join(want, "\n"), kind) {
			t.Errorf("there is no build that is%s: the test tests little", kind)
		}
	}
	t.Logf("%d builds", len(want))
	if told := len(m.record.Messages()) + len(m.record.StateChanges()); told != 0 {
		t.Errorf("%d changes of states were told", told)
	}

	before := m.record.History()
	again, err := m.run(t.Context(), nil)
	if err != nil || again.Builds+again.Transitions > 0 {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	if diff := cmp.Diff(before, m.record.History()); diff != "" {
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
	builds := len(m.record.Builds())
	c, err := m.db.View.Collection(ctx, "f44")
	if err != nil {
		t.Fatal(err)
	}
	before := m.record.Packages()
	if err := m.sync.TaggedBuilds(ctx, c); err != nil {
		t.Fatal(err)
	}
	known, imported := map[string]bool{}, 0
	for _, b := range m.record.Builds() {
		key := fmt.Sprint(b.Origin, " ", b.Package, " ", b.TaskID)
		switch {
		case b.TaskID == 0:
			imported++ // by the hub's administrator
		case known[key]:
			t.Errorf("after polling there is twice: %s", key)
		}
		known[key] = true
	}
	if n := len(m.record.Builds()); n != builds+imported {
		t.Errorf("polling adds %d builds to %d, want %d", n-builds, builds, imported)
	}
	for _, p := range before {
		if now := m.record.PackageRow(p.Name).State; p.State != koschei.StateUnknown && now != p.State {
			t.Errorf("polling makes %s %s, which was %s", p.Name, now, p.State)
		}
	}
	running := m.running()
	m.Clock.Step(24 * time.Hour)
	if err := m.sync.RunningBuilds(ctx); err != nil {
		t.Fatal(err)
	}
	if left := m.running(); running == 0 || left != 0 {
		t.Errorf("of %d builds that were under way %d still are", running, left)
	}
}

// running counts the builds under way in the new record.
func (m *move) running() (n int) {
	m.T.Helper()
	for _, b := range m.record.Builds() {
		if b.Outcome == koschei.OutcomeRunning {
			n++
		}
	}
	return n
}

// TestKilled ends the work after each package in turn, and then goes on.
func TestKilled(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	runs := 0
	for {
		ctx, kill := context.WithCancel(t.Context())
		before := m.record.NewestBuild()
		_, err := m.run(ctx, func() {
			if m.record.NewestBuild() > before {
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
	if diff := cmp.Diff(m.History(), m.record.History()); diff != "" {
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
	m.old.TellDependencies(packed(t, 9, 400-9))
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
		"resolved=true at 2026-03-02 08:00:00, of an event: true: ",
		"resolved=false at 2026-03-03 08:00:00, of an event: true: nothing provides bread, needed by butter",
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
	name := m.unresolved()
	var lines []string
	number, tasks, copies := map[int64]int{}, map[int64]int64{}, 0
	for _, b := range m.record.Builds() {
		tasks[b.ID] = b.TaskID
		if b.Package == name && b.Collection == "f44" && b.Outcome != koschei.OutcomeRunning {
			number[b.ID] = len(number) + 1
			lines = append(lines, fmt.Sprintf("%d %s: %s", number[b.ID], b.Deps, m.dependencies(b.ID, number)))
		}
	}
	for _, b := range m.record.Builds() {
		if b.CopiedFrom != 0 && tasks[b.CopiedFrom] == b.TaskID {
			copies++
		}
	}
	lines = append(lines, fmt.Sprintf("copies of %d builds and as many tasks", copies))
	for _, t := range m.record.Transitions() {
		if t.RepoID == 0 {
			lines = append(lines, fmt.Sprintf("resolved=%t at %s, of an event: %t: %s",
				t.Resolved, t.Changed.UTC().Format(time.DateTime), t.Event > 0, strings.Join(t.Problems, ", ")))
		}
	}
	for _, v := range m.record.Verdicts() {
		lines = append(lines, fmt.Sprintf("%s with %s", v.State, strings.Join(v.Problems, ", ")))
	}
	return lines
}

// unresolved is the one package of f44 that cannot be installed.
func (m *move) unresolved() string {
	m.T.Helper()
	all := slices.DeleteFunc(m.record.PackagesIn("f44"), func(p pgtest.Package) bool { return p.State != koschei.StateUnresolved })
	if len(all) != 1 {
		m.T.Fatalf("packages %+v cannot be installed, want one", all)
	}
	return all[0].Name
}

// dependencies describes a build's, with numbers of builds for their ids.
func (m *move) dependencies(id int64, number map[int64]int) string {
	m.T.Helper()
	page, err := m.db.Builds.Compare(m.T.Context(), view.Pair{B: id})
	if err != nil {
		m.T.Fatal(err)
	}
	var set, changes []string
	for _, d := range page.Set {
		set = append(set, fmt.Sprintf("%s-%s at %d", d.Name, d.EVR, d.Distance))
	}
	for _, c := range page.B.Changes {
		changes = append(changes, fmt.Sprintf("; %s-%s to %s-%s at %d since %d", c.Name, c.Prev.EVR, c.Name, c.Curr.EVR, c.Distance, number[page.B.PrevBuildID]))
	}
	return strings.Join(set, ", ") + strings.Join(changes, "")
}

// TestNotTaken takes over builds that the hub does not know the place of, and
// none in a zone that cannot be.
func TestNotTaken(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	m.old.Confuse()
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
	if total := len(m.History()); len(whys) != 3 || report.Builds != total-3 {
		t.Errorf("%d of %d builds taken over, not %v", report.Builds, total, report.NotTaken)
	}
}

// TestZone takes over nothing from an original whose times are elsewhere.
func TestZone(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	m.old.ShiftStarts(-345) // to UTC
	_, err := m.run(t.Context(), nil)
	var unfit *upstream.Unfit
	if !errors.As(err, &unfit) || !strings.Contains(err.Error(), "-5h45m0s off the hub's: say with --timezone") {
		t.Errorf("times in another zone: %v", err)
	}
	if n := len(m.record.Builds()); n != 0 {
		t.Errorf("%d builds were taken over", n)
	}
}
