package koschei

import "errors"

// Errors that callers decide on. They travel wrapped; test with errors.Is. The
// text of any other error is for operators and never reaches a user.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	ErrInUse    = errors.New("in use")
	ErrConflict = errors.New("changed by somebody else meanwhile")
	ErrInvalid  = errors.New("invalid")
	ErrLeased   = errors.New("another process holds the lease")
)
