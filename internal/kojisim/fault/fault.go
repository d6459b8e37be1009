package fault

import (
	"fmt"
)

// Koji's fault codes, as far as they are used here.
const (
	CodePython        = 1
	CodeGeneric       = 1000
	CodeAuth          = 1002
	CodeTag           = 1003
	CodeNotAllowed    = 1004
	CodeBuild         = 1005
	CodeAuthLock      = 1006
	CodeAuthExpired   = 1007
	CodeSequence      = 1008
	CodeRetry         = 1009
	CodeBuildroot     = 1012
	CodeServerOffline = 1014
	CodeParameter     = 1019
)

// A Fault is how a call or a task failed.
type Fault struct {
	Code int
	Text string
}

// Error is the fault as an error.
func (f *Fault) Error() string { return fmt.Sprintf("fault %d: %s", f.Code, f.Text) }

// New returns a fault with any code.
func New(code int, format string, args ...any) *Fault {
	return &Fault{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Generic returns Koji's GenericError.
func Generic(format string, args ...any) *Fault { return New(CodeGeneric, format, args...) }

// NotAllowed returns Koji's ActionNotAllowed.
func NotAllowed(format string, args ...any) *Fault {
	return New(CodeNotAllowed, format, args...)
}

// Exception is the fault of a Python exception that leaves the program; its text
// is the traceback that Python prints.
func Exception(module, function, text string) *Fault {
	return New(CodePython, "Traceback (most recent call last):\n  File \"/usr/lib/python3/site-packages/%s.py\", line 1, in %s\n%s\n",
		module, function, text)
}
