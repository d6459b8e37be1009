package koschei

import (
	"fmt"
	"maps"
	"slices"
)

// A Right is a kind of change of packages and builds that a Policy decides about.
// What it does not name is decided by Actor alone: administrators do it, and
// maintainers what concerns their groups.
type Right string

// The rights.
const (
	RightTrack          Right = "track"           // whether a package is looked at at all
	RightPriority       Right = "priority"        // manual priority, until the next build
	RightStaticPriority Right = "static_priority" // until it is set again
	RightArchOverride   Right = "arch_override"   // for what a package is built
	RightSkipResolution Right = "skip_resolution" // building without resolving
	RightBuildAgain     Right = "build_again"     // another build when its turn comes
	RightCancel         Right = "cancel"          // of a build that is under way
)

// Who is a set of people that has a right.
type Who string

// Who may have a right. Maintainers of a package are those of a global group that
// it is in: groups in a namespace anybody can make. Each includes those after it.
const (
	Users       Who = "users"       // everybody who has signed in
	Maintainers Who = "maintainers" // of all packages concerned
	Admins      Who = "admins"
)

// A Policy says who has which right.
type Policy map[Right]Who

// DefaultPolicy is that of the original Koschei: every user changes packages, and
// administrators do what is at the expense of others.
func DefaultPolicy() Policy {
	return Policy{
		RightTrack: Users, RightPriority: Users, RightStaticPriority: Admins, RightArchOverride: Users, RightSkipResolution: Users,
		RightBuildAgain: Users, RightCancel: Admins,
	}
}

// Validate says what is wrong with a policy; it must decide about every right.
func (p Policy) Validate() error {
	all := DefaultPolicy()
	for _, right := range slices.Sorted(maps.Keys(p)) {
		if _, known := all[right]; !known {
			return fmt.Errorf("there is no right %q: %w", right, ErrInvalid)
		}
	}
	for _, right := range slices.Sorted(maps.Keys(all)) {
		if who := p[right]; who != Users && who != Maintainers && who != Admins {
			return fmt.Errorf("right %s is given to %q, it must be users, maintainers or admins: %w", right, who, ErrInvalid)
		}
	}
	return nil
}

// Gives says whether somebody has a right. If they have not, but would have it as
// a maintainer of the packages, ifMaintainer is set.
func (p Policy) Gives(a Actor, r Right) (given, ifMaintainer bool) {
	switch {
	case a.Admin:
		return true, false
	case a.Name == "":
		return false, false
	case p[r] == Users:
		return true, false
	}
	return false, p[r] == Maintainers
}
