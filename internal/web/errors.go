package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A notReadyError says that there is nothing to be served from.
type notReadyError struct{ err error }

func (e *notReadyError) Error() string { return e.err.Error() }
func (e *notReadyError) Unwrap() error { return e.err }

// A methodError says that an address is there, but not for this method.
type methodError struct{ allowed string }

func (e *methodError) Error() string {
	if e.allowed == "GET, HEAD" {
		return "this can only be read, with GET or HEAD"
	}
	return "this is not what the address is for: it takes " + e.allowed
}

// An UnavailableError says that somebody else does not answer whom we need.
type UnavailableError struct {
	Sentence string // for the user, without a full stop
	Err      error  // for operators
}

func (e *UnavailableError) Error() string { return e.Sentence + ": " + e.Err.Error() }
func (e *UnavailableError) Unwrap() error { return e.Err }

// A signInError says that only those may ask who have signed in.
type signInError struct{}

func (*signInError) Error() string { return "this is only for those who have signed in" }

// A TokenError says that somebody has shown a token that is none, or has ended.
type TokenError struct{}

func (*TokenError) Error() string { return "this token is not known, or has ended" }

// A scopeError says that a token is not for what an address does.
type scopeError struct{ needed koschei.TokenScope }

func (e *scopeError) Error() string {
	if e.needed == "" {
		return "tokens are of no use here: this is for those who sign in with a browser"
	}
	return fmt.Sprintf("this takes a token of scope %s", e.needed)
}

func (e *scopeError) Unwrap() error { return koschei.ErrForbidden }

// Nothing is the handler of what no other route has.
func Nothing(r *Request) (Answer, error) {
	allowed := r.allowed()
	if len(allowed) == 0 {
		return Answer{}, NoSuchPage()
	}
	return Answer{}, &methodError{strings.Join(allowed, ", ")}
}

// NoSuchPage is the error of an address where nothing is.
func NoSuchPage() error {
	return fmt.Errorf("there is no page at this address: %w", koschei.ErrNotFound)
}

// ProblemDetails are what programs are told of an error (RFC 9457).
type ProblemDetails struct {
	Type    string `json:"type"`
	Title   string `json:"title"` // of the status
	Status  int    `json:"status"`
	Detail  string `json:"detail"`            // a sentence
	Request string `json:"request,omitempty"` // the request as the log names it
}

// fail answers with why there is no answer: the one place where errors become
// answers. Nothing of what may be private or ours alone leaves the process.
func (s *Server) fail(x *exchange, err error) {
	status, told := tell(err)
	if status >= http.StatusInternalServerError {
		x.log.ErrorContext(x.r.Context(), "request failed", "path", x.r.URL.Path, "error", err)
	}
	if x.w.written {
		return
	}
	var method *methodError
	if errors.As(err, &method) {
		x.w.Header().Set("Allow", method.allowed)
	}
	var signIn *signInError
	login := errors.As(err, &signIn) && x.route.Errors == HTML
	if status == http.StatusUnauthorized && !login {
		x.w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if login && s.SignIn && !changes(x.r.Method) {
		http.Redirect(x.w, x.r, "/login?next="+url.QueryEscape(x.r.URL.RequestURI()), http.StatusFound)
		return
	}
	switch status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		x.w.Header().Set("Retry-After", strconv.Itoa(int(waitFor(err).Seconds())))
	}
	body, kind := []byte(told+"\n"), "text/plain; charset=utf-8"
	switch x.route.Errors {
	case JSON:
		kind = "application/json"
		body, _ = json.Marshal(map[string]string{"error": told}) // strings can always be told
		body = append(body, '\n')
	case Problem:
		kind = "application/problem+json"
		body, _ = json.Marshal(ProblemDetails{"about:blank", http.StatusText(status), status, told, x.w.Header().Get("X-Request-Id")})
		body = append(body, '\n')
	case HTML:
		view := html.Failure{Layout: s.errorLayout(x, status), Heading: http.StatusText(status), Sentence: told}
		if status == http.StatusServiceUnavailable {
			view.Known = s.frames.known()
		}
		page, err := s.Templates.Error(&view)
		if err != nil {
			x.log.ErrorContext(x.r.Context(), "error page failed", "path", x.r.URL.Path, "error", err)
			break
		}
		body, kind = page, "text/html; charset=utf-8"
	}
	x.w.Header().Set("Content-Type", kind)
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // the recorder knows whether that succeeded
}

