package notifier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/letter"
)

// MailName is the name of the sink that sends mail.
const MailName = koschei.SinkMail

// The ways to secure the connection to a mail server.
const (
	StartTLS    = "starttls" // on the usual port, before anything else is said
	ImplicitTLS = "implicit" // from the first byte
	NoTLS       = "none"
)

// A MailConfig says how mail is sent.
type MailConfig struct {
	Server   string // host:port
	Security string // StartTLS, ImplicitTLS or NoTLS
	TLS      *tls.Config
	User     string // for a server that wants a login; "" for none
	Password string
	From     string // "Koschei <koschei@example.org>"
	Bounce   string // address that bounces go to; "" for that of From
	ListID   string // the same for ever, people filter by it
	Address  string // of a user who has not said one, with {user}
	Site     *url.URL
}

// A Mail is the Post that sends mail.
type Mail struct {
	config MailConfig
	host   string
	port   int
	from   *netmail.Address
	bounce string
	writer *letter.Writer
}

// NewMail returns a sink. An error says which setting is wrong.
func NewMail(c MailConfig) (*Mail, error) {
	m := &Mail{config: c}
	host, port, err := net.SplitHostPort(c.Server)
	if err != nil || host == "" {
		return nil, fmt.Errorf("server: %q must be a host and a port, such as smtp.example.org:587", c.Server)
	}
	if m.port, err = strconv.Atoi(port); err != nil || m.port < 1 || m.port > 65535 {
		return nil, fmt.Errorf("server: %q is no port", port)
	}
	m.host = host
	if m.from, err = netmail.ParseAddress(c.From); err != nil {
		return nil, fmt.Errorf("from: %q is no address", c.From)
	}
	if m.bounce = c.Bounce; m.bounce == "" {
		m.bounce = m.from.Address
	}
	if _, err := netmail.ParseAddress(m.bounce); err != nil {
		return nil, fmt.Errorf("bounce: %q is no address", c.Bounce)
	}
	switch {
	case c.Security != StartTLS && c.Security != ImplicitTLS && c.Security != NoTLS:
		return nil, fmt.Errorf("security: %q must be %s, %s or %s", c.Security, StartTLS, ImplicitTLS, NoTLS)
	case c.User != "" && c.Security == NoTLS:
		return nil, errors.New("user: a password is not sent without TLS")
	case c.ListID == "" || strings.ContainsFunc(c.ListID, notOfListID):
		return nil, fmt.Errorf("list_id: %q must be a name such as verdicts.koschei.example.org", c.ListID)
	case !strings.Contains(c.Address, "{user}"):
		return nil, fmt.Errorf("address: %q must contain {user}", c.Address)
	}
	if _, err := m.addressOf("somebody"); err != nil {
		return nil, fmt.Errorf("address: %q is no address", c.Address)
	}
	m.writer, err = letter.NewWriter(c.Site)
	return m, err
}

func notOfListID(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != '-'
}

func (m *Mail) addressOf(user string) (string, error) {
	a, err := netmail.ParseAddress(strings.ReplaceAll(m.config.Address, "{user}", user))
	if err != nil {
		return "", err
	}
	return a.Address, nil
}

// Name implements Sink.
func (m *Mail) Name() string { return MailName }

// Heartbeat implements Sink.
func (m *Mail) Heartbeat() time.Duration { return 0 }

// Ping says hello to the server, and logs in if need be.
func (m *Mail) Ping(ctx context.Context) error {
	client, err := m.client(ctx)
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return err
	}
	return client.Close()
}

// SendLetter implements Post.
func (m *Mail) SendLetter(ctx context.Context, l *koschei.Letter) error {
	to := l.Address
	if to == "" {
		var err error
		if to, err = m.addressOf(l.Subscription.User); err != nil {
			return fmt.Errorf("%w: user %s has no address that mail can be sent to", ErrGiveUp, l.Subscription.User)
		}
	}
	msg, err := m.message(l, to)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGiveUp, err)
	}
	client, err := m.client(ctx)
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() { // what comes after that changes nothing
		return nil
	}
	return refusal(err)
}

