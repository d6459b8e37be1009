package kojisim

import (
	"fmt"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// Koji's fault codes, as far as they are used here.
const (
	codePython        = 1
	codeGeneric       = 1000
	codeAuth          = 1002
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

func faultf(code int, format string, args ...any) *xmlrpc.Fault {
	return &xmlrpc.Fault{Code: code, String: fmt.Sprintf(format, args...)}
}

func generic(format string, args ...any) *xmlrpc.Fault { return faultf(codeGeneric, format, args...) }

func notAllowed(format string, args ...any) *xmlrpc.Fault {
	return faultf(codeNotAllowed, format, args...)
}

// traceback is what Python prints when an exception leaves the program.
func traceback(module, function, exception string) string {
	return fmt.Sprintf("Traceback (most recent call last):\n  File \"/usr/lib/python3/site-packages/%s.py\", line 1, in %s\n%s\n",
		module, function, exception)
}
