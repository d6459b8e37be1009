package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/web/signin"
)

// What a browser keeps of a login is out of reach of scripts and of other sites, and
// with https of other hosts and of who listens.
func TestCookiesAreGuarded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		secure bool
		name   string
	}{{false, "koschei-session"}, {true, "__Host-koschei-session"}} {
		s := newSite(t, &signin.SignIn{Development: true, Secure: tt.secure})
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		form := strings.NewReader(url.Values{"name": {"alice"}}.Encode())
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/login", form)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, c := range res.Cookies() {
			if c.Name != tt.name {
				continue
			}
			found = true
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != tt.secure || c.Path != "/" || c.Domain != "" || len(c.Value) < 26 {
				t.Errorf("cookie %s", c)
			}
		}
		if !found {
			t.Errorf("status %d without a cookie %s: %v", res.StatusCode, tt.name, res.Cookies())
		}
	}
}
