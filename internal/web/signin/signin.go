// Package signin lets people sign in and out, and tells who sends a request. There
// are three ways: OpenID Connect (see Provider), a header of a proxy that is trusted
// (see Proxy), and for development the mere claim to be somebody. Each ends in a
// session of package session, whose token the browser keeps in a cookie. Package
// site puts its routes into the table.
//
// What a user may do is not decided here, only whether the login provider calls them
// an administrator (see Roles).
package signin

import (
	"cmp"
	"embed"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/session"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

// A SignIn is how people sign in. Exactly one of Provider, Proxy and Development
// is set.
type SignIn struct {
	Sessions *session.Sessions
	Lasts    time.Duration // how long browsers keep the cookie
	Secure   bool          // whether browsers see us by https
	Real     func() time.Time

	Provider    *Provider
	Proxy       *Proxy
	Development bool // anybody is whom they say, but only on this machine
}

// Roles say whom the login provider calls an administrator: who is in one of
// the groups, or has one of the roles.
type Roles struct {
	AdminGroups []string
	AdminRoles  []string
}

func (r Roles) admin(groups, roles []string) bool {
	in := func(these, those []string) bool {
		return slices.ContainsFunc(these, func(s string) bool { return slices.Contains(those, s) })
	}
	return in(r.AdminGroups, groups) || in(r.AdminRoles, roles)
}

// Origin is where forms may lead to besides ourselves, "" if nowhere.
func (s *SignIn) Origin() string {
	if s.Provider == nil {
		return ""
	}
	return s.Provider.origin()
}

type pages struct {
	*SignIn
	develop html.Page[developView]
}

// A developView asks a developer who they want to be.
type developView struct {
	html.Layout
	Next string
}

// Routes are the addresses of login and logout.
func (s *SignIn) Routes(t *html.Templates) []web.Route {
	folder := t.Folder("signin", files)
	p := &pages{s, html.Whole[developView](folder, "develop.html")}
	routes := []web.Route{
		{Method: http.MethodGet, Pattern: "/login", Handler: p.login, Access: web.Public, Errors: web.HTML, Label: "login", Frame: s.Development, Cache: never},
		{Method: http.MethodPost, Pattern: "/logout", Handler: p.logout, Access: web.Public, CSRF: web.SameOrigin, Errors: web.HTML, Label: "logout", Cache: never},
	}
	if s.Provider != nil {
		routes = append(routes, web.Route{
			Method: http.MethodGet, Pattern: RedirectPath, Handler: p.back, Access: web.Public, Errors: web.HTML, Label: "login back", Cache: never,
		})
	}
	if s.Development {
		routes = append(routes, web.Route{
			Method: http.MethodPost, Pattern: "/login", Handler: p.claim, Access: web.Public, CSRF: web.SameOrigin, Errors: web.HTML, Label: "login claim", Cache: never,
		})
	}
	return routes
}

// never is for answers that belong to one browser alone.
const never web.Cache = "no-store"

// Identity implements web.Identity.
func (s *SignIn) Identity(r *http.Request) (koschei.Actor, error) {
	nobody := koschei.Actor{From: koschei.FromFrontend}
	if s.Proxy != nil {
		if err := s.Proxy.check(r); err != nil {
			return nobody, err
		}
	}
	if token := web.BearerToken(r); token != "" {
		return s.program(r, token)
	}
	token := s.cookie(r, sessionCookie)
	if token == "" {
		return nobody, nil
	}
	found, err := s.Sessions.Find(r.Context(), token, s.Real())
	if err != nil || found == nil || !s.serves(found.Way) {
		return nobody, err
	}
	if s.Development && !local(r) {
		return nobody, nil
	}
	if s.Proxy != nil && s.Proxy.another(r, found.User) {
		return nobody, nil // somebody else is at the browser now
	}
	return koschei.Actor{Name: found.User, From: koschei.FromFrontend, Admin: found.Admin}, nil
}

// program is whose token a request shows. The cookie of such a request does not
// count.
func (s *SignIn) program(r *http.Request, token string) (koschei.Actor, error) {
	found, err := s.Sessions.FindToken(r.Context(), token, s.Real())
	if err != nil {
		return koschei.Actor{From: koschei.FromFrontend}, err
	}
	if found == nil {
		return koschei.Actor{From: koschei.FromFrontend}, &web.TokenError{}
	}
	return koschei.Actor{
		Name: found.User, From: koschei.FromFrontend, Token: true, Scopes: found.Scopes,
		Admin: found.Admin && slices.Contains(found.Scopes, koschei.TokenAdmin),
	}, nil
}

// serves says whether a session that began in that way still counts: one from
// before the configuration was changed does not.
func (s *SignIn) serves(way session.Way) bool {
	switch way {
	case session.OIDC:
		return s.Provider != nil
	case session.Proxy:
		return s.Proxy != nil
	}
	return s.Development
}

// A nextForm says where somebody wants to be after signing in.
type nextForm struct {
	Next string `form:"next"`
}

// Validate implements web.Form.
func (f *nextForm) Validate() (err error) {
	f.Next, err = ownPath(f.Next)
	return err
}

// ownPath is where to go after signing in: a page of ours, or else the first.
func ownPath(next string) (string, error) {
	if next = cmp.Or(next, "/"); !web.OwnPath(next) {
		return "", fmt.Errorf("%q is no page of this site: %w", next, koschei.ErrInvalid)
	}
	return next, nil
}

func (p *pages) login(r *web.Request) (web.Answer, error) {
	var f nextForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	switch {
	case p.Provider != nil:
		return p.leave(r, f.Next)
	case p.Proxy != nil:
		who, err := p.Proxy.login(r.Request)
		if err != nil {
			return web.Answer{}, err
		}
		return p.begin(r, who, f.Next)
	}
	if err := mayDevelop(r.Request); err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.develop, &developView{Layout: r.Layout("", "Sign in"), Next: f.Next})
}

