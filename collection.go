package koschei

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
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
	Paused              bool    // the scheduler submits nothing of it
	PollUntracked       bool    // record real builds of untracked packages too
	WeakDeps            bool    // follow Recommends, which mock does not
	Lenient             bool    // pass over unmet boolean BuildRequires, and BuildConflicts

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

// SameRepos says whether c and other are resolved in the same repos in the same
// way. If not, what was found out about the repo that one of them saw last says
// nothing about the other, and repos are not compared with that one: the events
// of two hubs have nothing to do with each other.
func (c *Collection) SameRepos(other *Collection) bool {
	return c.SourceHub() == other.SourceHub() && c.BuildTag == other.BuildTag &&
		c.BuildGroup == other.BuildGroup && c.WeakDeps == other.WeakDeps && c.Lenient == other.Lenient
}

var (
	nameRE = regexp.MustCompile(`^[A-Za-z0-9+_][A-Za-z0-9.+_-]*$`)
	userRE = regexp.MustCompile(`^[A-Za-z0-9+_][A-Za-z0-9.+_@-]*$`)
)

// ValidateName reports, wrapping ErrInvalid, why name cannot name a what
// ("collection", "package", "group", "user"): the characters allowed are those
// of RPM names. Users may be named by a realm, too: someone@EXAMPLE.ORG.
func ValidateName(what, name string) error {
	allowed, characters := nameRE, ". + _ -"
	if what == "user" {
		allowed, characters = userRE, ". + _ - @"
	}
	if len(name) > 255 || !allowed.MatchString(name) {
		return fmt.Errorf("%s name %q: %w: only letters, digits and %s are allowed, 255 at most, beginning with a letter, a digit, + or _",
			what, name, ErrInvalid, characters)
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
	for _, text := range []string{c.DisplayName, c.Target, c.DestTag, c.BuildTag, c.BuildGroup, c.BugzillaProduct, c.BugzillaVersion} {
		const longest = 1000
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) || len(text) > longest {
			return fmt.Errorf("collection %s: %w: %.60q is not UTF-8 text of at most %d bytes", c.Name, ErrInvalid, text, longest)
		}
	}
	return c.ValidateNumbers()
}

// ValidateNumbers is the part of Validate without which one collection could
// harm all: reckoning with such numbers has no end or no result.
func (c *Collection) ValidateNumbers() error {
	for _, n := range []struct {
		number Number
		value  float64
	}{
		{NumberCoefficient, c.PriorityCoefficient},
		{NumberWeight, c.Weight},
		{NumberMaxBuilds, float64(c.MaxBuilds)},
		{NumberOrder, float64(c.Order)},
	} {
		if err := n.number.Check(n.value); err != nil {
			return fmt.Errorf("collection %s: %w", c.Name, err)
		}
	}
	return nil
}
