package notifier_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// busOn returns a sink on a bus in memory.
func busOn(p bus.Publisher) *notifier.Bus {
	return &notifier.Bus{Publisher: p, Clock: noonClock(), TopicPrefix: "org.fedoraproject.prod", Instance: "primary", Builds: true, Culprits: true, Requests: true}
}

// heard returns what is on a bus in memory, and takes it off.
func heard(t *testing.T, b *bus.Memory, n int) (all []*bus.Message) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out := make(chan *bus.Delivery)
	var receiving sync.WaitGroup
	receiving.Go(func() { b.Receive(ctx, out) })
	for range n {
		d := <-out
		if err := d.Settle(false); err != nil {
			t.Error(err)
		}
		all = append(all, d.Message)
	}
	stop()
	receiving.Wait()
	return all
}

// A causer makes happen what is told.
type causer struct {
	*place

	fenced *pgtest.Fenced
	act    audit.Act
	c      *koschei.Collection
}

func (c *causer) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// repo has a repo be looked at in which the buildroot can be installed, or not,
// and in which all packages are resolved, or have a problem.
func (c *causer) repo(id int64, buildroot koschei.Resolution, problems ...string) {
	c.t.Helper()
	repo := koschei.Repo{CollectionID: c.c.ID, RepoID: id, CreateEvent: 1000 + id, Created: noon, Solved: noon, Resolved: buildroot}
	if buildroot == koschei.Unresolved {
		repo.Problems = []string{"nothing provides bash"}
	}
	c.must(c.fenced.StoreRepo(c.t.Context(), &record.RepoReport{Repo: repo}))
	if len(problems) == 0 {
		return
	}
	candidates, err := c.db.Candidates(c.t.Context(), c.c.ID, false)
	c.must(err)
	var verdicts []depset.Verdict
	for i := range candidates {
		verdicts = append(verdicts, depset.Verdict{Candidate: &candidates[i], Answered: true, Problems: problems})
	}
	_, err = c.fenced.StoreVerdicts(c.t.Context(), &repo, verdicts, noon)
	c.must(err)
}

// list is what Koji says of package foo.
func (c *causer) list(blocked bool) {
	c.t.Helper()
	_, err := c.db.SavePackageList(c.t.Context(), c.c.ID, record.PackageListing{Names: []string{"foo"}, Blocked: []bool{blocked}}, noon)
	c.must(err)
}

// scratch has a build of ours end.
func (c *causer) scratch(task int64, outcome koschei.Outcome) {
	c.t.Helper()
	_, err := c.db.SaveBuildReport(c.t.Context(), record.BuildReport{
		BuildID: c.Build("foo", noon, pgtest.Task(task)), Outcome: outcome, Finished: noon,
	}, koschei.DefaultPriorityRules(), noon)
	c.must(err)
}

// real has a packager's build be tagged.
func (c *causer) real(kojiBuild, event int64) {
	c.t.Helper()
	_, err := c.db.Tags.AddRealBuilds(c.t.Context(), []record.RealBuild{{
		PackageID: c.PackageRow("foo").ID, Hub: koschei.Primary, KojiBuildID: kojiBuild, Event: event,
		EVR: rpm.EVR{Version: "2", Release: "1"}, Started: noon, Finished: noon,
	}}, noon)
	c.must(err)
}

// untag has an older build be the newest that is tagged.
func (c *causer) untag() {
	c.t.Helper()
	older := []record.TaggedBuild{{Name: "foo", KojiBuildID: 8, Event: 1, EVR: rpm.EVR{Version: "1", Release: "1"}}}
	_, err := c.db.Tags.SaveTagged(c.t.Context(), c.c, koschei.Primary, older, nil, 5000, noon)
	c.must(err)
}

// TestMessages makes happen, by the ways by which it does, what changes a state,
// and holds what is told of it to the schemas.
func TestMessages(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := &causer{place: p, fenced: p.db.Fenced(t), act: audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: noon}}
	c.c = &koschei.Collection{ID: p.CollectionRow("f44").ID}
	mail := bus.NewMemory(100)
	service := p.service(busOn(mail))
	service.Quiet = 0
	p.pass(service)

	c.repo(1, koschei.Resolved)
	c.list(false)
	_, err := p.db.TrackPackages(t.Context(), c.act, "f44", []string{"foo"}, false)
	c.must(err)
	_, err = p.db.CreateGroup(t.Context(), c.act, "kettle", []string{"foo"}, nil)
	c.must(err)
	c.scratch(1, koschei.OutcomeFailed)
	c.scratch(2, koschei.OutcomeInfrastructure)
	c.real(7, 900)
	c.untag()
	c.repo(2, koschei.Resolved, "nothing provides bar")
	c.list(true)
	c.list(false)
	c.repo(3, koschei.Unresolved)
	c.repo(4, koschei.Resolved)

	want := []string{
		"collection f44 unknown ok 1", "foo build failed", "foo ignored failing", "foo build infrastructure", "foo build complete",
		"foo failing ok", "foo ok failing", "foo failing unresolved", "foo unresolved ignored", "foo ignored unresolved",
		"collection f44 ok unresolved 3", "collection f44 unresolved ok 4",
	}
	for range want { // of one package one a pass, if it comes so
		p.pass(service)
	}
	var got []string
	for _, m := range heard(t, mail, len(want)) {
		got = append(got, told(checkMessage(t, m)))
		group, rpm := m.Headers["fedora_messaging_group_kettle"] == true, m.Headers["fedora_messaging_rpm_foo"] == true
		if about := got[len(got)-1][:3] == "foo"; group != about || rpm != about {
			t.Errorf("%s: headers %v", m.Body, m.Headers)
		}
	}
	slices.Sort(want) // what is about different things comes in any order
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// told says in a line what a message says.
func told(body map[string]any) string {
	switch {
	case body["outcome"] != nil:
		return fmt.Sprintf("%s build %s", body["name"], body["outcome"])
	case body["name"] != nil:
		return fmt.Sprintf("%s %s %s", body["name"], body["old"], body["new"])
	default:
		return fmt.Sprintf("collection %s %s %s %s", body["collection"], body["old"], body["new"], body["repo_id"])
	}
}

