package koschei

import (
	"fmt"
	"regexp"
	"time"
)

// Defaults of a collection that is created without saying more.
const (
	DefaultOrder      = 100
	DefaultBuildGroup = "build"
)

// A Collection is a set of packages that share one Koji configuration.
type Collection struct {
	ID          int64
	Name        string // used in URLs and messages
	DisplayName string
	Order       int // pages show the highest first; the first is the default

	// SecondaryMode says that sources, repos and real builds are read from
	// the secondary hub while scratch builds run on the primary one.
	SecondaryMode bool
	Target        string // scratch builds are submitted to it
	DestTag       string // lists packages and the builds whose SRPMs count
	BuildTag      string // its repos and its build group make the buildroot
	BuildGroup    string // comps group of the base buildroot

	BugzillaProduct string // with BugzillaVersion: shows a "file a bug" link
	BugzillaVersion string

	PriorityCoefficient float64 // weighs dependency, build and time priority
	Weight              float64 // share of the turns when collections compete
	MaxBuilds           int     // scratch builds under way at once; 0 is no limit of its own
	PollUntracked       bool    // record real builds of untracked packages too
	WeakDeps            bool    // follow Recommends, which mock does not

	LatestRepoID       int64 // newest repo looked at, 0 if none
	LatestRepoEvent    int64 // event that repo was made of, 0 if none
	LatestRepoResolved Resolution
}

// SourceHub is the hub that packages, real builds, sources and repos of the
// collection are read from.
func (c *Collection) SourceHub() Hub {
	if c.SecondaryMode {
		return Secondary
	}
	return Primary
}

// State says whether the collection's base buildroot is installable:
// StateUnknown before any repo was looked at, else StateOK or StateUnresolved.
func (c *Collection) State() State {
	switch c.LatestRepoResolved {
	case Resolved:
		return StateOK
	case Unresolved:
		return StateUnresolved
	default:
		return StateUnknown
	}
}

var nameRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_-]*$`)

// ValidateName reports, wrapping ErrInvalid, why name cannot name a what
// ("collection", "package", "group", "user"): the characters allowed are those
// of RPM names.
func ValidateName(what, name string) error {
	if len(name) > 255 || !nameRE.MatchString(name) {
		return fmt.Errorf("%s name %q: %w: only letters, digits and . + _ - are allowed, 255 at most, beginning with a letter or digit", what, name, ErrInvalid)
	}
	return nil
}

// Validate reports the first thing about c that cannot be stored.
func (c *Collection) Validate() error {
	if err := ValidateName("collection", c.Name); err != nil {
		return err
	}
	for _, f := range []struct{ what, value string }{
		{"display name", c.DisplayName},
		{"target", c.Target},
		{"destination tag", c.DestTag},
		{"build tag", c.BuildTag},
		{"build group", c.BuildGroup},
	} {
		if f.value == "" {
			return fmt.Errorf("collection %s: %w: it has no %s", c.Name, ErrInvalid, f.what)
		}
	}
	if c.PriorityCoefficient < 0 || c.Weight <= 0 {
		return fmt.Errorf("collection %s: %w: the priority coefficient must not be negative and the weight must be positive", c.Name, ErrInvalid)
	}
	if c.MaxBuilds < 0 {
		return fmt.Errorf("collection %s: %w: its limit of builds must not be negative", c.Name, ErrInvalid)
	}
	return nil
}

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
}
