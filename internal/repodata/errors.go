package repodata

import (
	"errors"
	"fmt"
)

// An InputError says what is wrong with a repository.
type InputError struct {
	File   string // path or URL
	Reason string
	Err    error // what lies behind it, or nil
}

func (e *InputError) Error() string { return e.File + ": " + e.Reason }
func (e *InputError) Unwrap() error { return e.Err }

// An UnavailableError reports that a server did not answer, or answered that it
// cannot serve now. Trying again later may help.
type UnavailableError struct {
	URL string
	Err error
}

func (e *UnavailableError) Error() string { return fmt.Sprintf("fetching %s: %v", e.URL, e.Err) }
func (e *UnavailableError) Unwrap() error { return e.Err }

// ErrNoGroup reports that a repository has no group of the name asked for.
var ErrNoGroup = errors.New("no such group")

// A syntaxError is something in the unpacked data that must not be there. The
// functions that know the file make an InputError of it.
type syntaxError struct {
	offset int64
	reason string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("byte %d of the XML: %s", e.offset+1, e.reason)
}
