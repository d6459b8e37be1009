package koschei

import "time"

// A RepoState says whether the files of a repo are there.
type RepoState string

// The states of repos. Builds can be made in ready and expired ones.
const (
	RepoReady   RepoState = "ready"
	RepoExpired RepoState = "expired"
	RepoDeleted RepoState = "deleted"
	RepoProblem RepoState = "problem"
)

// A Repo is one repository of a collection's build tag as we met it.
type Repo struct {
	CollectionID int64
	RepoID       int64 // Koji's
	CreateEvent  int64
	BeginEvent   int64 // with EndEvent the events for which it is exact; 0 unknown
	EndEvent     int64
	State        RepoState // at the hub, when it was last asked
	Created      time.Time
	Resolved     Resolution // of the base buildroot
	Problems     []string   // why the base buildroot is not installable

	Packages        int // of packages tried
	PackagesFailed  int // of those, unresolved
	PackagesChanged int // of those, with another answer than in the repo before
	Solved          time.Time

	// Entries of its metadata that nobody can read and that are left out: how
	// many, and a sentence for each of the first LeftOutShown.
	LeftOut      int
	LeftOutFirst []string
}

// LeftOutShown is of how many entries that are left out people are told at first.
const LeftOutShown = 10
