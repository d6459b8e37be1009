package web

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/koschei-ci/koschei"
)

// A Handler answers a request or says why it cannot. An error that wraps
// koschei.ErrNotFound, koschei.ErrInvalid, koschei.ErrForbidden or
// koschei.ErrConflict begins with a sentence for the user; any other is none of theirs.
type Handler func(*Request) (Answer, error)

// A Route is an address with all that is decided about it.
type Route struct {
	Method  string // GET, which is HEAD too, POST, ...; "" for all that no other route has
	Pattern string // as net/http has it, without the method
	Handler Handler

	Access Access // who may ask
	CSRF   CSRF   // what is demanded of requests that change something
	Cache  Cache  // how long an answer may be kept
	Errors Format // how errors are told
	Label  string // names the route in metrics and logs
	Frame  bool   // whether the handler needs collections and notice

	Unlimited bool               // not held to the limits of clients
	Kept      Kept               // whether answers are shown again to others who ask the same
	Scope     koschei.TokenScope // what a token must be for; "" if tokens open nothing here
}

// PublicPage is the route of a page that anybody may look at.
func PublicPage(pattern, label string, handler Handler, kept Kept) Route {
	return Route{Method: http.MethodGet, Pattern: pattern, Handler: handler, Access: Public, Errors: HTML, Label: label, Frame: true, Kept: kept}
}

// Access says who may ask.
type Access string

// Who may ask. There is no default: forgetting it must not open anything.
const (
	Public   Access = "public"    // anybody
	SignedIn Access = "signed in" // whom Identity knows
	Admins   Access = "admins"    // administrators
)

// CSRF says what is demanded of requests that change something.
type CSRF string

// SameOrigin lets through no request that a browser sends for another site.
const SameOrigin CSRF = "same origin"

// Cache is the header Cache-Control of answers that are no errors; "" says
// nothing.
type Cache string

// How long answers may be kept.
const (
	FewMinutes Cache = "max-age=300"
	OneDay     Cache = "public, max-age=86400"
	NotKept    Cache = "no-store"
	ForEver    Cache = "public, max-age=31536000, immutable" // the address changes with the content
)

// Kept says how long an answer is shown again to those who have not signed in and
// ask the same; see shown. Such an answer depends on nothing but the record, the
// address and the theme. "" is not at all.
type Kept string

// How long answers are shown again.
const (
	UntilChanged Kept = "until changed" // until the record changes, or it is a minute old
	ForAMoment   Kept = "for a moment"  // for a second: what tells of processes
)

// A Format is how errors are told.
type Format string

// The formats of errors.
const (
	HTML    Format = "html"    // as a page
	JSON    Format = "json"    // {"error": "..."}
	Problem Format = "problem" // as ProblemDetails
	Text    Format = "text"    // as a line
)

// changes says whether requests with this method may change something.
func changes(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}

// check returns what has not been decided about the route.
func (r *Route) check() error {
	var errs []error
	for missing, when := range map[string]bool{
		"handler": r.Handler == nil, "access": r.Access == "", "format of errors": r.Errors == "", "label": r.Label == "",
		"protection from requests of other sites": changes(r.Method) && r.CSRF == "",
	} {
		if when {
			errs = append(errs, fmt.Errorf("route %s %s has no %s", r.Method, r.Pattern, missing))
		}
	}
	return errors.Join(errs...)
}
