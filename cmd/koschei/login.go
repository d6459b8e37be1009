package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/session"
	"github.com/koschei-ci/koschei/internal/web/signin"
)

type loginConfig struct {
	Method      string           `yaml:"method" doc:"How people sign in: none, oidc, proxy or development; see docs/operations/login.md."`
	Idle        time.Duration    `yaml:"idle" range:"1m 8760h" doc:"A session ends when it was not used for so long."`
	Absolute    time.Duration    `yaml:"absolute" range:"1m 8760h" doc:"A session ends after this, used or not."`
	AdminGroups []string         `yaml:"admin_groups" doc:"Groups of the login provider whose members are administrators. Others become it by koschei-admin grant-admin."`
	AdminRoles  []string         `yaml:"admin_roles" doc:"Roles of the login provider that make an administrator; see roles_claim."`
	OIDC        oidcConfig       `yaml:"oidc" doc:"For method oidc: OpenID Connect."`
	Proxy       proxyLoginConfig `yaml:"proxy" doc:"For method proxy: a proxy in front of the pages knows who its users are."`
}

type oidcConfig struct {
	Issuer           string   `yaml:"issuer" doc:"Address of the login provider, below which it has .well-known/openid-configuration."`
	ClientID         string   `yaml:"client_id" doc:"Our name there. It must know frontend.url with /login/redirect_uri as a place to send browsers back to."`
	ClientSecretFile string   `yaml:"client_secret_file" file:"yes" doc:"File with our secret there."`
	ClientAuth       string   `yaml:"client_auth" doc:"How the secret is sent: basic or post."`
	CA               string   `yaml:"ca" file:"yes" doc:"PEM file with the certificate authorities of the provider; empty for the system's."`
	Scopes           []string `yaml:"scopes" doc:"What is asked for. Some providers tell groups only for a scope of their own."`
	NameClaims       []string `yaml:"name_claims" doc:"Claims with the user's name; the first that is there counts."`
	GroupsClaim      string   `yaml:"groups_claim" doc:"Claim with the user's groups, as groups or realm_access.groups; empty if groups do not matter."`
	GroupsPrefix     string   `yaml:"groups_prefix" doc:"Cut off from the names of groups."`
	RolesClaim       string   `yaml:"roles_claim" doc:"Claim with the user's roles; empty if roles do not matter."`
}

type proxyLoginConfig struct {
	Header       string   `yaml:"header" doc:"Header in which the proxy names the user. From any other address a request with it is refused."`
	GroupsHeader string   `yaml:"groups_header" doc:"Header in which it names the user's groups, with commas between them; empty for none."`
	Realm        string   `yaml:"realm" doc:"What names end with after @, as Kerberos has it; it is cut off, and others are refused. Empty for nothing."`
	Addresses    []string `yaml:"addresses" doc:"Addresses or networks of the proxy."`
}

func defaultLogin() loginConfig {
	return loginConfig{
		Method: "none", Idle: 12 * time.Hour, Absolute: 7 * 24 * time.Hour, AdminGroups: []string{}, AdminRoles: []string{},
		OIDC: oidcConfig{
			ClientAuth: "basic", Scopes: []string{"openid", "profile"}, NameClaims: []string{"preferred_username", "nickname"}, GroupsClaim: "groups",
		},
		Proxy: proxyLoginConfig{Header: "X-Remote-User", Addresses: []string{}},
	}
}

// signIn makes what people sign in with at pages that are served at an address,
// nil if nobody can. Errors name the key. It asks nobody.
func (c *config) signIn(db *postgres.DB, at net.Addr) (*signin.SignIn, error) {
	l := &c.Frontend.Login
	external, err := c.Frontend.external()
	if err != nil {
		return nil, err
	}
	s := &signin.SignIn{
		Sessions: session.New(db, session.Limits{Idle: l.Idle, Absolute: l.Absolute}), Lasts: l.Absolute, Real: time.Now,
		Secure: external != nil && external.Scheme == "https",
	}
	roles := signin.Roles{AdminGroups: l.AdminGroups, AdminRoles: l.AdminRoles}
	switch l.Method {
	case "none":
		return nil, nil
	case "oidc":
		s.Provider, err = l.OIDC.provider(external, roles)
	case "proxy":
		s.Proxy, err = l.Proxy.proxy(roles)
	case "development":
		s.Development, err = true, checkLoopback(at)
	default:
		err = fmt.Errorf("method is %q: it must be none, oidc, proxy or development", l.Method)
	}
	if err != nil {
		return nil, fmt.Errorf("frontend.login.%w", err)
	}
	return s, nil
}

// external is the address people reach the pages at, nil if that is not known.
func (f *frontendConfig) external() (*url.URL, error) {
	if f.URL == "" {
		return nil, nil
	}
	u, err := url.Parse(f.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, errors.New("frontend.url is not an address as https://koschei.example.org, without a path")
	}
	return u, nil
}

