package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/koji"
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

func (c kojiConfig) client() (koji.Config, error) {
	cfg := koji.Config{Server: c.Server, TopURL: c.TopURL, WebURL: c.WebURL, Renegotiate: c.Renegotiate, CallLimit: c.CallLimit}
	if c.CallLimit < time.Second {
		return cfg, fmt.Errorf("call_limit is %s: it must be at least a second", c.CallLimit)
	}
	var err error
	if cfg.Login, err = c.login(); err != nil {
		return cfg, err
	}
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		if err != nil {
			return cfg, fmt.Errorf("ca: %w", err)
		}
		cfg.Authorities = x509.NewCertPool()
		if !cfg.Authorities.AppendCertsFromPEM(text) {
			return cfg, fmt.Errorf("ca: %s holds no certificate", c.CA)
		}
	}
	return cfg, nil
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
