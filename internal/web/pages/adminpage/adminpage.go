// Package adminpage is where administrators do what is theirs alone: the notice on
// every page, who is an administrator, whose sessions end. It shows them the audit
// log, from which changes of single fields are undone.
package adminpage

import (
	"embed"
	"fmt"
	"net/http"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	notice html.Page[noticeView]
	users  html.Page[usersView]
	audit  html.Page[auditView]
}

// Routes are the addresses of administration.
func Routes(t *html.Templates) []web.Route {
	folder := t.Folder("adminpage", files)
	p := &pages{
		html.Whole[noticeView](folder, "notice.html"), html.Whole[usersView](folder, "users.html"),
		html.Whole[auditView](folder, "audit.html"),
	}
	get := func(pattern, label string, show web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: show, Access: web.Admins, Errors: web.HTML, Label: label, Frame: true}
	}
	post := func(pattern, label string, change web.Handler) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: change, Access: web.Admins, CSRF: web.SameOrigin, Errors: web.HTML, Label: label, Frame: true}
	}
	return []web.Route{
		get("/admin", "admin", p.showNotice), get("/admin/notice", "admin notice form", p.showNotice), post("/admin/notice", "admin notice", p.setNotice),
		get("/admin/users", "admin users", p.showUsers), post("/admin/users", "admin user", p.changeUser),
		get("/admin/audit", "admin audit", p.showAudit),
		{Method: http.MethodPost, Pattern: "/audit/{id}/undo", Handler: undo, Access: web.SignedIn, CSRF: web.SameOrigin, Errors: web.HTML, Label: "undo", Frame: true},
	}
}

// A noticeView is the form of the notice.
type noticeView struct {
	html.Layout
	Page    string // of the tabs
	Text    string
	Preview string // "" if there is nothing to see first
}

func (p *pages) showNotice(r *web.Request) (web.Answer, error) {
	v := &noticeView{Layout: r.Layout("", "Notice"), Page: "notice"}
	v.Text = v.Notice
	return web.Page(p.notice, v)
}

// mostNotice is longer than any notice that is read.
const mostNotice = 2000

// A noticeForm sets the notice, or shows it first.
type noticeForm struct {
	Text string `form:"text"`
	Was  string `form:"was"` // which notice the form was made for
	Do   string `form:"do"`  // "show", "set" or "clear"
}

// Validate implements web.Form.
func (f *noticeForm) Validate() error {
	f.Text = strings.TrimSpace(f.Text)
	switch {
	case f.Do != "show" && f.Do != "set" && f.Do != "clear":
		return fmt.Errorf("a notice is shown, set or cleared, and not %q: %w", f.Do, koschei.ErrInvalid)
	case len(f.Text) > mostNotice:
		return fmt.Errorf("a notice has at most %d bytes: %w", mostNotice, koschei.ErrInvalid)
	case f.Text == "" && f.Do != "clear":
		return fmt.Errorf("the notice is empty; clear it to take it off: %w", koschei.ErrInvalid)
	}
	return nil
}

func (p *pages) setNotice(r *web.Request) (web.Answer, error) {
	var f noticeForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	v := &noticeView{Layout: r.Layout("", "Notice"), Page: "notice", Text: f.Text, Preview: f.Text}
	if f.Do == "show" {
		return web.Page(p.notice, v)
	}
	if now := v.Notice; now != f.Was {
		return web.Answer{}, koschei.Refusal(koschei.ErrConflict, "somebody else has changed the notice meanwhile; please open the page again")
	}
	if f.Do == "clear" {
		f.Text = ""
	}
	changes, err := r.Edit.SetNotice(r.Context(), r.Act(), f.Text)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed("/admin/notice", changes), nil
}

// A usersView lists users.
type usersView struct {
	html.Layout
	Page   string
	Prefix string
	Users  []view.User
	More   bool
}

// shownUsers is how many are listed at once.
const shownUsers = 200

// A usersForm says which users are shown.
type usersForm struct {
	Prefix string `form:"name"`
}

// Validate implements web.Form.
func (f *usersForm) Validate() error {
	if f.Prefix == "" {
		return nil
	}
	return koschei.ValidateName("user", f.Prefix)
}

func (p *pages) showUsers(r *web.Request) (web.Answer, error) {
	var f usersForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	users, err := r.View.People.Users(r.Context(), f.Prefix, shownUsers+1)
	if err != nil {
		return web.Answer{}, err
	}
	more := len(users) > shownUsers
	return web.Page(p.users, &usersView{
		Layout: r.Layout("", "Users"), Page: "users", Prefix: f.Prefix, Users: users[:min(len(users), shownUsers)], More: more,
	})
}

// A userForm changes what a user is.
type userForm struct {
	Name string `form:"name"`
	Do   string `form:"do"` // "grant", "revoke" or "end"
}

// Validate implements web.Form.
func (f *userForm) Validate() error {
	if f.Do != "grant" && f.Do != "revoke" && f.Do != "end" {
		return fmt.Errorf("rights are granted or revoked, and sessions ended, and not %q: %w", f.Do, koschei.ErrInvalid)
	}
	return koschei.ValidateName("user", f.Name)
}

func (p *pages) changeUser(r *web.Request) (web.Answer, error) {
	var f userForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	var changes []string
	var err error
	if f.Do == "end" {
		changes, err = r.Edit.Accounts.EndSessions(r.Context(), r.Act(), f.Name)
	} else {
		changes, err = r.Edit.Accounts.SetAdmin(r.Context(), r.Act(), f.Name, f.Do == "grant")
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed("/admin/users", changes), nil
}
