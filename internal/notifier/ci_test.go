package notifier_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// ciConfig is that of a side tag that is tested against f44.
func ciConfig() notifier.CIConfig {
	return notifier.CIConfig{
		Namespace: "koschei", Groups: map[string]string{"side": "f44"}, Rules: koschei.DefaultPriorityRules(),
		Contact: notifier.CIContact{Name: "Koschei", Team: "kettle", Docs: "https://koschei.example.org/documentation", Email: "kettle@example.org"},
		TopURLs: map[koschei.Hub]string{koschei.Primary: "https://kojipkgs.example.org/"},
		Site:    &url.URL{Scheme: "https", Host: "koschei.example.org"},
	}
}

// A sideTag is a place with a collection that is tested against f44, and what is told
// of it.
type sideTag struct {
	*place

	service *notifier.Service
	mail    *bus.Memory
}

func newSideTag(t *testing.T) *sideTag {
	t.Helper()
	s := &sideTag{place: newPlace(t, "cup", "teapot"), mail: bus.NewMemory(100)}
	s.Collection("side", pgtest.DestTag("f44-build-side-9001"), pgtest.BuildTag("f44-build-side-9001"))
	for i, name := range []string{"cup", "teapot"} {
		s.Package("side", name)
		for _, collection := range []string{"f44", "side"} {
			s.BuildIn(collection, name, noon.Add(-time.Hour), pgtest.Real(int64(i+1)), pgtest.Task(int64(100+i)), pgtest.At(10), pgtest.Finished(noon), pgtest.Outcome(koschei.OutcomeComplete))
			s.SetPackageIn(collection, name, pgtest.Resolution(koschei.Resolved))
		}
	}
	s.RefreshLastBuilds()
	s.NoteStates()
	sink, err := notifier.NewCI(ciConfig(), busOn(s.mail))
	if err != nil {
		t.Fatal(err)
	}
	sink.DB = s.db.Deliveries
	s.service = s.place.service(sink)
	return s
}

// tell returns what is told now, a line each, and holds it to its schema.
func (s *sideTag) tell(n int) (lines []string) {
	s.t.Helper()
	for range n + 1 {
		s.pass(s.service)
	}
	if unsent := s.UnsentDeliveries(); unsent > 0 {
		s.t.Fatalf("%d messages are left", unsent)
	}
	if err := s.mail.Publish(s.t.Context(), &bus.Message{ID: "last"}); err != nil {
		s.t.Fatal(err)
	}
	for {
		m := heard(s.t, s.mail, 1)[0]
		if m.ID == "last" {
			return lines
		}
		lines = append(lines, s.check(m))
	}
}

// check holds a message to its schema and says it in a line.
func (s *sideTag) check(m *bus.Message) string {
	s.t.Helper()
	step, ok := strings.CutPrefix(m.Topic, "org.fedoraproject.prod.ci.koschei.koji-build-group.test.")
	if !ok {
		s.t.Fatalf("the topic is %s", m.Topic)
	}
	var body map[string]any
	if err := json.Unmarshal(m.Body, &body); err != nil {
		s.t.Fatal(err)
	}
	name := "ci.koji-build-group.test." + step
	for _, wrong := range readSchema(s.t, name).breaks("it", body) {
		s.t.Errorf("%s %s: %s", m.Topic, m.Body, wrong)
	}
	others(s.t, name, m.Body, true)
	if m.Headers["fedora_messaging_rpm_teapot"] != true || m.Headers["fedora_messaging_rpm_cup"] != nil {
		s.t.Errorf("headers %v", m.Headers)
	}
	var said struct {
		Pipeline struct{ ID string }
		Artifact struct {
			ID, Repository string
			Builds         []struct {
				ID          int64
				Issuer, NVR string
			}
		}
		Test  struct{ Result, Output string }
		Error struct{ Reason string }
	}
	if err := json.Unmarshal(m.Body, &said); err != nil {
		s.t.Fatal(err)
	}
	if len(said.Artifact.Builds) != 1 {
		s.t.Fatalf("it is about %+v", said.Artifact.Builds)
	}
	b := said.Artifact.Builds[0]
	return strings.Join(strings.Fields(fmt.Sprint(said.Pipeline.ID, " ", strings.TrimPrefix(said.Artifact.Repository, "https://kojipkgs.example.org/repos/"+said.Artifact.ID),
		" ", b.NVR, " ", b.ID, " ", b.Issuer, ": ", step, " ", said.Test.Result, " ", said.Test.Output, said.Error.Reason)), " ")
}

