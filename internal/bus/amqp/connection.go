package amqp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/rabbitmq/amqp091-go"
)

// A Config says how to reach a broker.
type Config struct {
	URL         string           // amqp:// or amqps://, with user and password unless there is a certificate
	Authorities *x509.CertPool   // of the broker's certificate; nil for the system's
	Certificate *tls.Certificate // to log in with, by SASL EXTERNAL; nil to log in with the URL's user
	Exchange    string           // of type topic; it must exist
	Name        string           // of the connection, for who looks at the broker
	Log         *slog.Logger     // of what happens to the connection
	Connected   func(is bool)    // is told whether there is a connection; may be nil
	LongestWait time.Duration    // before connecting again; 0 is half a minute
}

// LoadFiles reads the authorities and the certificate with its key from PEM
// files; "" is no file. An error says which setting is wrong.
func (c *Config) LoadFiles(authorities, certificate, key string) error {
	if authorities != "" {
		text, err := os.ReadFile(authorities)
		if err != nil {
			return fmt.Errorf("ca: %w", err)
		}
		c.Authorities = x509.NewCertPool()
		if !c.Authorities.AppendCertsFromPEM(text) {
			return fmt.Errorf("ca: %s holds no certificate", authorities)
		}
	}
	if certificate == "" && key == "" {
		return nil
	}
	if certificate == "" || key == "" {
		return errors.New("certificate and key: one is of no use without the other")
	}
	cert, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("certificate and key: %w", err)
	}
	c.Certificate = &cert
	return nil
}

// Check returns what can be seen to be wrong without a connection.
func (c *Config) Check() error {
	_, err := c.address()
	return err
}

// DefaultExchange is the exchange that fedora-messaging uses.
const DefaultExchange = "amq.topic"

const (
	// connectTime bounds each of connecting and saying goodbye.
	connectTime = 20 * time.Second
	closeTime   = 2 * time.Second

	firstReconnect = 200 * time.Millisecond
	lastReconnect  = 30 * time.Second

	heartbeat = 10 * time.Second
	frameSize = 128 << 10 // RabbitMQ's own
)

// address returns what the URL says, or why it and the way to log in cannot be
// right.
func (c *Config) address() (amqp091.URI, error) {
	uri, err := amqp091.ParseURI(c.URL)
	switch {
	case err != nil:
		return uri, fmt.Errorf("url: %w", err)
	case c.Certificate != nil && uri.Scheme != "amqps":
		return uri, errors.New("url: to log in with a certificate it must begin with amqps://")
	}
	return uri, nil
}

// connect returns a new connection. An error says in one line what is wrong.
func (c *Config) connect(ctx context.Context) (*amqp091.Connection, error) {
	uri, err := c.address()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	w, err := c.dial(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("connecting to the message bus: %w", err)
	}
	config := amqp091.Config{
		Vhost: uri.Vhost, Heartbeat: heartbeat, FrameSize: frameSize, Locale: "en_US",
		Properties: amqp091.NewConnectionProperties(),
		SASL:       []amqp091.Authentication{uri.PlainAuth()},
	}
	config.Properties.SetClientConnectionName(c.Name)
	if c.Certificate != nil {
		config.SASL = []amqp091.Authentication{&amqp091.ExternalAuth{}}
	}
	conn, err := amqp091.Open(w, config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the message bus: %w", c.explain(w.saw(err)))
	}
	return conn, nil
}

// dial opens the way to the broker. It does not wait longer than ctx for
// anything until the AMQP connection is open; then the library takes the
// deadline away.
func (c *Config) dial(ctx context.Context, uri amqp091.URI) (*witness, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port)))
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if uri.Scheme != "amqps" {
		return newWitness(conn, false), nil
	}
	config := &tls.Config{ServerName: uri.Host, RootCAs: c.Authorities, MinVersion: tls.VersionTLS12}
	if c.Certificate != nil {
		// Shown to every broker: one that does not know its authority says so.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.Certificate, nil }
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // it never was one
		return nil, c.explain(err)
	}
	return newWitness(secure, true), nil
}

// A witness remembers what ended a connection. The library only says that it is
// not open, but a broker that refuses a certificate says so, in TLS 1.3 only
// after the handshake.
type witness struct {
	net.Conn
	secure bool

	once  sync.Once
	ended chan struct{} // closed after err was set
	err   error
}

func newWitness(conn net.Conn, secure bool) *witness {
	return &witness{Conn: conn, secure: secure, ended: make(chan struct{})}
}

func (w *witness) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil {
		w.once.Do(func() {
			w.err = err
			close(w.ended)
		})
	}
	return n, err
}

// saw returns what the broker said if it did not want to speak with us, else
// err, with which opening the connection ended.
func (w *witness) saw(err error) error {
	var said *amqp091.Error
	if !w.secure || errors.As(err, &said) && said.Server || errors.Is(err, amqp091.ErrSASL) {
		return err
	}
	timer := time.NewTimer(closeTime)
	defer timer.Stop()
	select {
	case <-w.ended:
		if refused(w.err) {
			return w.err
		}
	case <-timer.C:
	}
	if errors.Is(err, amqp091.ErrCredentials) {
		return err
	}
	// Its word may get lost when it hangs up while we write.
	return fmt.Errorf("the broker hung up, as it does when it does not accept a certificate (%w)", err)
}

// refused tells whether err is the other side's word against a TLS connection.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// explain says in the words of an operator what a broker meant.
func (c *Config) explain(err error) error {
	var said *amqp091.Error
	external := c.Certificate != nil
	switch isSaid := errors.As(err, &said); {
	case refused(err) && external:
		return fmt.Errorf("the broker refuses our certificate (%w)", err)
	case refused(err):
		return fmt.Errorf("the broker wants a certificate that it knows (%w)", err)
	case errors.Is(err, amqp091.ErrCredentials) && external:
		return errors.New("the broker has no user by the name in our certificate")
	case errors.Is(err, amqp091.ErrCredentials):
		return errors.New("the broker refuses user and password")
	case errors.Is(err, amqp091.ErrSASL) && external:
		return errors.New("the broker lets nobody log in with a certificate (EXTERNAL)")
	case errors.Is(err, amqp091.ErrSASL):
		return errors.New("the broker lets nobody log in with a password (PLAIN)")
	case isSaid && said.Server:
		return fmt.Errorf("the broker says: %s", said.Reason)
	case isSaid:
		return errors.New(said.Reason)
	}
	return err
}

func (c *Config) connected(is bool) {
	if c.Connected != nil {
		c.Connected(is)
	}
}

// hangUp ends a connection, lost or not.
func hangUp(conn *amqp091.Connection) {
	_ = conn.CloseDeadline(time.Now().Add(closeTime)) // what is left is the broker's to find out
}

// again calls session, which returns when a connection is lost, until ctx ends;
// later after each failure in a row.
func (c *Config) again(ctx context.Context, session func(context.Context) error) {
	longest := c.LongestWait
	if longest == 0 {
		longest = lastReconnect
	}
	for failures := 0; ctx.Err() == nil; failures++ {
		began := time.Now()
		err := session(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longest {
			failures = 0
		}
		wait := min(firstReconnect<<min(failures, 20), longest)
		wait = wait/2 + rand.N(wait)
		c.Log.WarnContext(ctx, "message bus lost, connecting again", "in", wait.Round(time.Millisecond), "error", err)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}
