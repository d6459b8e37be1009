package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// Act is what whoever sends the request does.
func (r *Request) Act() audit.Act { return audit.Act{Actor: r.Actor, Now: r.Now} }

// doneCookie tells the next page what was changed, so that loading that again
// changes nothing.
const doneCookie = "koschei-done"

// mostTold bounds what of a change is told on the next page.
const mostTold = 5

// Changed answers a form that has changed something: it leads to a page of ours
// that tells what.
func Changed(location string, changes []string) Answer {
	if len(changes) == 0 {
		changes = []string{"nothing was changed: it was so already"}
	}
	if more := len(changes) - mostTold; more > 0 {
		changes = append(changes[:mostTold:mostTold], "and more of the same")
	}
	for i, change := range changes {
		if len(change) > 300 {
			change = strings.ToValidUTF8(change[:300], "") + "…"
		}
		changes[i] = upper(change) + "."
	}
	return Redirect(location).With(&http.Cookie{
		Name: doneCookie, Value: url.QueryEscape(strings.Join(changes, "\n")), Path: "/", MaxAge: 60, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// done is what the last form has changed, if this page is the first after it.
func (r *Request) done() []string {
	cookie, err := r.Cookie(doneCookie)
	if err != nil || cookie.Value == "" {
		return nil
	}
	text, err := url.QueryUnescape(cookie.Value)
	if err != nil {
		return nil
	}
	return strings.Split(text, "\n")
}

// told makes the browser forget what a page has told.
func (r *Request) told(a Answer) Answer {
	if r.done() == nil || a.location != "" {
		return a
	}
	return a.With(&http.Cookie{Name: doneCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Expires: time.Unix(1, 0)})
}

// Acts are entries of the audit log on a page to which undoing one of them leads back.
func Acts(entries []view.AuditEntry, back string) []html.Act {
	acts := make([]html.Act, len(entries))
	for i, e := range entries {
		acts[i] = html.Act{ID: e.ID, Logged: e.Logged, Actor: e.Actor, Environment: e.Environment, Message: e.Message, Single: e.Field != "", Back: back}
	}
	return acts
}
