package koschei

import "slices"

// A Place is where an Actor acts from. The audit log calls it the environment.
type Place string

// The places.
const (
	FromAdmin    Place = "admin"    // the command line
	FromBackend  Place = "backend"  // a service of Koschei, named so
	FromFrontend Place = "frontend" // the web pages or the API
)

// An Actor is who does something: a person, or a service of ours. What it may
// do is decided here and, for packages and builds, by a Policy.
type Actor struct {
	Name   string // a user's or a service's; "" of somebody who has not logged in
	From   Place
	Groups []string // full names of the package groups it maintains
	Admin  bool

	Token  bool         // whether it has shown a token instead of signing in,
	Scopes []TokenScope // which may be used for these
}

// Uses says whether an actor may use an address for which tokens need a scope, "" if
// they are of no use there. Who has signed in has all scopes.
func (a Actor) Uses(s TokenScope) bool { return !a.Token || s != "" && slices.Contains(a.Scopes, s) }

// CanEditGroup says whether a may make, change or delete a group: its
// maintainers may, and so may the user whose namespace it is in.
func (a Actor) CanEditGroup(g Group) bool {
	switch {
	case a.Admin:
		return true
	case a.Name == "":
		return false
	}
	return g.Namespace == a.Name || slices.Contains(a.Groups, g.FullName())
}

// CanEditCollections says whether a may make, change, branch and delete
// collections, and decide what is otherwise for all users: the notice, who is an
// admin, what others are told again.
func (a Actor) CanEditCollections() bool { return a.Admin }
