package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// Identity tells who sends a request, an Actor without a name if it does not say.
// An error is for who pretends to be somebody.
type Identity func(*http.Request) (koschei.Actor, error)

// Anonymous is the Identity of a server that knows nobody.
func Anonymous(*http.Request) (koschei.Actor, error) {
	return koschei.Actor{From: koschei.FromFrontend}, nil
}

// A Request is what a handler is given: the request and what every handler
// would have to find out first.
type Request struct {
	*http.Request
	Actor koschei.Actor
	View  *view.View
	Edit  *edit.Editor // nil where nobody can sign in
	Now   time.Time    // domain time
	Log   *slog.Logger

	// These are set where the route needs a frame.
	All     []view.FrameCollection // in the order pages show them
	Current []view.FrameCollection // those that the request names in "collection", or else all

	about   []int64 // the collections that the answer tells of; nil if it may be any
	notice  string
	pulse   *view.Pulse
	live    *live
	clock   koschei.Clock // only its speed counts
	scope   string        // the names of Current, "" if the request names none
	version string
	signIn  bool            // whether anybody can sign in
	allowed func() []string // methods that the address has
	whole   *http.Request   // the request without a limit of time
}

// Lasting is the context of an answer that may take as long as its reader does:
// it ends when that goes away. What is asked with it has a limit of its own.
func (r *Request) Lasting() context.Context { return r.whole.Context() }

// PathValue is the name that a part of the path stands for; see html.Segment.
func (r *Request) PathValue(part string) string { return html.Named(r.Request.PathValue(part)) }

// Notice is what operators tell on every page, "" if nothing.
func (r *Request) Notice() string { return r.notice }

// First returns the first current collection, which a page is about that can be
// about one only. Without collections the error wraps koschei.ErrNotFound.
func (r *Request) First() (*view.FrameCollection, error) {
	if len(r.Current) == 0 {
		return nil, fmt.Errorf("there is no collection yet: %w", koschei.ErrNotFound)
	}
	return &r.Current[0], nil
}

// Collection returns the collection of that name. If there is none, the error says
// so and wraps koschei.ErrNotFound.
func (r *Request) Collection(name string) (*view.FrameCollection, error) {
	for i := range r.All {
		if r.All[i].Name == name {
			return &r.All[i], nil
		}
	}
	return nil, fmt.Errorf("there is no collection named %q: %w", name, koschei.ErrNotFound)
}

// CollectionByID returns the collection with that id, nil if there is none.
func (r *Request) CollectionByID(id int64) *view.FrameCollection {
	for i := range r.All {
		if r.All[i].ID == id {
			return &r.All[i]
		}
	}
	return nil
}

// Address is that of the request.
func (r *Request) Address() html.Address {
	return html.Address{Path: r.URL.EscapedPath(), Query: r.URL.Query()}
}

// A Form is what the arguments of a request are read into: see Read. Validate
// returns an error that wraps koschei.ErrInvalid or koschei.ErrNotFound for what
// makes no sense.
type Form interface{ Validate() error }

// Read reads the arguments of a request, or what a form posted, into form, a
// pointer to a struct, and validates it. A field with the tag form:"name" gets
// the first argument of that name: as it is if it is a string; a bool is true
// for "1".
func (r *Request) Read(form Form) error {
	values := r.URL.Query()
	if changes(r.Method) {
		var tooLong *http.MaxBytesError
		switch err := r.ParseForm(); {
		case errors.As(err, &tooLong):
			return err
		case err != nil:
			return fmt.Errorf("the form cannot be read: %w", koschei.ErrInvalid)
		}
		values = r.PostForm
	}
	if !textual(values) {
		return fmt.Errorf("the form is not text in UTF-8: %w", koschei.ErrInvalid)
	}
	decode(values, form)
	return form.Validate()
}
