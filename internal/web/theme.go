package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/koschei-ci/koschei"
)

// themeCookie remembers whether a reader wants pages light or dark.
const themeCookie = "theme"

// Theme is the route that remembers how a reader wants pages.
func Theme() Route {
	return Route{
		Method: http.MethodPost, Pattern: "/theme", Handler: setTheme, Access: Public, CSRF: SameOrigin, Errors: HTML, Label: "theme",
	}
}

// theme is "light" or "dark" as the reader of r wants it, "" for as the system.
func theme(r *http.Request) string {
	cookie, err := r.Cookie(themeCookie)
	if err != nil || !themed(cookie.Value) {
		return ""
	}
	return cookie.Value
}

func themed(value string) bool { return value == "light" || value == "dark" }

// A themeForm is what a reader wants, and where they were.
type themeForm struct {
	Theme string `form:"theme"` // "light", "dark" or "system"
	Back  string `form:"back"`
}

// Validate implements Form.
func (f *themeForm) Validate() error {
	if !themed(f.Theme) && f.Theme != "system" {
		return fmt.Errorf("there is no theme %q, pages are light, dark or as the system: %w", f.Theme, koschei.ErrInvalid)
	}
	if !OwnPath(f.Back) {
		return fmt.Errorf("%q is no page of this site: %w", f.Back, koschei.ErrInvalid)
	}
	return nil
}

// OwnPath says whether an address is one of this site however a browser reads
// it: some take a backslash for a slash, two slashes begin a host, and tabs and
// line ends do not count.
func OwnPath(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(address, "/") && !strings.HasPrefix(u.Path, "//") &&
		!strings.ContainsFunc(address, func(r rune) bool { return r == '\\' || r < ' ' })
}

func setTheme(r *Request) (Answer, error) {
	var f themeForm
	if err := r.Read(&f); err != nil {
		return Answer{}, err
	}
	const year = 365 * 24 * 60 * 60
	cookie := &http.Cookie{Name: themeCookie, Value: f.Theme, Path: "/", MaxAge: year, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if f.Theme == "system" {
		cookie.Value, cookie.MaxAge = "", -1
	}
	return Redirect(f.Back).With(cookie), nil
}
