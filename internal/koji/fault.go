package koji

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// Fault codes of the hub on which somebody decides.
const (
	codePython        = 1 // any exception that is not Koji's own
	codeGeneric       = 1000
	codeLock          = 1001
	codeAuth          = 1002
	codeNotAllowed    = 1004
	codeBuild         = 1005
	codeAuthLock      = 1006
	codeAuthExpired   = 1007
	codeSequence      = 1008
	codeRetry         = 1009
	codePreBuild      = 1010
	codePostBuild     = 1011
	codeServerOffline = 1014
	codeParameter     = 1019
	codeGSSAPI        = 1023
	codeLast          = 1099 // Koji's own faults are from codeGeneric to here
)

// A Class says what a failure means for whoever made the call.
type Class string

// The classes. The zero Class is no failure.
const (
	Permanent      Class = "permanent"      // the call is wrong and stays wrong: a name, a right, the configuration
	Transient      Class = "transient"      // the hub cannot be reached or is closed: later it may work
	Auth           Class = "auth"           // the hub does not know us or not any more
	Infrastructure Class = "infrastructure" // Koji's own trouble: an exception in the hub, a builder, a lost repo
	PackageOwn     Class = "package"        // of a task only: the package, or what it needs, does not build
)

// ErrOutcomeUnknown is the error of a change that may have been made: it was
// sent, no answer came, and it cannot be repeated without risk. It comes
// wrapped together with the failure that is to blame.
var ErrOutcomeUnknown = errors.New("the outcome is not known")

// errResultLost is the error of a change that was made by an earlier attempt
// whose answer was lost. Those who see it see ErrOutcomeUnknown too.
var errResultLost = errors.New("done by an earlier attempt whose answer was lost")

// errRefusedLogin is the error of a login that failed before the hub was asked.
var errRefusedLogin = errors.New("no login")

// An HTTPError is an answer that does not come from the hub but from a web
// server or proxy in front of it.
type HTTPError struct {
	Status int
	Text   string // of a plain text answer, its beginning
}

func (e *HTTPError) Error() string {
	text := fmt.Sprintf("HTTP status %d %s", e.Status, http.StatusText(e.Status))
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// A TransportError is a call without a usable answer: the connection failed or
// broke, the time was up, the answer was cut or garbled.
type TransportError struct {
	Sent bool // the hub may have got the call
	Err  error
}

func (e *TransportError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// ClassOf tells what the failure of a call means. It is "" for nil, and
// Permanent for errors that are not this package's.
func ClassOf(err error) Class {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrOutcomeUnknown):
		return Transient
	case errors.Is(err, errRefusedLogin):
		return Auth
	}
	var fault *xmlrpc.Fault
	if errors.As(err, &fault) {
		return classOfFault(fault.Code)
	}
	var status *HTTPError
	if errors.As(err, &status) {
		return classOfStatus(status.Status)
	}
	var transport *TransportError
	if errors.As(err, &transport) {
		return classOfTransport(transport.Err)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Transient
	}
	return Permanent
}

func classOfFault(code int) Class {
	switch code {
	case codeServerOffline, codeLock:
		return Transient
	case codeAuth, codeAuthLock, codeAuthExpired, codeSequence, codeRetry, codeGSSAPI:
		return Auth
	case codePython:
		return Infrastructure
	default:
		return Permanent
	}
}

func classOfStatus(status int) Class {
	switch {
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
		return Transient
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return Auth
	default:
		return Permanent
	}
}

// classOfTransport tells certificates that do not convince, which waiting does
// not change, from all other trouble of the connection.
func classOfTransport(err error) Class {
	var hub *tls.CertificateVerificationError
	if errors.As(err, &hub) {
		return Permanent
	}
	// What a server says of our certificate has a type of its own only in QUIC.
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" && strings.Contains(remote.Err.Error(), "certificate") {
		return Auth
	}
	return Transient
}

// isFault tells whether err is a fault of the hub with this code.
func isFault(err error, code int) bool {
	var fault *xmlrpc.Fault
	return errors.As(err, &fault) && fault.Code == code
}

// notFound is the error for what the hub answered nil or nothing about.
func notFound(what string, id any) error {
	return fmt.Errorf("%s %v: %w", what, id, koschei.ErrNotFound)
}

// Refused tells whether the hub does not let us do what a call asked for, or
// is too old to know it: another time will not help before somebody changes that.
func Refused(err error) bool {
	var fault *xmlrpc.Fault
	if errors.As(err, &fault) {
		return fault.Code == codeNotAllowed || fault.Code == codeGeneric && strings.HasPrefix(fault.String, "Invalid method")
	}
	return errors.Is(err, errRefusedLogin)
}
