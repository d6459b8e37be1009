// Package subscriptions lets people who have signed in say of what they want to
// hear, by mail or their own web hook, how often, and of what they want to hear
// nothing until a date.
package subscriptions

import (
	"cmp"
	"embed"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

const address = "/subscriptions"

// Ways are those by which people are told.
type Ways struct{ Mail, Hooks bool }

type pages struct {
	page html.Page[content]
	ways Ways
}

// Routes are the addresses of one's own subscriptions.
func Routes(t *html.Templates, ways Ways) []web.Route {
	p := &pages{html.Whole[content](t.Folder("subscriptions", files), "subscriptions.html"), ways}
	return []web.Route{
		{Method: http.MethodGet, Pattern: address, Handler: p.show, Access: web.SignedIn, Errors: web.HTML, Label: "subscriptions", Frame: true},
		{Method: http.MethodPost, Pattern: address, Handler: p.change, Access: web.SignedIn, CSRF: web.SameOrigin, Errors: web.HTML, Label: "subscriptions change", Frame: true},
	}
}

// A content is what somebody follows, and forms to change it.
type content struct {
	html.Layout
	Ways
	User        string
	Reader      *view.Reader
	Scopes      []choice
	Tells       []choice
	Paces       []choice
	Collections []string
	Silences    []choice
	Name        string // that the form begins with
	Tomorrow    string // the first date until which something can be silenced
}

// A choice is one of a list in a form.
type choice struct {
	Value, Text string
	Chosen      bool
}

func scopes(chosen koschei.Scope) (all []choice) {
	texts := map[koschei.Scope]string{
		koschei.ScopePackage: "a package", koschei.ScopeGroup: "the packages of a group", koschei.ScopeOwner: "the packages of a person",
		koschei.ScopeCollection: "a collection", koschei.ScopeBuildroot: "the base buildroot of a collection", koschei.ScopeUpdate: "what an update breaks",
	}
	for _, s := range koschei.Scopes() {
		all = append(all, choice{string(s), texts[s], s == chosen})
	}
	return all
}

// A query is what the form begins with, for links to it.
type query struct {
	Scope string `form:"scope"`
	Name  string `form:"name"`
}

// Validate implements web.Form.
func (q *query) Validate() error {
	if len(q.Name) > 255 {
		return fmt.Errorf("the name is too long: %w", koschei.ErrInvalid)
	}
	return nil
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	var q query
	if err := r.Read(&q); err != nil {
		return web.Answer{}, err
	}
	reader, err := r.View.People.Reader(r.Context(), r.Actor.Name, r.Now)
	if err != nil {
		return web.Answer{}, err
	}
	v := &content{
		Layout: r.Layout("", "What you are told"), Ways: p.ways, User: r.Actor.Name, Reader: reader, Name: q.Name,
		Tells: []choice{
			{string(koschei.TellBroken), "only what breaks", false},
			{string(koschei.TellMended), "what breaks and what is mended", true},
			{string(koschei.TellAll), "every change", false},
		},
		Paces:    []choice{{string(koschei.AtOnce), "at once", true}, {string(koschei.Daily), "once a day", false}, {string(koschei.Weekly), "once a week", false}},
		Silences: []choice{{"package", "package", true}, {"group", "group", false}, {"cause", "cause", false}},
		Tomorrow: r.Now.UTC().AddDate(0, 0, 1).Format(time.DateOnly),
	}
	v.Scopes = scopes(koschei.Scope(q.Scope))
	for i := range r.Current {
		v.Collections = append(v.Collections, r.Current[i].Name)
	}
	return web.Page(p.page, v)
}

// A form changes one thing.
type form struct {
	Do         string `form:"do"` // "follow", "end", "silence", "hear", "mail", "hook" or "secret"
	ID         string `form:"id"`
	Scope      string `form:"scope"`
	Name       string `form:"name"`
	Collection string `form:"in"`
	Tell       string `form:"tell"`
	Pace       string `form:"pace"`
	Apart      string `form:"apart"`
	By         string `form:"by"`
	Hook       string `form:"hook"`
	What       string `form:"what"`
	Until      string `form:"until"`

	id    int64
	until time.Time
}

// Validate implements web.Form. Whether a subscription makes sense is found out
// where it is stored.
func (f *form) Validate() (err error) {
	f.Name, f.Hook = strings.TrimSpace(f.Name), strings.TrimSpace(f.Hook)
	switch f.Do {
	case "follow", "mail", "hook", "secret":
		return nil
	case "end":
		if f.id, err = strconv.ParseInt(f.ID, 10, 64); err != nil {
			return fmt.Errorf("the form does not say which subscription is to end; please open it again: %w", koschei.ErrInvalid)
		}
		return nil
	case "hear", "silence":
		if f.Do == "hear" {
			return nil
		}
		if f.until, err = time.Parse(time.DateOnly, f.Until); err != nil {
			return fmt.Errorf("%q is no date such as 2026-12-24: %w", f.Until, koschei.ErrInvalid)
		}
		return nil
	}
	return fmt.Errorf("the form does not say what to do; please open it again: %w", koschei.ErrInvalid)
}

func (p *pages) change(r *web.Request) (web.Answer, error) {
	var f form
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	changes, err := p.do(r, &f)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(address, changes), nil
}

func (p *pages) do(r *web.Request, f *form) ([]string, error) {
	user := r.Actor.Name
	switch f.Do {
	case "follow":
		return r.Edit.Accounts.Subscribe(r.Context(), r.Act(), koschei.Subscription{
			User: user, Sink: cmp.Or(f.By, koschei.SinkMail), Scope: koschei.Scope(f.Scope), Name: f.Name, Collection: f.Collection,
			Tell: koschei.Tell(f.Tell), Pace: koschei.Pace(f.Pace), Together: f.Apart == "",
		})
	case "end":
		return r.Edit.Accounts.Unsubscribe(r.Context(), r.Act(), user, f.id)
	case "mail":
		return r.Edit.Accounts.EnableMail(r.Context(), r.Act(), user)
	case "hook":
		return r.Edit.Accounts.SetHook(r.Context(), r.Act(), user, f.Hook)
	case "secret":
		return r.Edit.Accounts.RotateHook(r.Context(), r.Act(), user)
	}
	s := koschei.Silence{User: user, What: koschei.SilenceKind(f.What), Name: f.Name, Until: f.until}
	if f.Do == "silence" && !f.until.After(r.Now) {
		return nil, fmt.Errorf("%s is over: %w", f.Until, koschei.ErrInvalid)
	}
	return r.Edit.Accounts.Silence(r.Context(), r.Act(), s)
}
