package koschei

import "time"

// An Event is a fact that others may want to be told of. It is written by the
// transaction that makes it a fact, so there is an event for each and for
// nothing else. It says what happened and not how anybody is told of it.
type Event struct {
	ID   int64
	At   time.Time // domain time
	Kind EventKind

	CollectionID int64
	Collection   string // its name at the time
	PackageID    int64  // 0 if it is about no package
	Package      string
	BuildID      int64 // 0 if it is about no build
	RepoID       int64 // Koji's; 0 if it is about no repo

	// Before and After are what Kind says: states, outcomes or resolutions.
	Before, After string

	Detail *EventDetail // what else some kinds tell; nil otherwise
}

// An EventDetail is what only some kinds of events tell.
type EventDetail struct {
	// An update, by its source package, with its version-releases in the repo before
	// and since; "" where it was not there, or is gone.
	Source string `json:"source,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`

	Lacks    string `json:"lacks,omitempty"`    // a dependency that nothing provides since
	Packages int    `json:"packages,omitempty"` // that it broke

	By    string `json:"by,omitempty"`    // who asked
	First bool   `json:"first,omitempty"` // for a build before all others
}

// An EventKind says what an Event tells.
type EventKind string

// The kinds of events.
const (
	// EventPackageState: a package is in another State. RepoID is not set.
	EventPackageState EventKind = "package state"
	// EventCollectionState: the base buildroot of a collection can be installed,
	// or no longer. Before and After are States, RepoID is the repo that says so.
	EventCollectionState EventKind = "collection state"
	// EventBuildEnded: a build ended, ours or a packager's. Before and After are
	// Outcomes; Before is empty for a build that was not known while it ran.
	EventBuildEnded EventKind = "build ended"
	// EventResolution: a package's build dependencies can be installed, or no
	// longer, or not for other reasons. Before and After are Resolutions, RepoID
	// is the repo that says so.
	EventResolution EventKind = "resolution"
	// EventUntagged: a build no longer counts, because its source left the
	// destination tag. Before and After are empty.
	EventUntagged EventKind = "untagged"
	// EventCulprit: it is known which update broke a package, the only one that came
	// into its buildroot or the one that took away what it needs. After is the State
	// that it is in for it, BuildID the build that failed, or RepoID the repo that
	// proves it.
	EventCulprit EventKind = "culprit"
	// EventUpdate: packages cannot be installed because of an update, or none of them
	// suffers from it any more. Before and After are UpdateFine and UpdateBroken,
	// RepoID is the repo that says so.
	EventUpdate EventKind = "update"
	// EventGate: what gates are to know of the builds of a collection changed. Before
	// and After are GateStates, RepoID is the repo that it is about.
	EventGate EventKind = "gate"
	// EventRebuild: somebody asked for another build of a package.
	EventRebuild EventKind = "rebuild asked"
)

// What an EventUpdate leads from and to.
const (
	UpdateFine   = "fine"
	UpdateBroken = "broken"
)

// Subject tells apart what events are about. Who is told of events hears those
// with the same subject in their order.
func (e *Event) Subject() string {
	if e.Kind == EventUpdate && e.Detail != nil {
		return e.Collection + "/update/" + e.Detail.Source // no package is called so
	}
	if e.Kind == EventGate {
		return e.Collection + "/gate"
	}
	if e.Package == "" {
		return e.Collection
	}
	return e.Collection + "/" + e.Package
}

// Told returns Before and After as those outside know them: they tell fewer states
// of packages apart.
func (e *Event) Told() (before, after string) {
	if e.Kind != EventPackageState {
		return e.Before, e.After
	}
	return string(State(e.Before).Message()), string(State(e.After).Message())
}

// A Delivery is an Event on its way to somebody by one sink.
type Delivery struct {
	ID        int64
	Sink      string
	Key       string // of what is told to whom; unique in the sink
	MessageID string // a UUID, the same whenever it is sent again
	Attempts  int    // this one included
	Event     Event
}

// An EventPlace is what the record says now of the place of an event.
type EventPlace struct {
	DisplayName string   // of the collection
	Groups      []string // full names of the groups that the package is in, sorted
}
