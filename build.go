package koschei

import (
	"fmt"
	"time"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// An Origin says who made a build.
type Origin string

// The origins of builds.
const (
	Scratch Origin = "scratch" // Koschei
	Real    Origin = "real"    // packagers; tagged in the destination tag
)

// An Outcome is what became of a build.
//
//	submitting ─► running ─► complete | failed
//	     │           └─────► canceled | timeout | infrastructure | lost
//	     └─────────────────► lost
//
// An ended build stays ended, with one exception: a running build that was
// given up as lost and turns up again goes on with what Koji says of it.
type Outcome string

// The outcomes of builds.
const (
	OutcomeSubmitting     Outcome = "submitting"     // written down, Koji not yet known to have it
	OutcomeRunning        Outcome = "running"        // Koji has a task for it
	OutcomeComplete       Outcome = "complete"       // built
	OutcomeFailed         Outcome = "failed"         // did not build, and it is the package's or its dependencies' doing
	OutcomeCanceled       Outcome = "canceled"       // by somebody, here or in Koji
	OutcomeTimeout        Outcome = "timeout"        // canceled by us after the longest time a build may take
	OutcomeInfrastructure Outcome = "infrastructure" // the hub's or a builder's fault
	OutcomeLost           Outcome = "lost"           // Koji has no such task
)

// Ended says whether nothing more is expected of a build.
func (o Outcome) Ended() bool { return o != OutcomeSubmitting && o != OutcomeRunning }

// Counts says whether a build with this outcome takes part in the package's
// state and history of comparisons. The others are kept and shown only.
func (o Outcome) Counts() bool { return o == OutcomeComplete || o == OutcomeFailed || !o.Ended() }

// Fault says that a build ended for no fault of the package.
func (o Outcome) Fault() bool { return o.Ended() && !o.Counts() }

// Transition reports, wrapping ErrConflict, whether a build may go from o to
// next. Going nowhere is allowed: everything may be heard twice.
func (o Outcome) Transition(next Outcome) error {
	switch {
	case o == next:
		return nil
	case o == OutcomeSubmitting && (next == OutcomeRunning || next.Ended()):
		return nil
	case (o == OutcomeRunning || o == OutcomeLost) && next != OutcomeSubmitting:
		return nil
	}
	return fmt.Errorf("a build that is %s cannot become %s: %w", o, next, ErrConflict)
}

// A DepsState is how far the build-resolver is with a build.
type DepsState string

// What can be known of a build's dependencies.
const (
	DepsPending     DepsState = "pending"     // not looked at, or its repo is not known yet
	DepsResolved    DepsState = "resolved"    // its dependency set is stored
	DepsUnresolved  DepsState = "unresolved"  // its BuildRequires could not be met in its repo
	DepsUnavailable DepsState = "unavailable" // its repo is gone for good
	DepsForgotten   DepsState = "forgotten"   // it was taken over from a Koschei that did not keep them
)

// A Build is one build of a package, scratch or real.
type Build struct {
	ID          int64 // also our key at the hub, see package scheduler
	PackageID   int64
	Origin      Origin
	Outcome     Outcome
	Untagged    bool  // of a source no longer in the destination tag
	Event       int64 // orders a package's builds: of the tagging, or the hub's last one at submission
	Hub         Hub
	TaskID      int64 // 0 while not known, or if imported
	KojiBuildID int64 // of a real build
	CopiedFrom  int64 // the build this is a copy of, made by branching; 0 if none

	EVR      rpm.EVR
	RepoID   int64 // Koji's; 0 while not known
	Arches   string
	Started  time.Time
	Finished time.Time // zero until ended

	CancelRequested bool
	Fault           string // one line on why it did not complete, "" if it did
	FaultTaskID     int64  // the task that brought it down, 0 if unknown

	Deps            DepsState
	DependencySetID int64 // 0 unless Deps is DepsResolved
}

// A Hub is one of the Koji systems we talk to.
type Hub string

// The hubs.
const (
	Primary   Hub = "primary"
	Secondary Hub = "secondary"
)

// A Task is one child task of a build, usually buildArch for one architecture.
type Task struct {
	BuildID  int64
	TaskID   int64
	Method   string
	Arch     string
	State    TaskState
	Started  time.Time
	Finished time.Time // zero until ended
	HostID   int64     // Koji's, of the builder that has or had it; 0 while none has
	Host     string    // the builder's name; "" if it is not known, and where tasks are stored
}

// A TaskState is the state of a task at the hub, in Koji's words.
type TaskState string

// The states of tasks.
const (
	TaskFree     TaskState = "free"
	TaskOpen     TaskState = "open"
	TaskClosed   TaskState = "closed"
	TaskCanceled TaskState = "canceled"
	TaskAssigned TaskState = "assigned"
	TaskFailed   TaskState = "failed"
)

// Ended says whether the task is over. A task that is not may go back and
// forth: a restarted builder frees the task it had open.
func (s TaskState) Ended() bool {
	return s == TaskClosed || s == TaskCanceled || s == TaskFailed
}
