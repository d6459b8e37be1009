package kojisim

import "fmt"

// Koji's fault codes, as far as they are used here.
const (
	codePython        = 1
	codeGeneric       = 1000
	codeAuth          = 1002
	codeTag           = 1003
	codeNotAllowed    = 1004
	codeBuild         = 1005
	codeAuthLock      = 1006
	codeAuthExpired   = 1007
	codeSequence      = 1008
	codeRetry         = 1009
	codeBuildroot     = 1012
	codeServerOffline = 1014
	codeParameter     = 1019
)

// A Fault is how a call or a task failed.
type Fault struct {
	Code int
	Text string
}

// Error is the fault as an error.
func (f *Fault) Error() string { return fmt.Sprintf("fault %d: %s", f.Code, f.Text) }

// faultf returns a fault with any code.
func faultf(code int, format string, args ...any) *Fault {
	return &Fault{Code: code, Text: fmt.Sprintf(format, args...)}
}

// generic returns Koji's GenericError.
func generic(format string, args ...any) *Fault { return faultf(codeGeneric, format, args...) }

// notAllowed returns Koji's ActionNotAllowed.
func notAllowed(format string, args ...any) *Fault {
	return faultf(codeNotAllowed, format, args...)
}

// exception is the fault of a Python exception that leaves the program; its text
// is the traceback that Python prints.
func exception(module, function, text string) *Fault {
	return faultf(codePython, "Traceback (most recent call last):\n  File \"/usr/lib/python3/site-packages/%s.py\", line 1, in %s\n%s\n",
		module, function, text)
}