// errorLayout surrounds an error page. When the fault is ours it asks the
// record for nothing, which may be the very thing that is broken.
func (s *Server) errorLayout(x *exchange, status int) html.Layout {
	l := html.Layout{Version: s.Version, Theme: theme(x.r), Account: html.Account{Name: x.who.Name, Admin: x.who.Admin, SignIn: s.SignIn}}
	if status < http.StatusInternalServerError {
		if frame, err := s.frames.get(x.whole.Context(), s.View); err == nil { // the request's time is over
			l.Notice = frame.Notice
		}
	}
	return l
}

// retryAfter is when programs may ask again that were told to.
const retryAfter = 5 * time.Second

// tell returns the status and the sentence for an error.
func tell(err error) (status int, told string) {
	var notReady *notReadyError
	var method *methodError
	var tooMany *tooManyError
	var tooFast *tooFastError
	var signIn *signInError
	var badToken *TokenError
	var tooLong *http.MaxBytesError
	var unavailable *UnavailableError
	switch {
	case errors.As(err, &signIn):
		return http.StatusUnauthorized, upper(signIn.Error()) + "."
	case errors.As(err, &badToken):
		return http.StatusUnauthorized, upper(badToken.Error()) + "."
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("This is longer than the %d bytes allowed, and nothing was changed.", tooLong.Limit)
	case errors.As(err, &unavailable):
		return http.StatusServiceUnavailable, upper(unavailable.Sentence) + "."
	case errors.Is(err, koschei.ErrNotFound):
		return http.StatusNotFound, sentence(err, koschei.ErrNotFound)
	case errors.Is(err, koschei.ErrInvalid):
		return http.StatusBadRequest, sentence(err, koschei.ErrInvalid)
	case errors.Is(err, koschei.ErrForbidden):
		return http.StatusForbidden, sentence(err, koschei.ErrForbidden)
	case errors.Is(err, koschei.ErrConflict):
		return http.StatusConflict, sentence(err, koschei.ErrConflict)
	case errors.Is(err, koschei.ErrExists), errors.Is(err, koschei.ErrInUse):
		return http.StatusConflict, upper(err.Error()) + "."
	case errors.As(err, &method):
		return http.StatusMethodNotAllowed, upper(method.Error()) + "."
	case errors.As(err, &tooFast):
		return http.StatusTooManyRequests, upper(tooFast.Error()) + "."
	case errors.As(err, &tooMany):
		return http.StatusTooManyRequests, upper(tooMany.Error()) + ". Please wait a moment."
	case errors.As(err, &notReady):
		return http.StatusServiceUnavailable, "Pages cannot be served now: the database does not answer, or has not the right schema yet."
	case postgres.Unavailable(err) != "":
		return http.StatusServiceUnavailable, "This cannot be told now: " + postgres.Unavailable(err) + ". Please try again in a moment."
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "This took too long. Please try again."
	}
	return http.StatusInternalServerError, "Something went wrong here. It has been written down; please try again later."
}

// Mistake is the status and the sentence of an error that whoever filled in a form
// can mend there; the sentence is "" for any other.
func Mistake(err error) (status int, told string) {
	for _, kind := range []error{koschei.ErrInvalid, koschei.ErrNotFound, koschei.ErrExists, koschei.ErrConflict} {
		if errors.Is(err, kind) {
			return tell(err)
		}
	}
	return 0, ""
}

// mostSaid bounds a sentence, which may name what somebody sent.
const mostSaid = 1000

// sentence takes the sentinel off the end of an error that says it in words.
func sentence(err, sentinel error) string {
	said := upper(strings.TrimSuffix(err.Error(), ": "+sentinel.Error()))
	if len(said) > mostSaid {
		return strings.ToValidUTF8(said[:mostSaid], "") + "…"
	}
	return said + "."
}

func upper(words string) string {
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:]
}