// refusal is what becomes of a letter that was not taken.
func refusal(err error) error {
	var failed *mail.SendError
	if !errors.As(err, &failed) || failed.ErrorCode() < 500 || failed.ErrorCode() > 599 {
		return err
	}
	switch failed.Reason {
	case mail.ErrSMTPRcptTo:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case mail.ErrSMTPData, mail.ErrSMTPDataClose:
		return fmt.Errorf("%w: the server does not take the letter: %w", ErrGiveUp, err)
	default:
		return err // the server does not take any letter of ours
	}
}

// message makes a letter a message of RFC 5322.
func (m *Mail) message(l *koschei.Letter, to string) (*mail.Msg, error) {
	words, err := m.writer.Write(l)
	if err != nil {
		return nil, err
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.EnvelopeFrom(m.bounce), msg.To(to)); err != nil {
		return nil, err
	}
	msg.FromMailAddress(m.from)
	msg.Subject(oneLine(words.Subject))
	msg.SetDate()
	msg.SetMessageIDWithValue(m.id(l.MessageID))
	references := []string{"<" + m.id(letter.Root(l.Thread)) + ">"}
	if l.Answers != "" {
		references = append(references, "<"+m.id(l.Answers)+">")
	}
	msg.SetGenHeaderPreformatted(mail.HeaderReferences, strings.Join(references, " "))
	msg.SetGenHeaderPreformatted(mail.HeaderInReplyTo, references[len(references)-1])
	msg.SetGenHeaderPreformatted("List-Id", "<"+m.config.ListID+">")
	msg.SetGenHeaderPreformatted("List-Unsubscribe", "<"+words.Unsubscribe+">")
	msg.SetGenHeaderPreformatted("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	msg.SetGenHeaderPreformatted("Auto-Submitted", "auto-generated")
	msg.SetGenHeaderPreformatted("Precedence", "list")
	if len(l.Changes) == 1 { // for people's filters
		c := &l.Changes[0]
		msg.SetGenHeaderPreformatted("X-Koschei-Collection", c.Collection)
		msg.SetGenHeaderPreformatted("X-Koschei-State", string(c.After))
		if c.Package != "" {
			msg.SetGenHeaderPreformatted("X-Koschei-Package", c.Package)
		}
	}
	msg.SetBodyString(mail.TypeTextPlain, string(words.Text))
	msg.AddAlternativeString(mail.TypeTextHTML, string(words.HTML))
	return msg, nil
}

// id makes a message id of what tells messages apart.
func (m *Mail) id(local string) string { return local + "@" + m.config.Site.Hostname() }

// oneLine keeps what others have written from becoming more than a subject.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// client returns a client for one message, whose connection ends with ctx.
func (m *Mail) client(ctx context.Context) (*mail.Client, error) {
	config := m.config.TLS.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.MinVersion = tls.VersionTLS12
	if config.ServerName == "" {
		config.ServerName = m.host
	}
	options := []mail.Option{
		mail.WithPort(m.port), mail.WithTimeout(sendTimeout), mail.WithHELO(m.config.Site.Hostname()), mail.WithoutNoop(),
		mail.WithTLSConfig(config), mail.WithDialContextFunc(m.dial(ctx, config)),
	}
	if m.config.Security == StartTLS {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	} else {
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if m.config.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.config.User), mail.WithPassword(m.config.Password))
	}
	return mail.NewClient(m.host, options...)
}

// dial connects. The library knows a time limit only, so the connection is cut when
// ctx ends.
func (m *Mail) dial(ctx context.Context, config *tls.Config) mail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() }) // whoever reads it finds out
		if m.config.Security == ImplicitTLS {
			return tls.Client(conn, config), nil
		}
		return conn, nil
	}
}