// A heartbeat comes once an interval, however many processes there are.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	mail := bus.NewMemory(100)
	sink := busOn(mail)
	sink.Every = time.Hour
	for range 3 {
		p.pass(p.service(sink))
	}
	checkMessage(t, heard(t, mail, 1)[0])
	if err := mail.Publish(t.Context(), &bus.Message{ID: "last"}); err != nil {
		t.Fatal(err)
	}
	if m := heard(t, mail, 1)[0]; m.ID != "last" {
		t.Errorf("there was another heartbeat: %s", m.Body)
	}
}

// causes are events that tell who broke what, and who asked for what.
func causes() []koschei.Event {
	update := &koschei.EventDetail{Source: "lib", From: "1-1", To: "2-1", Lacks: "liblib.so.1", Packages: 2}
	return []koschei.Event{
		{Kind: koschei.EventPackageState, Package: "foo", Before: "ok", After: "unresolved"},
		{Kind: koschei.EventCulprit, Package: "foo", After: "unresolved", RepoID: 7, Detail: update},
		{Kind: koschei.EventCulprit, Package: "bar", After: "failing", BuildID: 4, Detail: &koschei.EventDetail{Source: "lib", From: "1-1", To: ""}},
		{Kind: koschei.EventUpdate, Before: koschei.UpdateFine, After: koschei.UpdateBroken, RepoID: 7, Detail: update},
		{Kind: koschei.EventRebuild, Package: "bar", Detail: &koschei.EventDetail{By: "alice", First: true}},
	}
}

// What tells who broke what is as its schema has it, and says in its headers what it is
// about.
func TestCauses(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "bar", "foo")
	mail := bus.NewMemory(100)
	service := p.service(busOn(mail))
	service.Quiet = 0
	p.pass(service)
	all := causes()
	all = append(all, koschei.Event{
		Kind: koschei.EventUpdate, Before: koschei.UpdateBroken, After: koschei.UpdateFine, RepoID: 8, Detail: &koschei.EventDetail{Source: "lib", From: "1-1", To: "2-1"},
	})
	for _, e := range all {
		e.At, e.Collection = noon, "f44"
		p.Event(&e)
		p.pass(service)
	}
	var got []string
	for _, m := range heard(t, mail, len(all)) {
		body := checkMessage(t, m)
		got = append(got, fmt.Sprint(m.Headers["fedora_messaging_schema"], " ", body["name"], " ", body["source"], " ", body["new_version"],
			" ", m.Headers["fedora_messaging_rpm_lib"], " ", m.Headers["fedora_messaging_user_alice"]))
	}
	want := []string{
		"koschei.package.state.change foo <nil> <nil> <nil> <nil>",
		"koschei.package.culprit foo lib 2-1 true <nil>",
		"koschei.package.culprit bar lib  true <nil>",
		"koschei.update.broke <nil> lib 2-1 true <nil>",
		"koschei.rebuild.request bar <nil> <nil> <nil> true",
		"koschei.update.mended <nil> lib 2-1 true <nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	quiet := &notifier.Bus{}
	for _, e := range all[1:] {
		if len(quiet.Keys(&e)) > 0 {
			t.Errorf("%s is told, and nobody asked for that", e.Kind)
		}
	}
}

// What is taken back in time is not told, nor who did it.
func TestCausesTakenBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "bar", "foo")
	s := &sink{name: "well"}
	service := p.service(s)
	p.pass(service)
	back := []koschei.Event{
		{Kind: koschei.EventPackageState, Package: "foo", Before: "unresolved", After: "ok"},
		{Kind: koschei.EventUpdate, Before: koschei.UpdateBroken, After: koschei.UpdateFine, RepoID: 8, Detail: &koschei.EventDetail{Source: "lib"}},
	}
	for _, e := range append(causes(), back...) {
		e.At, e.Collection = noon, "f44"
		p.Event(&e)
		p.pass(service)
	}
	s.check(t, "bar ->failing", "bar ->")
}

// Without being asked to, nobody tells of builds.
func TestBuildsAreOff(t *testing.T) {
	t.Parallel()
	sink := busOn(bus.NewMemory(1))
	ended := &koschei.Event{ID: 1, Kind: koschei.EventBuildEnded, Before: "running", After: "failed"}
	if len(sink.Keys(ended)) != 1 {
		t.Error("it does not tell of a build that ended")
	}
	sink.Builds = false
	if len(sink.Keys(ended)) != 0 {
		t.Error("it tells of a build that ended, and nobody asked it to")
	}
}
