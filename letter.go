package koschei

import "time"

// An Awaited is an event that a subscription asks for and that its user was not
// told of yet.
type Awaited struct {
	Event        Event
	Subscription Subscription
	Cause        string // see CauseOf
	Due          bool   // it is time to tell; it is not for what is held, and for digests of later
	Told         bool   // by a letter that another subscription of the user asked for

	// LastLetter is the message id of what told the user last about the same
	// subject, LastThread its thread; "" if nothing did.
	LastLetter, LastThread string
}

// A Draft is a letter that is to be written: of which subscription, and what it
// tells.
type Draft struct {
	Subscription int64
	Events       []int64
	Cause        string // that all in it have in common; "" if it is not known, or there is none
	Thread       string // the same for letters that belong together
	Answers      string // message id of the letter that this one answers; "" if none
}

// A Letter tells one user of changes, by one sink.
type Letter struct {
	MessageID    string // a UUID, the same whenever it is sent again
	Subscription Subscription
	Address      string // that the user has said; "" if none
	Refused      string // why the address is no longer used; "" if it is
	Secrets      string // that calls of a web hook are signed with, one a line
	Cause        string
	Thread       string
	Answers      string
	Changes      []LetterChange // in the order of collections and packages
}

// A LetterChange is what became of one package, or of a base buildroot, since its
// user was told last.
type LetterChange struct {
	Collection     string
	CollectionName string
	Package        string // "" for a base buildroot
	Before, After  State  // as people outside know them
	At             time.Time
	Problems       []string // why dependencies cannot be installed
	Build          LetterBuild
}

// A LetterBuild is the build that a change is about; its ID is 0 if there is none.
type LetterBuild struct {
	ID      int64
	EVR     string
	Changes []string // what was otherwise in its buildroot than in that of the build before, nearest first
	More    int      // further changes
}