func (o *oidcConfig) provider(external *url.URL, roles signin.Roles) (*signin.Provider, error) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Host == "" || issuer.User != nil {
		return nil, errors.New("oidc.issuer is not the address of a login provider")
	}
	if loopback := isLoopback(issuer.Hostname()); issuer.Scheme != "https" && (issuer.Scheme != "http" || !loopback) {
		return nil, errors.New("oidc.issuer does not begin with https://, so anybody on the way could be anybody")
	}
	styles := map[string]oauth2.AuthStyle{"basic": oauth2.AuthStyleInHeader, "post": oauth2.AuthStyleInParams}
	style, ok := styles[o.ClientAuth]
	switch {
	case external == nil:
		return nil, errors.New("method is oidc, and frontend.url is empty: the login provider must know where to send browsers back to")
	case o.ClientID == "":
		return nil, errors.New("oidc.client_id is empty")
	case len(o.NameClaims) == 0:
		return nil, errors.New("oidc.name_claims is empty, so nobody would have a name")
	case !ok:
		return nil, fmt.Errorf("oidc.client_auth is %q: it must be basic or post", o.ClientAuth)
	}
	secret, err := readSecret(o.ClientSecretFile)
	if err != nil {
		return nil, fmt.Errorf("oidc.client_secret_file: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("oidc.ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("oidc.ca: %s has no certificate", o.CA)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &signin.Provider{
		Issuer: o.Issuer,
		Client: oauth2.Config{
			ClientID: o.ClientID, ClientSecret: secret, Scopes: o.Scopes, Endpoint: oauth2.Endpoint{AuthStyle: style},
			RedirectURL: external.Scheme + "://" + external.Host + signin.RedirectPath,
		},
		HTTP:   signin.Limited(transport),
		Claims: signin.Claims{Names: o.NameClaims, Groups: o.GroupsClaim, Prefix: o.GroupsPrefix, Roles: o.RolesClaim},
		Roles:  roles,
	}, nil
}

// readSecret reads the one line of a file.
func readSecret(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("%s does not hold one line", file)
	}
	return secret, nil
}

func (p *proxyLoginConfig) proxy(roles signin.Roles) (*signin.Proxy, error) {
	if p.Header == "" {
		return nil, errors.New("proxy.header is empty")
	}
	if len(p.Addresses) == 0 {
		return nil, errors.New("proxy.addresses is empty, so no proxy is trusted")
	}
	made := &signin.Proxy{Header: p.Header, Groups: p.GroupsHeader, Realm: p.Realm, Roles: roles}
	for _, text := range p.Addresses {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("proxy.addresses: %q is neither an address nor a network as 192.0.2.0/24", text)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		if prefix.Bits() == 0 {
			return nil, fmt.Errorf("proxy.addresses: %s is everybody", prefix)
		}
		made.Addresses = append(made.Addresses, prefix)
	}
	return made, nil
}

// checkLoopback refuses the login for development where others reach the pages.
func checkLoopback(at net.Addr) error {
	host, _, err := net.SplitHostPort(at.String())
	if err != nil || !isLoopback(host) {
		return fmt.Errorf("method is development, where anybody is whom they say, and pages are served on %s: that must be 127.0.0.1 or localhost", at)
	}
	return nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

type policyConfig struct {
	Track          string `yaml:"track" doc:"Who starts and stops to track packages: users, maintainers or admins."`
	Priority       string `yaml:"priority" doc:"Who sets manual priorities."`
	StaticPriority string `yaml:"static_priority" doc:"Who sets static priorities."`
	ArchOverride   string `yaml:"arch_override" doc:"Who says for which architectures a package is built."`
	SkipResolution string `yaml:"skip_resolution" doc:"Who has packages built without resolving them."`
	BuildAgain     string `yaml:"build_again" doc:"Who asks for another build when its turn comes."`
	Cancel         string `yaml:"cancel" doc:"Who cancels builds."`
}

func policyOf(p koschei.Policy) policyConfig {
	who := func(r koschei.Right) string { return string(p[r]) }
	return policyConfig{
		who(koschei.RightTrack), who(koschei.RightPriority), who(koschei.RightStaticPriority), who(koschei.RightArchOverride),
		who(koschei.RightSkipResolution), who(koschei.RightBuildAgain), who(koschei.RightCancel),
	}
}

func (p policyConfig) policy() koschei.Policy {
	return koschei.Policy{
		koschei.RightTrack: koschei.Who(p.Track), koschei.RightPriority: koschei.Who(p.Priority), koschei.RightStaticPriority: koschei.Who(p.StaticPriority),
		koschei.RightArchOverride: koschei.Who(p.ArchOverride), koschei.RightSkipResolution: koschei.Who(p.SkipResolution),
		koschei.RightBuildAgain: koschei.Who(p.BuildAgain), koschei.RightCancel: koschei.Who(p.Cancel),
	}
}
