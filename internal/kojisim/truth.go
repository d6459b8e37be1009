package kojisim

import (
	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Cause is why a build ended as it did.
type Cause string

// The causes there are.
const (
	CauseNone           Cause = "none"           // it succeeded
	CauseSource         Cause = "source"         // its own source is broken
	CauseDependency     Cause = "dependency"     // something in its buildroot broke it
	CauseInfrastructure Cause = "infrastructure" // the build system failed
	CauseFlake          Cause = "flake"          // chance
	CauseUnresolvable   Cause = "unresolvable"   // its buildroot cannot be installed
)

// A Breakage is a rule by which builds of a package fail: from the source
// version From on until it is fixed in Until (zero: never); with a Dependency
// only when that binary package has reached DependencyFrom in the repo.
type Breakage struct {
	Package        string
	From, Until    rpm.EVR
	Dependency     string
	DependencyFrom rpm.EVR
	Message        string // what the build log says
	Arch           string // fails only there, "" is everywhere

	Fault *fault.Fault // with which the task ends; nil: the usual one
	Task  string       // which one fails so: srpm, build, or "" for those of architectures
	Cause Cause        // who is to blame for that
}

// EndWith has builds end with a fault instead of the usual one.
func (b *Breakage) EndWith(code int, text string) { b.Fault = &fault.Fault{Code: code, Text: text} }

// A Verdict is the truth about one build task.
type Verdict struct {
	Task       int
	Package    string
	NVR        string
	Repo       int
	Cause      Cause
	Dependency string // which one broke it, with its version
	Detail     string
}

// truth is the script and what it led to.
type truth struct {
	breakages map[string][]Breakage // by package
	flaky     map[string]float64
	logs      map[string]map[string]string // what failed builds of a package write, by name of the log
	attempts  map[string]int               // by source and repo
	verdicts  map[int]Verdict
}

func (t *truth) init() {
	t.breakages = map[string][]Breakage{}
	t.flaky = map[string]float64{}
	t.logs = map[string]map[string]string{}
	t.attempts = map[string]int{}
	t.verdicts = map[int]Verdict{}
}

// An outcome is what will come of a build, decided when it starts.
type outcome struct {
	Verdict
	arch    string // which architecture fails; "" is all
	fault   *fault.Fault
	task    string // which of its tasks fails so
	Message string
	Luck    draw.Draw // for durations and details
	noRoot  bool      // not even the buildroot's group can be installed
}
