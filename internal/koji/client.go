package koji

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Config says which hub to talk to, and how. Only Server is required.
type Config struct {
	Server string // address of the hub's XML-RPC interface
	TopURL string // address below which repos and logs are served
	WebURL string // address of the web pages

	Login       Login          // zero: nothing but reading
	Authorities *x509.CertPool // that sign the hub's certificate; nil: the system's

	// Renegotiate is for hubs that ask for the client's certificate only below
	// /ssllogin, as Koji's sample configuration does: with TLS 1.3 they always
	// answer 403, with TLS 1.2 they ask in the middle of the connection.
	Renegotiate bool

	CallLimit time.Duration // no exchange with the hub takes longer; default 5 minutes
	Retry     Retry

	// Observe, if set, is told about each exchange with the hub: the method,
	// the class of its failure ("" for none), how long it took.
	Observe func(method string, class Class, took time.Duration)
}

// A Client talks to one hub. It is safe for concurrent use.
type Client struct {
	config  Config
	http    *http.Client
	session *session
	me      atomic.Pointer[User] // see ourselves
}

// New returns a client. It does not contact the hub: a session is opened by
// the first call that needs one.
func New(config Config) (*Client, error) {
	server, err := url.Parse(config.Server)
	if err != nil || server.Host == "" || server.Scheme != "http" && server.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the address of a Koji hub", config.Server)
	}
	if err := config.Login.validate(server); err != nil {
		return nil, err
	}
	config.Server = strings.TrimSuffix(config.Server, "/")
	config.TopURL = strings.TrimSuffix(config.TopURL, "/")
	config.WebURL = strings.TrimSuffix(config.WebURL, "/")
	config.Retry = config.Retry.withDefaults()
	if config.CallLimit == 0 {
		config.CallLimit = 5 * time.Minute
	}
	c := &Client{config: config}
	c.http = &http.Client{
		Transport: newTransport(config),
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a POST that is redirected arrives as a GET
		},
	}
	c.session = newSession(c, server.Hostname())
	return c, nil
}

func newTransport(config Config) *http.Transport {
	secure := &tls.Config{RootCAs: config.Authorities, MinVersion: tls.VersionTLS12}
	if config.Login.Certificate != nil {
		secure.Certificates = []tls.Certificate{*config.Login.Certificate}
	}
	if config.Renegotiate {
		secure.MaxVersion = tls.VersionTLS12
		secure.Renegotiation = tls.RenegotiateOnceAsClient
	}
	const connecting = 30 * time.Second
	const idle = 4 * time.Second // below Apache's 5, so that no call meets a connection being closed
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: connecting}).DialContext,
		TLSClientConfig:     secure,
		TLSHandshakeTimeout: connecting,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     idle,
	}
}

// CallLimit is the longest time one exchange with the hub may take. A change
// whose answer was lost may still be under way for so long.
func (c *Client) CallLimit() time.Duration { return c.config.CallLimit }

// LongestCall is how long after it was written down a change may be under way,
// in real time: we give up after a call's limit, and what was sent at that
// moment the hub may have in hand for as long again.
func (c *Client) LongestCall() time.Duration { return 2 * c.CallLimit() }

// Close ends the session at the hub, if there is one, and all connections.
func (c *Client) Close(ctx context.Context) error {
	err := c.session.logout(ctx)
	c.http.CloseIdleConnections()
	return err
}
