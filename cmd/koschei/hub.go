package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/repodata"
)

// An observer is told of each exchange with the hub; see koji.Config.
type observer = func(method string, class koji.Class, took time.Duration)

// newHub returns the client of the configured hub. It does not contact it.
// observe may be nil.
func newHub(c kojiConfig, observe observer) (*koji.Client, error) {
	cfg, err := c.client()
	if err != nil {
		return nil, badInput(fmt.Errorf("configuration, section koji: %w", err))
	}
	cfg.Observe = observe
	client, err := koji.New(cfg)
	if err != nil {
		return nil, badInput(fmt.Errorf("configuration, section koji: %w", err))
	}
	return client, nil
}

// newHubs returns the clients of all configured hubs.
func newHubs(c config, observe observer) (koji.Hubs, error) {
	primary, err := newHub(c.Koji, observe)
	if err != nil || c.Secondary.Server == "" {
		return koji.Hubs{Primary: primary}, err
	}
	secondary, err := c.Secondary.client(observe)
	if err != nil {
		return koji.Hubs{}, badInput(fmt.Errorf("configuration, section secondary_koji: %w", err))
	}
	return koji.Hubs{Primary: primary, Secondary: secondary}, nil
}

// withHubs runs f with clients of the configured hubs and ends their sessions.
// Without a hub f is not run, which is the operator's to mend.
func withHubs(ctx context.Context, c config, f func(koji.Hubs) error) error {
	if c.Koji.Server == "" {
		return badInput(errNoHub)
	}
	hubs, err := newHubs(c, nil)
	if err != nil {
		return err
	}
	defer func() { _ = hubs.Close(context.WithoutCancel(ctx)) }()
	return f(hubs)
}

var errNoHub = errors.New("no hub is configured: set koji.server")

func (c secondaryConfig) client(observe observer) (*koji.Client, error) {
	if c.TopURL == "" {
		return nil, errors.New("topurl: it is missing, repos are read below it")
	}
	for _, placeholder := range []string{"{repo_id}", "{arch}"} {
		if !strings.Contains(c.repoURL(), placeholder) {
			return nil, fmt.Errorf("repo_url: %s has no %s", c.RepoURL, placeholder)
		}
	}
	authorities, err := authoritiesIn(c.CA)
	if err != nil {
		return nil, err
	}
	return koji.New(koji.Config{
		Server: c.Server, TopURL: c.TopURL, WebURL: c.WebURL, Authorities: authorities, Observe: observe,
	})
}

func (c secondaryConfig) repoURL() string {
	if c.RepoURL != "" {
		return c.RepoURL
	}
	return strings.TrimSuffix(c.TopURL, "/") + "/repos/{build_tag}/{repo_id}/{arch}"
}

func (c kojiConfig) client() (koji.Config, error) {
	cfg := koji.Config{Server: c.Server, TopURL: c.TopURL, WebURL: c.WebURL, Renegotiate: c.Renegotiate, CallLimit: c.CallLimit}
	if c.CallLimit < time.Second {
		return cfg, fmt.Errorf("call_limit is %s: it must be at least a second", c.CallLimit)
	}
	var err error
	if cfg.Login, err = c.login(); err != nil {
		return cfg, err
	}
	cfg.Authorities, err = authoritiesIn(c.CA)
	return cfg, err
}

// repoClient returns what reads repos. They are served beside a hub as a rule, so who
// vouches for a hub vouches for them, too.
func (c config) repoClient() (*http.Client, error) {
	var authorities *x509.CertPool
	for _, file := range []string{c.Koji.CA, c.Secondary.CA} {
		if file == "" {
			continue
		}
		if authorities == nil {
			var err error
			if authorities, err = x509.SystemCertPool(); err != nil {
				return nil, err
			}
		}
		if err := addAuthorities(authorities, file); err != nil {
			return nil, badInput(fmt.Errorf("configuration: %w", err))
		}
	}
	return repodata.NewClientTrusting(authorities, c.Dependency.RedirectHosts...), nil
}

// authoritiesIn reads a file of certificates; "" is nil, the system's.
func authoritiesIn(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	return pool, addAuthorities(pool, file)
}

func addAuthorities(pool *x509.CertPool, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("ca: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("ca: %s holds no certificate", file)
	}
	return nil
}

func (c kojiConfig) login() (koji.Login, error) {
	switch c.Login {
	case "none":
		return koji.Login{}, nil
	case "ssl":
		cert, err := tls.LoadX509KeyPair(c.Certificate, c.Certificate)
		if err != nil {
			return koji.Login{}, fmt.Errorf("certificate: %w", err)
		}
		return koji.Login{Certificate: &cert}, nil
	case "kerberos":
		return koji.Login{Negotiator: &koji.Kerberos{
			ConfigFile: c.Krb5Conf,
			Principal:  c.Principal,
			Keytab:     c.Keytab,
			Cache:      c.CCache,
		}}, nil
	case "password":
		text, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return koji.Login{}, fmt.Errorf("password_file: %w", err)
		}
		return koji.Login{User: c.User, Password: strings.TrimSpace(string(text))}, nil
	}
	return koji.Login{}, fmt.Errorf("login: %q is none of none, ssl, kerberos, password", c.Login)
}
