package koji

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// Login is how the hub gets to know who we are: exactly one of a certificate,
// a Negotiator, or user and password; or none.
type Login struct {
	Certificate *tls.Certificate // of a TLS client, named after the user
	Negotiator  Negotiator
	User        string
	Password    string // sent as it is: for tests and private hubs
}

// A Negotiator makes tokens for SPNEGO, in which Kerberos travels over HTTP.
type Negotiator interface {
	// Token returns a token for the HTTP service of a host.
	Token(ctx context.Context, host string) ([]byte, error)
}

func (l Login) ways() int {
	n := 0
	for _, set := range []bool{l.Certificate != nil, l.Negotiator != nil, l.User != ""} {
		if set {
			n++
		}
	}
	return n
}

func (l Login) validate(server *url.URL) error {
	switch {
	case l.ways() > 1:
		return errors.New("more than one way to log in to the hub is configured")
	case l.Certificate != nil && server.Scheme != "https":
		return fmt.Errorf("a login by certificate needs https, not %s", server)
	}
	return nil
}

// renewable tells whether an expired session can be prolonged. With a password
// the hub only makes new ones.
func (l Login) renewable() bool { return l.Certificate != nil || l.Negotiator != nil }

// A key is what the hub answers to a login.
type key struct {
	SessionID int64  `koji:"session-id"`
	Secret    string `koji:"session-key"`
	InHeader  bool   `koji:"header-auth"` // hubs before 1.31 look for sessions in the address alone
}

// address is where a call in the session goes.
func (k *key) address(server string, callnum int) string {
	if k.InHeader {
		return server
	}
	query := url.Values{"session-id": {strconv.FormatInt(k.SessionID, 10)}, "session-key": {k.Secret}}
	if callnum > 0 {
		query.Set("callnum", strconv.Itoa(callnum))
	}
	return server + "?" + query.Encode()
}

// logIn makes one attempt to open a session, or with old to renew that one.
func (c *Client) logIn(ctx context.Context, host string, old *key) (*key, error) {
	call := xmlrpc.Call{Method: "sslLogin"}
	address := c.config.Server + "/ssllogin"
	header := http.Header{}
	switch l := c.config.Login; {
	case l.User != "":
		address = c.config.Server
		call = xmlrpc.Call{Method: "login", Params: []any{l.User, l.Password}}
	case old != nil:
		// Without a callnum, so that the one of the call in hand stays unused.
		setSession(header, *old, 0)
		address = old.address(address, 0)
		call.Params = []any{xmlrpc.Named(xmlrpc.Struct{{Name: "proxyuser", Value: nil}, {Name: "renew", Value: true}, {Name: "exclusive", Value: false}})}
	default:
		call.Params = []any{xmlrpc.Named(xmlrpc.Struct{{Name: "proxyuser", Value: nil}})}
	}
	if n := c.config.Login.Negotiator; n != nil {
		token, err := n.Token(ctx, host)
		if err != nil {
			return nil, fmt.Errorf("logging in: %w", err)
		}
		header.Set("Authorization", negotiate(token))
	}
	e, err := c.newExchange(address, call)
	if err != nil {
		return nil, err
	}
	var opened key
	if err := e.value(ctx, header, &opened); err != nil {
		var status *HTTPError
		if c.config.Login.Certificate != nil && !c.config.Renegotiate && errors.As(err, &status) && status.Status == http.StatusForbidden {
			err = fmt.Errorf("%w; if the hub asks for certificates only below /ssllogin, set koji.renegotiate", err)
		}
		return nil, fmt.Errorf("logging in: %w", err)
	}
	if opened.SessionID == 0 || opened.Secret == "" {
		return nil, &TransportError{Err: fmt.Errorf("logging in: the hub answered without a session")}
	}
	return &opened, nil
}
