package logreader

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
)

const world = scenario.CommonWorld + `
package foo tag=f44
build foo-1-1 tag=f44
 requires bash
 binary foo
repo f44-build
`

// A sim is the service under test on a stage with foo.
type sim struct {
	*Service
	*scenario.Stage
	tasks int64 // of builds so far
}

func newSim(t *testing.T) *sim {
	t.Helper()
	stage := scenario.New(t, scenario.World(t, world))
	stage.Poll()
	sync := stage.Sync
	return &sim{
		Stage:   stage,
		Service: &Service{DB: sync.DB, Hubs: sync.Hubs, Log: sync.Log, Clock: sync.Clock, Holder: "test"},
	}
}

// failed adds a build that failed some time ago, and returns its id.
func (s *sim) failed(ago time.Duration, task int64) int64 {
	s.T.Helper()
	at := s.Stage.Sync.Now().Add(-ago)
	s.tasks++
	return s.Build("foo", at, pgtest.Outcome(koschei.OutcomeFailed), pgtest.Finished(at), pgtest.Task(1_000_000+s.tasks), pgtest.FaultTask(task))
}

func (s *sim) mustPass() {
	s.T.Helper()
	if err := s.pass(s.T.Context()); err != nil {
		s.T.Fatal(err)
	}
}

// read are the builds whose logs were read, and what was found.
func (s *sim) read() []string {
	s.T.Helper()
	var lines []string
	for _, f := range s.Failures() {
		lines = append(lines, fmt.Sprintf("%d %v %s %s", f.BuildID, f.Found, f.Log, f.Kind))
	}
	return lines
}

// Logs that Koji does not have any more are asked for once; builds that ended long
// ago are left alone.
func TestGone(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	gone := s.failed(time.Hour, 99)
	unknown := s.failed(2*time.Hour, 0)
	s.failed(Age+time.Hour, 99)
	s.mustPass()
	want := []string{fmt.Sprintf("%d false  ", gone), fmt.Sprintf("%d false  ", unknown)}
	s.Expect("logs that are gone", s.read(), want...)
	calls := s.Calls("downloadTaskOutput")
	s.mustPass()
	s.Expect("once more", s.read(), want...)
	if n := s.Calls("downloadTaskOutput"); n != calls {
		t.Errorf("logs that are gone are asked for %d times more", n-calls)
	}
}

// While Koji is away nothing is stored, and the pass ends soon.
func TestAway(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	var builds []int64
	for i := range 5 {
		builds = append(builds, s.failed(time.Duration(i)*time.Hour, 99))
	}
	s.Hub.SetFaults(kojihub.Faults{Offline: "scheduled outage"})
	if err := s.pass(t.Context()); err == nil {
		t.Error("a pass without a hub is no failure")
	}
	s.Expect("while Koji is away", s.read())
	if len(s.later) != troubles || s.later[builds[0]].Failures != 1 {
		t.Errorf("tried were %v, want the %d newest of %v", s.later, troubles, builds)
	}
	s.Hub.SetFaults(kojihub.Faults{})
	s.mustPass() // the others
	if n := len(s.read()); n != 2 {
		t.Errorf("%d logs were read while three rest, want 2", n)
	}
	s.Stage.Clock.Step(time.Hour)
	s.mustPass()
	if n := len(s.read()); n != 5 || len(s.later) != 0 {
		t.Errorf("%d logs were read at last, %v rest, want 5 and none", n, s.later)
	}
}

// However many there are, a pass reads some, the newest first.
func TestBacklog(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	var builds []int64
	for i := range atOnce + 3 {
		builds = append(builds, s.failed(time.Duration(i)*time.Minute, 0))
	}
	s.mustPass()
	var read []int64
	for _, f := range s.Failures() {
		read = append(read, f.BuildID)
	}
	slices.Sort(read)
	want := slices.Sorted(slices.Values(builds[:atOnce]))
	if !slices.Equal(read, want) {
		t.Errorf("the first pass has read %v, want %v", read, want)
	}
	s.mustPass()
	if n := len(s.read()); n != len(builds) {
		t.Errorf("%d were read in two passes, want %d", n, len(builds))
	}
}
