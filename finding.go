package koschei

import "time"

// A FindingKind is what the self-check looks for.
type FindingKind string

// The kinds of findings; see package selfcheck for what each takes.
const (
	FindingSubmission FindingKind = "submission" // written down long ago, and nobody knows whether the hub has it
	FindingRunning    FindingKind = "running"    // runs for longer than any build may
	FindingDeps       FindingKind = "deps"       // what builds were made with is not being found out
	FindingSource     FindingKind = "source"     // Koji says nothing of a source package
	FindingDue        FindingKind = "due"        // packages that could be resolved are not
	FindingUntried    FindingKind = "untried"    // packages that nobody would have resolved ever
	FindingHold       FindingKind = "hold"       // packages held although the reason is gone
	FindingQueue      FindingKind = "queue"      // something waits to be built, there is room, and nothing is submitted
	FindingLease      FindingKind = "lease"      // the holder died and nobody took over
	FindingRestarts   FindingKind = "restarts"   // a service starts again and again
	FindingColumns    FindingKind = "columns"    // columns that follow from builds did not
	FindingService    FindingKind = "service"    // a service has not done its work for a collection for long
	FindingDoubt      FindingKind = "doubt"      // Koji says so much at once that it is not believed
	FindingLogs       FindingKind = "logs"       // logs of failed builds are not read
	FindingMetadata   FindingKind = "metadata"   // of a repo's metadata something is left out, as nobody can read it
	FindingOwners     FindingKind = "owners"     // a list of owners says what is not believed
	FindingDelivery   FindingKind = "delivery"   // what happened is not told to those who want to know
)

// FindingKinds returns all kinds.
func FindingKinds() []FindingKind {
	return []FindingKind{
		FindingSubmission, FindingRunning, FindingDeps, FindingSource, FindingDue, FindingUntried, FindingHold,
		FindingQueue, FindingLease, FindingRestarts, FindingColumns, FindingService, FindingDoubt, FindingLogs,
		FindingMetadata, FindingDelivery, FindingOwners,
	}
}

// A Finding is something that is stuck or wrong, or was until it was repaired.
type Finding struct {
	Kind         FindingKind
	CollectionID int64  // 0 if it is about none
	Collection   string // its name; not stored
	Subject      string // tells findings of a kind apart
	Sentence     string
	Count        int // of packages, builds, ...

	FirstSeen time.Time
	LastSeen  time.Time
	Ended     time.Time // zero while it lasts
	Repair    string    // what was done about it; "" if nothing could be
}