// begin begins a session for who has proved who they are.
func (s *SignIn) begin(r *web.Request, who session.Login, next string) (web.Answer, error) {
	who.Agent, who.Old = r.UserAgent(), s.cookie(r.Request, sessionCookie)
	token, err := s.Sessions.Begin(r.Context(), who, s.Real())
	if err != nil {
		return web.Answer{}, err
	}
	r.Log.InfoContext(r.Context(), "signed in", "user", who.User, "kind", who.Way)
	return web.Redirect(next).With(s.keep(sessionCookie, token, s.Lasts)), nil
}

func (p *pages) logout(r *web.Request) (web.Answer, error) {
	if token := p.cookie(r.Request, sessionCookie); token != "" {
		if err := p.Sessions.End(r.Context(), token); err != nil {
			return web.Answer{}, err
		}
	}
	return web.Redirect("/").With(p.keep(sessionCookie, "", 0)), nil
}

// A claimForm is whom a developer wants to be.
type claimForm struct {
	Name  string `form:"name"`
	Admin bool   `form:"admin"`
	Next  string `form:"next"`
}

// Validate implements web.Form.
func (f *claimForm) Validate() (err error) {
	if f.Next, err = ownPath(f.Next); err != nil {
		return err
	}
	return koschei.ValidateName("user", f.Name)
}

func (p *pages) claim(r *web.Request) (web.Answer, error) {
	if err := mayDevelop(r.Request); err != nil {
		return web.Answer{}, err
	}
	var f claimForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	return p.begin(r, session.Login{User: f.Name, Admin: f.Admin, Way: session.Development}, f.Next)
}

func mayDevelop(r *http.Request) error {
	if !local(r) {
		return koschei.Refusal(koschei.ErrForbidden, "the login for development is open to browsers on the same machine only, without a proxy in between")
	}
	return nil
}

// local says whether a request comes from this machine, is meant for it, and
// has not come through a proxy, for which all the world may be at its other end.
func local(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return false
	}
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	host := r.Host
	if at := strings.LastIndexByte(host, ':'); at > strings.LastIndexByte(host, ']') {
		host = host[:at]
	}
	named, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && named.IsLoopback()
}

// The cookies. With https browsers hold them to this host by their prefix.
const (
	sessionCookie = "koschei-session"
	leavingCookie = "koschei-login"
)

func (s *SignIn) cookieName(name string) string {
	if s.Secure {
		return "__Host-" + name
	}
	return name
}

func (s *SignIn) cookie(r *http.Request, name string) string {
	cookie, err := r.Cookie(s.cookieName(name))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// keep makes a cookie for this host alone; without a value it deletes one.
func (s *SignIn) keep(name, value string, lasts time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: int(lasts.Seconds()),
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}
