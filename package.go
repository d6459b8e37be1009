package koschei

import (
	"fmt"
	"strings"
	"time"
)

// A Package is a source package in one collection: what it is, and what people
// and Koji have decided about it.
type Package struct {
	ID           int64
	BaseID       int64
	CollectionID int64
	Name         string

	Tracked        bool   // we build it
	Blocked        bool   // blocked, or no longer listed, in the destination tag
	SkipResolution bool   // never resolved, but scheduled all the same
	ArchOverride   string // see ChooseArches

	StaticPriority int // set by operators, never reset by us
	ManualPriority int // set by users, reset when a build is submitted or ends
}

// A PackageStatus is a package with what the services have worked out about it.
// It is always read as a whole.
type PackageStatus struct {
	Package

	BuildPriority      int // from the outcome of the last build
	DependencyPriority int // from changes since the last build

	Resolution Resolution // in the collection's latest repo
	NoSource   bool       // its last build has no source package, so it is not resolved

	// LastBuildID is the newest build that counts (see Outcome.Counts) and is
	// not untagged; LastCompleteBuildID the newest of those that has ended.
	// 0 if there is none. They differ exactly while a build is running.
	LastBuildID         int64
	LastBuildStarted    time.Time // of LastBuildID; zero if there is none
	LastCompleteBuildID int64
	LastCompleteOutcome Outcome // "" if there is none

	StateSince time.Time // when State last became another one

	// HoldReason says why the scheduler passes the package over although its
	// priority would do, HoldUntil for how long. HeldAt tells whether it still does.
	HoldReason string
	HoldUntil  time.Time
	Faults     int // builds in a row that ended for no fault of the package
}

// State is the one place, besides its twin in SQL (package.state, held to this
// one by a test), that decides what a package's state is.
func (p *PackageStatus) State() State {
	switch {
	case p.Blocked:
		return StateBlocked
	case !p.Tracked:
		return StateUntracked
	case p.Resolution == Unresolved:
		return StateUnresolved
	case p.LastCompleteOutcome == OutcomeComplete:
		return StateOK
	case p.LastCompleteOutcome == OutcomeFailed:
		return StateFailing
	default:
		return StateUnknown
	}
}

// Running says whether a build of the package is under way.
func (p *PackageStatus) Running() bool { return p.LastBuildID != p.LastCompleteBuildID }

// HeldAt says whether the scheduler passes the package over at now. A hold whose
// time has passed, or that has none, is over; its reason may be left.
func (p *PackageStatus) HeldAt(now time.Time) bool { return p.HoldUntil.After(now) }

// An Obstacle is a reason for which a package is not schedulable whatever its
// priority. Its value is the sentence that pages show.
type Obstacle string

// The obstacles.
const (
	ObstacleBlocked       Obstacle = "the package is blocked in Koji"
	ObstacleUntracked     Obstacle = "the package is not tracked"
	ObstacleRunning       Obstacle = "a build is already running"
	ObstacleUnresolved    Obstacle = "its build dependencies cannot be installed"
	ObstacleUnattempted   Obstacle = "its build dependencies were not resolved yet"
	ObstacleNoBuild       Obstacle = "no build of it is tagged"
	ObstacleNoSource      Obstacle = "its build has no source package, as one of an image or a module: there is nothing to build it from"
	ObstacleBuildroot     Obstacle = "the base buildroot cannot be installed"
	ObstacleBuildrootLate Obstacle = "the base buildroot was not resolved yet"
)

// Obstacles returns every reason for which p is not schedulable, none if it is.
func (p *PackageStatus) Obstacles(c *Collection) []Obstacle {
	var obs []Obstacle
	add := func(when bool, o Obstacle) {
		if when {
			obs = append(obs, o)
		}
	}
	add(p.Blocked, ObstacleBlocked)
	add(!p.Tracked, ObstacleUntracked)
	add(p.LastBuildID == 0, ObstacleNoBuild)
	add(p.Running(), ObstacleRunning)
	add(p.Resolution == Unresolved, ObstacleUnresolved)
	add(p.NoSource && !p.SkipResolution, ObstacleNoSource)
	add(p.Resolution == Unattempted && !p.SkipResolution && !p.NoSource, ObstacleUnattempted)
	add(c.LatestRepoResolved == Unresolved, ObstacleBuildroot)
	add(c.LatestRepoResolved == Unattempted, ObstacleBuildrootLate)
	return obs
}

// ValidateArchOverride reports, wrapping ErrInvalid, why override cannot be
// used with the architectures Koschei builds for.
func ValidateArchOverride(override string, buildArches []string) error {
	known := map[string]bool{}
	for _, a := range buildArches {
		known[CanonArch(a)] = true
	}
	for i, a := range strings.Fields(override) {
		if i == 0 {
			a = strings.TrimPrefix(a, "^")
		}
		if !known[CanonArch(a)] {
			return fmt.Errorf("architecture %q: %w: the architectures are %s", a, ErrInvalid, strings.Join(buildArches, " "))
		}
	}
	return nil
}
