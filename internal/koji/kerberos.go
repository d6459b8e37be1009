package koji

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/krberror"
	"github.com/jcmturner/gokrb5/v8/spnego"
)

// Kerberos makes tokens by the Kerberos configuration of the machine, from a
// keytab or from a credential cache that somebody else keeps fresh. The files
// are read anew for each token, so they may be replaced at any time.
type Kerberos struct {
	ConfigFile string // usually /etc/krb5.conf
	Principal  string // user@REALM; only with a keytab
	Keytab     string // file name; if it is empty the cache is used
	Cache      string // file name
}

// Token implements Negotiator. It does not end with ctx: the library limits
// each of its exchanges with a KDC to a few seconds.
func (k *Kerberos) Token(_ context.Context, host string) (token []byte, err error) {
	defer func() {
		// The library reads files without looking at their length.
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: kerberos: %s is damaged: %v", errRefusedLogin, k.source(), r)
		}
	}()
	c, err := k.client()
	if err != nil {
		return nil, fmt.Errorf("%w: kerberos: %w", errRefusedLogin, err)
	}
	defer c.Destroy()
	mechanism := spnego.SPNEGOClient(c, "HTTP/"+host)
	if err := mechanism.AcquireCred(); err != nil {
		return nil, noTicket(k.source(), err)
	}
	established, err := mechanism.InitSecContext()
	if err != nil {
		return nil, noTicket("HTTP/"+host, err)
	}
	token, err = established.Marshal()
	if err != nil {
		return nil, fmt.Errorf("kerberos: %w", err)
	}
	return token, nil
}

// noTicket tells a KDC that cannot be reached from one that refuses. The
// library says which only in the text of its errors.
func noTicket(what string, err error) error {
	err = fmt.Errorf("kerberos: no ticket for %s: %w", what, err)
	if strings.Contains(err.Error(), "[Root cause: "+krberror.NetworkingError+"]") {
		return &TransportError{Err: err}
	}
	return fmt.Errorf("%w: %w", errRefusedLogin, err)
}

func (k *Kerberos) source() string {
	if k.Keytab != "" {
		return "keytab " + k.Keytab
	}
	return "credential cache " + k.Cache
}

func (k *Kerberos) client() (*client.Client, error) {
	settings, err := config.Load(k.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", k.ConfigFile, err)
	}
	if k.Keytab == "" {
		return k.fromCache(settings)
	}
	user, realm, ok := strings.Cut(k.Principal, "@")
	if !ok {
		return nil, fmt.Errorf("principal %q has no realm", k.Principal)
	}
	keys, err := keytab.Load(k.Keytab)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", k.Keytab, err)
	}
	// FAST negotiation confuses Active Directory and old MIT servers.
	return client.NewWithKeytab(user, realm, keys, settings, client.DisablePAFXFAST(true)), nil
}

func (k *Kerberos) fromCache(settings *config.Config) (*client.Client, error) {
	if k.Cache == "" {
		return nil, errors.New("neither keytab nor credential cache is configured")
	}
	cache, err := credentials.LoadCCache(strings.TrimPrefix(k.Cache, "FILE:"))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", k.Cache, err)
	}
	c, err := client.NewFromCCache(cache, settings, client.DisablePAFXFAST(true))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", k.Cache, err)
	}
	return c, nil
}

// negotiate is the Authorization header that carries a token.
func negotiate(token []byte) string {
	return "Negotiate " + base64.StdEncoding.EncodeToString(token)
}
