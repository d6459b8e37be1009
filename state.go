package koschei

// A Resolution is what is known of the installability of build dependencies.
type Resolution string

// The resolutions. Unattempted is also what is known of a package after its
// dependencies were thrown in doubt.
const (
	Unattempted Resolution = "unattempted"
	Resolved    Resolution = "resolved"
	Unresolved  Resolution = "unresolved"
)

// A State is what pages, badges and the API say of a package. Collections
// use StateUnknown, StateOK and StateUnresolved of it.
type State string

// The states; the first that fits is a package's.
const (
	StateBlocked    State = "blocked"
	StateUntracked  State = "untracked"
	StateUnresolved State = "unresolved"
	StateOK         State = "ok"
	StateFailing    State = "failing"
	StateUnknown    State = "unknown"

	// StateIgnored is used in messages alone, for every state in which a
	// package is none of a subscriber's business.
	StateIgnored State = "ignored"
)

// Message returns s as messages have it.
func (s State) Message() State {
	switch s {
	case StateOK, StateFailing, StateUnresolved:
		return s
	default:
		return StateIgnored
	}
}
