package koschei

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Subscription says of what a user wants to hear, how, and how often.
type Subscription struct {
	ID   int64
	User string
	Sink string // by which they hear of it

	Scope      Scope
	Name       string // of the package, group, ...; see Scope
	Collection string // only what happens in it; "" for all

	Tell     Tell
	Pace     Pace
	Together bool   // what many packages owe to one cause is one letter, otherwise there is one for each
	Token    string // who knows it may end the subscription
}

// The sinks that serve subscriptions.
const (
	SinkMail = "mail"
	SinkHook = "hook" // the user's own web hook
)

// A Scope is what a Subscription is about.
type Scope string

// The scopes.
const (
	ScopePackage    Scope = "package"    // one package
	ScopeGroup      Scope = "group"      // the packages of a group, by its full name
	ScopeOwner      Scope = "owner"      // the packages of a person
	ScopeCollection Scope = "collection" // all packages of a collection, and its base buildroot
	ScopeBuildroot  Scope = "buildroot"  // the base buildroot of a collection
	ScopeUpdate     Scope = "update"     // packages that updates of a source package broke
)

// Scopes returns all scopes.
func Scopes() []Scope {
	return []Scope{ScopePackage, ScopeGroup, ScopeOwner, ScopeCollection, ScopeBuildroot, ScopeUpdate}
}

// Tell says which changes of states are told. States are those that people
// outside know: ok, failing, unresolved, ignored.
type Tell string

// What is told.
const (
	TellBroken Tell = "broken" // what was ok and is no longer
	TellMended Tell = "mended" // that, and what is ok again
	TellAll    Tell = "all"    // every change
)

// Wants says whether a change is told.
func (t Tell) Wants(before, after State) bool {
	broken := func(s State) bool { return s == StateFailing || s == StateUnresolved }
	switch t {
	case TellAll:
		return before != after
	case TellMended:
		return before == StateOK && broken(after) || broken(before) && after == StateOK
	default:
		return before == StateOK && broken(after)
	}
}

// A Pace says how often somebody is told.
type Pace string

// The paces. Digests are due at six in the morning, UTC; the weekly one on Mondays.
const (
	AtOnce Pace = "at once"
	Daily  Pace = "daily"
	Weekly Pace = "weekly"
)

// Wait is how long after now (domain time) it is time to tell; 0 for at once.
func (p Pace) Wait(now time.Time) time.Duration {
	if p != Daily && p != Weekly {
		return 0
	}
	now = now.UTC()
	next := time.Date(now.Year(), now.Month(), now.Day(), 6, 0, 0, 0, time.UTC)
	for !next.After(now) || p == Weekly && next.Weekday() != time.Monday {
		next = next.AddDate(0, 0, 1)
	}
	return next.Sub(now)
}

// Validate returns what is wrong with a subscription in one sentence. Whether what
// it names exists, it does not say.
func (s *Subscription) Validate() error {
	if err := ValidateName("user", s.User); err != nil {
		return err
	}
	if !slices.Contains(Scopes(), s.Scope) {
		return fmt.Errorf("%q is nothing to follow, but %s are: %w", s.Scope, orList(Scopes()), ErrInvalid)
	}
	if tells := []Tell{TellBroken, TellMended, TellAll}; !slices.Contains(tells, s.Tell) {
		return fmt.Errorf("what to tell is %q, it must be one of %s: %w", s.Tell, orList(tells), ErrInvalid)
	}
	if paces := []Pace{AtOnce, Daily, Weekly}; !slices.Contains(paces, s.Pace) {
		return fmt.Errorf("how often to tell is %q, it must be one of %s: %w", s.Pace, orList(paces), ErrInvalid)
	}
	if s.Collection != "" && (s.Scope == ScopeCollection || s.Scope == ScopeBuildroot) {
		return fmt.Errorf("a collection is followed as a whole, not in another one: %w", ErrInvalid)
	}
	if s.Scope == ScopeGroup {
		_, _, err := ParseGroupName(s.Name)
		return err
	}
	return ValidateName(string(s.Scope), s.Name)
}

// Followed names what a subscription is about, for people.
func (s *Subscription) Followed() string {
	what := string(s.Scope) + " " + s.Name
	switch s.Scope {
	case ScopeOwner:
		what = "the packages of " + s.Name
	case ScopeBuildroot:
		what = "the base buildroot of " + s.Name
	case ScopeUpdate:
		what = "what updates of " + s.Name + " break"
	case ScopeCollection:
		what = "everything in collection " + s.Name
	}
	if s.Collection != "" {
		what += " in " + s.Collection
	}
	return what
}

func orList[T ~string](all []T) string {
	var words []string
	for _, w := range all {
		words = append(words, string(w))
	}
	return strings.Join(words, ", ")
}

// A Silence is until when a user does not want to hear of something.
type Silence struct {
	User  string
	What  SilenceKind
	Name  string    // of a package, a group, or a cause as letters word it
	Until time.Time // domain time
}

// A SilenceKind is what a Silence is about.
type SilenceKind string

// The kinds of silences.
const (
	SilencePackage SilenceKind = "package"
	SilenceGroup   SilenceKind = "group"
	SilenceCause   SilenceKind = "cause"
)

// SilenceKinds returns all kinds.
func SilenceKinds() []SilenceKind {
	return []SilenceKind{SilencePackage, SilenceGroup, SilenceCause}
}

// CauseOf is what makes dependencies not installable, in words that are the same
// for all packages that suffer from it; "" if nothing is known.
func CauseOf(problems []string) string {
	if len(problems) == 0 {
		return ""
	}
	cause, _, _ := strings.Cut(problems[0], " needed by ")
	return cause
}
