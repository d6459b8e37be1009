package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A login that cannot work, or that would let in anybody, is refused with its key.
func TestLoginConfiguration(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := func() config {
		c := defaultConfig()
		c.Frontend.URL = "https://koschei.example.org/"
		c.Frontend.Login.OIDC.Issuer, c.Frontend.Login.OIDC.ClientID, c.Frontend.Login.OIDC.ClientSecretFile = "https://id.example.org/openidc/", "koschei", secret
		c.Frontend.Login.Proxy.Addresses = []string{"192.0.2.0/24", "2001:db8::1"}
		return c
	}
	loopback := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	for want, change := range map[string]func(*config){
		"": func(c *config) { c.Frontend.Login.Method = "oidc" },
		`frontend.login.method is "ldap": it must be none, oidc, proxy or development`: func(c *config) { c.Frontend.Login.Method = "ldap" },
		"frontend.login.oidc.issuer does not begin with https://":                      func(c *config) { c.Frontend.Login.OIDC.Issuer = "http://id.example.org" },
		"frontend.login.oidc.issuer is not the address":                                func(c *config) { c.Frontend.Login.OIDC.Issuer = "" },
		"frontend.login.oidc.client_id is empty":                                       func(c *config) { c.Frontend.Login.OIDC.ClientID = "" },
		"frontend.login.oidc.client_secret_file: open":                                 func(c *config) { c.Frontend.Login.OIDC.ClientSecretFile = secret + "x" },
		`frontend.login.oidc.client_auth is "none"`:                                    func(c *config) { c.Frontend.Login.OIDC.ClientAuth = "none" },
		"frontend.login.oidc.name_claims is empty":                                     func(c *config) { c.Frontend.Login.OIDC.NameClaims = nil },
		"frontend.login.oidc.ca: " + secret + " has no certificate":                    func(c *config) { c.Frontend.Login.OIDC.CA = secret },
		"frontend.login.method is oidc, and frontend.url is empty":                     func(c *config) { c.Frontend.URL = "" },
		"frontend.url is not an address as https://":                                   func(c *config) { c.Frontend.URL = "https://koschei.example.org/path" },
		"frontend.login.proxy.addresses is empty":                                      func(c *config) { c.Frontend.Login.Method, c.Frontend.Login.Proxy.Addresses = "proxy", nil },
		"frontend.login.proxy.addresses: 0.0.0.0/0 is everybody": func(c *config) {
			c.Frontend.Login.Method, c.Frontend.Login.Proxy.Addresses = "proxy", []string{"0.0.0.0/0"}
		},
		`frontend.login.proxy.addresses: "proxy" is neither`: func(c *config) {
			c.Frontend.Login.Method, c.Frontend.Login.Proxy.Addresses = "proxy", []string{"proxy"}
		},
		"frontend.login.proxy.header is empty": func(c *config) { c.Frontend.Login.Method, c.Frontend.Login.Proxy.Header = "proxy", "" },
	} {
		c := whole()
		c.Frontend.Login.Method = "oidc"
		change(&c)
		_, err := c.signIn(nil, loopback)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	c := whole()
	c.Frontend.Login.Method = "development"
	if _, err := c.signIn(nil, loopback); err != nil {
		t.Error(err)
	}
	if _, err := c.signIn(nil, &net.TCPAddr{IP: net.IPv4zero, Port: 8080}); err == nil || !strings.Contains(err.Error(), "pages are served on 0.0.0.0:8080: that must be 127.0.0.1 or localhost") {
		t.Errorf("served to all the world: %v", err)
	}
	c.Frontend.Login.Method = "none"
	if in, err := c.signIn(nil, loopback); in != nil || err != nil {
		t.Errorf("nobody can sign in: got %v, %v", in, err)
	}
}
