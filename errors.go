package koschei

import "errors"

// Errors that callers decide on. They travel wrapped; test with errors.Is. The
// text of any other error is for operators and never reaches a user.
var (
	ErrNotFound  = errors.New("not found")
	ErrExists    = errors.New("exists already")
	ErrInUse     = errors.New("in use")
	ErrConflict  = errors.New("changed by somebody else meanwhile")
	ErrInvalid   = errors.New("invalid")
	ErrForbidden = errors.New("not allowed")
	ErrLeased    = errors.New("another process holds the lease")
)

// Refusal returns an error whose text is the sentence alone, for what one of
// the errors above would only make longer; errors.Is finds it to be of that kind.
func Refusal(kind error, sentence string) error { return &refusal{kind, sentence} }

type refusal struct {
	kind     error
	sentence string
}

func (r *refusal) Error() string { return r.sentence }
func (r *refusal) Unwrap() error { return r.kind }
