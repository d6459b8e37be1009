// Package tokenpage is where people make tokens, with which programs of theirs act
// for them, and revoke them. A token is shown once, in the answer to the form that
// makes it.
package tokenpage

import (
	"embed"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	page html.Page[content]
	real func() time.Time
}

// Routes are the addresses of tokens. They end in real time, which real tells.
func Routes(t *html.Templates, real func() time.Time) []web.Route {
	p := &pages{html.Whole[content](t.Folder("tokenpage", files), "tokens.html"), real}
	post := func(pattern, label string, change web.Handler) web.Route {
		return web.Route{
			Method: http.MethodPost, Pattern: pattern, Handler: change, Access: web.SignedIn, CSRF: web.SameOrigin, Errors: web.HTML, Label: label, Frame: true,
			Cache: "no-store",
		}
	}
	return []web.Route{
		{Method: http.MethodGet, Pattern: "/tokens", Handler: p.show, Access: web.SignedIn, Errors: web.HTML, Label: "tokens", Frame: true},
		post("/tokens", "token make", p.make),
		post("/tokens/{id}/revoke", "token revoke", revoke),
	}
}

// A content lists the tokens of whoever asks, with a form for another.
type content struct {
	html.Layout
	Tokens  []row
	Form    makeForm
	Scopes  []scope
	Made    string // the token that was just made
	Trouble string
}

// A row is a token.
type row struct {
	view.Token

	Over bool
}

// A scope is one that a token may have.
type scope struct {
	Name    koschei.TokenScope
	For     string
	Checked bool
}

// A makeForm makes a token.
type makeForm struct {
	Name     string `form:"name"`
	Days     string `form:"days"`
	Read     bool   `form:"read"`
	Packages bool   `form:"packages"`
	Groups   bool   `form:"groups"`
	Follow   bool   `form:"follow"`
	Admin    bool   `form:"admin"`

	days int
}

// Validate implements web.Form.
func (f *makeForm) Validate() (err error) {
	f.days, err = strconv.Atoi(f.Days)
	if err != nil || f.days < 1 || f.days > 366 {
		return fmt.Errorf("a token lasts from 1 to 366 days, and not %.40q: %w", f.Days, koschei.ErrInvalid)
	}
	return koschei.ValidateTokenScopes(f.scopes())
}

// scopes are those that are wanted.
func (f *makeForm) scopes() []koschei.TokenScope {
	var wanted []koschei.TokenScope
	for _, s := range f.all(true) {
		if s.Checked {
			wanted = append(wanted, s.Name)
		}
	}
	return wanted
}

// all are the scopes with what they are for.
func (f *makeForm) all(admin bool) []scope {
	scopes := []scope{
		{koschei.TokenRead, "reading what takes a login", f.Read},
		{koschei.TokenPackages, "changing packages and builds", f.Packages},
		{koschei.TokenGroups, "changing groups", f.Groups},
		{koschei.TokenFollow, "changing what you are told of", f.Follow},
	}
	if admin {
		scopes = append(scopes, scope{koschei.TokenAdmin, "what administrators do, and tokens", f.Admin})
	}
	return scopes
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	return p.with(r, &content{Form: makeForm{Days: "90", Read: true}}, http.StatusOK)
}

// with answers with the page.
func (p *pages) with(r *web.Request, v *content, status int) (web.Answer, error) {
	tokens, err := r.View.People.Tokens(r.Context(), r.Actor.Name)
	if err != nil {
		return web.Answer{}, err
	}
	now := p.real()
	for _, t := range tokens {
		v.Tokens = append(v.Tokens, row{t, !t.Ends.After(now)})
	}
	v.Layout, v.Scopes = r.Layout("", "Tokens"), v.Form.all(r.Actor.Admin)
	answer, err := web.Page(p.page, v)
	answer.Status = status
	return answer, err
}

func (p *pages) make(r *web.Request) (web.Answer, error) {
	var f makeForm
	err := r.Read(&f)
	var token string
	if err == nil {
		now := p.real()
		token, _, err = r.Edit.Accounts.CreateToken(r.Context(), r.Act(), edit.TokenWish{
			User: r.Actor.Name, Name: f.Name, Scopes: f.scopes(), Made: now, Ends: now.AddDate(0, 0, f.days),
		})
	}
	if status, trouble := web.Mistake(err); trouble != "" {
		return p.with(r, &content{Form: f, Trouble: trouble}, status)
	}
	if err != nil {
		return web.Answer{}, err
	}
	return p.with(r, &content{Form: makeForm{Days: "90", Read: true}, Made: token}, http.StatusOK)
}

func revoke(r *web.Request) (web.Answer, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return web.Answer{}, fmt.Errorf("you have no token %q: %w", r.PathValue("id"), koschei.ErrNotFound)
	}
	changes, err := r.Edit.Accounts.RevokeToken(r.Context(), r.Act(), r.Actor.Name, id)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed("/tokens", changes), nil
}