// TestGates plays what happens to a side tag: a broken buildroot, a repo in which
// something breaks, and what is told of that. What is told once is not told again.
func TestGates(t *testing.T) {
	t.Parallel()
	s := newSideTag(t)
	expect := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, s.tell(len(want))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	expect("there is no repo")
	s.Repo("side", 1, noon)
	s.SetCollection("side", pgtest.LatestRepo(1, 20))
	expect("the side tag has nothing of its own")

	_, err := s.db.Tags.AddRealBuilds(t.Context(), []record.RealBuild{{
		PackageID: s.packageIn("side", "teapot"), Hub: koschei.Primary, KojiBuildID: 7, TaskID: 555001, Event: 11, Owner: "alice",
		EVR: rpm.EVR{Version: "2", Release: "1"}, Started: noon, Finished: noon,
	}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	s.SetPackageIn("side", "teapot", pgtest.Resolution(koschei.Resolved))
	s.SetCollection("side", pgtest.LatestRepo(2, 20), pgtest.BrokenBuildroot())
	const first, second = "koschei-side-2 /2/ teapot-2-1 555001 alice: ", "koschei-side-3 /3/ teapot-2-1 555001 alice: "
	expect("the buildroot is broken",
		first+"complete failed The base buildroot cannot be installed.")
	expect("nothing has happened since")
	s.SetCollection("side", pgtest.LatestRepo(3, 30))
	s.SetPackageIn("side", "cup", pgtest.ManualPriority(1000))
	expect("a package is due",
		first+"error A newer repo is tested instead.", second+"running")
	s.SetPackageIn("side", "cup", pgtest.ManualPriority(0))
	expect("nothing is left to do", second+"complete passed 2 packages build as they do without the update.")
	build := s.BuildIn("side", "cup", noon, pgtest.Task(9), pgtest.At(40), pgtest.Outcome(koschei.OutcomeRunning))
	s.RefreshLastBuilds()
	expect("it is built again", second+"running")
	s.SetBuild(build, pgtest.Outcome(koschei.OutcomeFailed), pgtest.Finished(noon))
	s.RefreshLastBuilds()
	expect("it broke", second+"complete failed 1 of 2 packages broke: cup")
	s.RemoveCollection("side")
	expect("the side tag is gone")
}

func (s *sideTag) packageIn(collection, name string) int64 {
	s.t.Helper()
	for _, p := range s.PackagesIn(collection) {
		if p.Name == name {
			return p.ID
		}
	}
	s.t.Fatalf("there is no %s in %s", name, collection)
	return 0
}

// The list of what broke ends before it is too long.
func TestLongOutput(t *testing.T) {
	t.Parallel()
	s := newSideTag(t)
	for i := range 100 {
		name := fmt.Sprintf("%s-%d", strings.Repeat("x", 30), i)
		s.Package("f44", name)
		s.Package("side", name)
		s.BuildIn("f44", name, noon, pgtest.Real(int64(1000+i)), pgtest.NoTask(), pgtest.Finished(noon), pgtest.Outcome(koschei.OutcomeComplete))
		s.SetPackageIn("f44", name, pgtest.Resolution(koschei.Resolved))
	}
	s.RefreshLastBuilds()
	s.BuildIn("side", "teapot", noon, pgtest.Real(7), pgtest.Task(5), pgtest.At(11), pgtest.Finished(noon), pgtest.Outcome(koschei.OutcomeComplete))
	s.SetCollection("side", pgtest.LatestRepo(1, 20))
	lines := s.tell(1)
	if len(lines) != 1 || !strings.HasSuffix(lines[0], " ...") || !strings.Contains(lines[0], "unknown: complete failed 100 of 102 packages broke: x") {
		t.Fatalf("told %q", lines)
	}
	if _, output, _ := strings.Cut(lines[0], "failed "); len(output) > 500 {
		t.Errorf("the output has %d characters", len(output))
	}
}

// A setting that is wrong is named.
func TestCISettings(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*notifier.CIConfig){
		"namespace":  func(c *notifier.CIConfig) { c.Namespace = "koschei.test" },
		"names none": func(c *notifier.CIConfig) { c.Groups = nil },
		"its base":   func(c *notifier.CIConfig) { c.Groups = map[string]string{"side": "side"} },
		"contact":    func(c *notifier.CIConfig) { c.Contact.Docs = "" },
	} {
		c := ciConfig()
		spoil(&c)
		if _, err := notifier.NewCI(c, busOn(bus.NewMemory(1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
