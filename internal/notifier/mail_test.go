package notifier_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// A post is a mail server on this machine.
type post struct {
	address string
	trust   *tls.Config                        // of who knows its certificate
	rcpt    func(to string) error              // what it says to a recipient
	data    func(to string, text []byte) error // and to a message
	wants   bool                               // a login

	mu      sync.Mutex
	letters []letterOf
}

// A letterOf is a message as its reader has it.
type letterOf struct {
	to     string
	header mail.Header
	text   string
	html   string
}

func newPost(t *testing.T) *post {
	t.Helper()
	lent := httptest.NewUnstartedServer(http.NotFoundHandler())
	lent.StartTLS() // for its certificate
	defer lent.Close()
	pool := x509.NewCertPool()
	pool.AddCert(lent.Certificate())
	p := &post{trust: &tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS12}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &postSession{post: p}, nil }))
	server.TLSConfig = &tls.Config{Certificates: lent.TLS.Certificates, MinVersion: tls.VersionTLS12}
	server.ErrorLog = quiet{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = listener.Addr().String()
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-done); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return p
}

// quiet logs nothing: that connections end early is what tests are about.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

type postSession struct {
	*post

	to       string
	loggedIn bool
}

func (s *postSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *postSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "koschei" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		s.loggedIn = true
		return nil
	}), nil
}

func (s *postSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.wants && !s.loggedIn {
		return smtp.ErrAuthRequired
	}
	if from != "bounces@koschei.example.org" {
		return &smtp.SMTPError{Code: 553, Message: "who is " + from}
	}
	return nil
}

func (s *postSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if s.rcpt != nil {
		return s.rcpt(to)
	}
	return nil
}

func (s *postSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.data != nil {
		if err := s.data(s.to, text); err != nil {
			return err
		}
	}
	l, err := readLetter(s.to, string(text))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, l)
	return nil
}

func (s *postSession) Reset()        {}
func (s *postSession) Logout() error { return nil }

// readLetter reads a message as a mail program does.
func readLetter(to, message string) (l letterOf, err error) {
	m, err := mail.ReadMessage(strings.NewReader(message))
	if err != nil {
		return l, err
	}
	l.to, l.header = to, m.Header
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return l, err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return l, err
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return l, err
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			l.text = strings.ReplaceAll(string(body), "\r\n", "\n")
		} else {
			l.html = string(body)
		}
	}
}

// take returns the letters that came since it was last called.
func (p *post) take() []letterOf {
	p.mu.Lock()
	defer p.mu.Unlock()
	came := p.letters
	p.letters = nil
	return came
}

// subjects returns the subjects of letters that came since.
func (p *post) subjects(t *testing.T) (all []string) {
	t.Helper()
	for _, l := range p.take() {
		subject, err := new(mime.WordDecoder).DecodeHeader(l.header.Get("Subject"))
		if err != nil {
			t.Error(err)
		}
		all = append(all, subject)
	}
	return all
}

func (p *post) config() notifier.MailConfig {
	return notifier.MailConfig{
		Server: p.address, Security: notifier.StartTLS, TLS: p.trust, From: "Koschei <koschei@example.org>", Bounce: "bounces@koschei.example.org",
		ListID: "verdicts.koschei.example.org", Address: "{user}@example.org", Site: &url.URL{Scheme: "https", Host: "koschei.example.org"},
	}
}

func mailBy(t *testing.T, c notifier.MailConfig) *notifier.Mail {
	t.Helper()
	m, err := notifier.NewMail(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// operator subscribes for others.
func operator() audit.Act {
	return audit.Act{Actor: koschei.Actor{Name: "root", From: koschei.FromAdmin, Admin: true}, Now: noon}
}

// subscribe has alice hear of something.
func (p *place) subscribe(scope koschei.Scope, name string, with func(*koschei.Subscription)) {
	p.t.Helper()
	s := koschei.Subscription{
		User: "alice", Sink: notifier.MailName, Scope: scope, Name: name, Tell: koschei.TellMended, Pace: koschei.AtOnce, Together: true,
	}
	if with != nil {
		with(&s)
	}
	if _, err := p.db.Accounts.Subscribe(p.t.Context(), operator(), s); err != nil {
		p.t.Fatal(err)
	}
}

// A letter says what happened, belongs to a thread, and can be ended by one click;
// the next one answers it.
func TestMail(t *testing.T) {
	t.Parallel()
	p, server := newPlace(t, "foo", "bar"), newPost(t)
	service := p.service(mailBy(t, server.config()))
	p.pass(service)
	p.subscribe(koschei.ScopePackage, "foo", nil)
	p.state("foo", "ok", "failing", 0)
	p.state("bar", "ok", "failing", 0) // nobody follows it
	p.pass(service)
	letters := server.take()
	if len(letters) != 1 {
		t.Fatalf("%d letters, want 1", len(letters))
	}
	broke := letters[0]
	if broke.to != "alice@example.org" {
		t.Errorf("sent to %s", broke.to)
	}
	link := strings.Trim(broke.header.Get("List-Unsubscribe"), "<>")
	for key, want := range map[string]string{
		"From": `"Koschei" <koschei@example.org>`, "Subject": "[koschei] f44 foo: failing", "List-Id": "<verdicts.koschei.example.org>",
		"Auto-Submitted": "auto-generated", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "X-Koschei-Package": "foo",
		"X-Koschei-Collection": "f44", "X-Koschei-State": "failing",
	} {
		if got := broke.header.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for _, part := range []string{broke.text, broke.html} {
		for _, want := range []string{"It no longer builds.", "https://koschei.example.org/package/foo?collection=f44", link} {
			if !strings.Contains(part, want) {
				t.Errorf("a part does not say %q:\n%s", want, part)
			}
		}
	}
	p.state("foo", "failing", "ok", time.Minute)
	p.pass(service)
	letters = server.take()
	if len(letters) != 1 {
		t.Fatalf("%d letters, want 1", len(letters))
	}
	mended, root := letters[0], broke.header.Get("In-Reply-To")
	if got, want := mended.header.Get("In-Reply-To"), broke.header.Get("Message-Id"); got != want || want == "" {
		t.Errorf("it answers %s, want %s", got, want)
	}
	if got, want := mended.header.Get("References"), root+" "+broke.header.Get("Message-Id"); got != want {
		t.Errorf("it refers to %s, want %s", got, want)
	}
	if got := mended.header.Get("Subject"); got != "[koschei] f44 foo: ok again" {
		t.Errorf("its subject is %s", got)
	}
}

// What breaks for one reason is one letter, and so is its end.
func TestMailTogether(t *testing.T) {
	t.Parallel()
	const problem = "nothing provides libcup.so.3()(64bit)"
	names := []string{"a", "b", "c"}
	for _, together := range []bool{true, false} {
		p, server := newPlace(t, names...), newPost(t)
		service := p.service(mailBy(t, server.config()))
		service.Quiet = 0
		p.pass(service)
		p.subscribe(koschei.ScopeCollection, "f44", func(s *koschei.Subscription) { s.Together = together })
		for _, name := range names {
			p.Unresolvable(name, noon.Add(-time.Minute), problem+" needed by "+name)
			p.state(name, "ok", "unresolved", 0)
		}
		p.pass(service)
		p.pass(service) // the second letter to somebody follows the first
		p.pass(service)
		broke := server.subjects(t)
		for _, name := range names {
			p.state(name, "unresolved", "ok", time.Minute)
		}
		for range names {
			p.pass(service)
		}
		mended := server.subjects(t)
		wantBroke, wantMended := []string{"[koschei] f44: 3 broken: " + problem}, []string{"[koschei] f44: 3 ok again: " + problem}
		if !together {
			wantBroke, wantMended = nil, nil
			for _, name := range names {
				wantBroke = append(wantBroke, "[koschei] f44 "+name+": unresolved")
				wantMended = append(wantMended, "[koschei] f44 "+name+": ok again")
			}
		}
		if diff := cmp.Diff(wantBroke, broke); diff != "" {
			t.Errorf("broken, together %v (-want +got):\n%s", together, diff)
		}
		if diff := cmp.Diff(wantMended, mended); diff != "" {
			t.Errorf("mended, together %v (-want +got):\n%s", together, diff)
		}
	}
}

// Who follows what hears of that, once, and of what they silenced nothing.
func TestMailScopes(t *testing.T) {
	t.Parallel()
	p, server := newPlace(t, "foo", "bar", "baz", "noisy"), newPost(t)
	service := p.service(mailBy(t, server.config()))
	service.Quiet = 0
	p.pass(service)
	if _, err := p.db.CreateGroup(t.Context(), operator(), "alice/mine", []string{"bar", "noisy"}, nil); err != nil {
		t.Fatal(err)
	}
	p.Owns("alice", "baz")
	p.subscribe(koschei.ScopeGroup, "alice/mine", nil)
	p.subscribe(koschei.ScopePackage, "bar", func(s *koschei.Subscription) { s.Pace = koschei.Daily })
	p.subscribe(koschei.ScopeOwner, "alice", nil)
	p.subscribe(koschei.ScopeBuildroot, "f44", nil)
	for _, s := range []koschei.Silence{
		{User: "alice", What: koschei.SilencePackage, Name: "noisy", Until: noon.Add(time.Hour)},
		{User: "alice", What: koschei.SilenceCause, Name: "nothing provides tea", Until: noon.Add(time.Hour)},
	} {
		if _, err := p.db.Accounts.Silence(t.Context(), operator(), s); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"foo", "bar", "baz", "noisy"} {
		p.state(name, "ok", "failing", 0)
	}
	p.Event(&koschei.Event{At: noon, Kind: koschei.EventCollectionState, Collection: "f44", Before: "ok", After: "unresolved"})
	for range 3 {
		p.pass(service)
	}
	p.SetDeliveriesDue() // the digest, too: all of it was told
	p.pass(service)
	p.Unresolvable("baz", noon, "nothing provides tea needed by baz")
	p.state("baz", "failing", "ok", time.Minute)
	p.state("baz", "ok", "unresolved", 2*time.Minute)
	for range 3 {
		p.pass(service)
	}
	want := []string{"[koschei] f44 bar: failing", "[koschei] f44 baz: failing", "[koschei] f44 base buildroot: unresolved", "[koschei] f44 baz: ok again"}
	if diff := cmp.Diff(want, server.subjects(t)); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
	if n := p.UnsentDeliveries(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// What is taken back in time is not told, and a digest tells how it ended.
func TestMailWaits(t *testing.T) {
	t.Parallel()
	p, server := newPlace(t, "foo", "bar"), newPost(t)
	service := p.service(mailBy(t, server.config()))
	p.pass(service)
	p.subscribe(koschei.ScopePackage, "foo", nil)
	p.subscribe(koschei.ScopeCollection, "f44", func(s *koschei.Subscription) { s.Pace = koschei.Weekly })
	p.state("foo", "ok", "unresolved", 0)
	p.pass(service)
	p.state("foo", "unresolved", "ok", time.Minute)
	p.pass(service)
	p.state("bar", "ok", "failing", time.Minute)
	p.state("bar", "failing", "unresolved", 2*time.Minute)
	p.pass(service)
	if got := server.subjects(t); got != nil {
		t.Errorf("too early: %q", got)
	}
	p.SetDeliveriesDue()
	p.pass(service)
	if diff := cmp.Diff([]string{"[koschei] f44 bar: unresolved"}, server.subjects(t)); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}

// An address that refuses three letters in a row gets no more, until somebody says
// that it does.
func TestMailRefused(t *testing.T) {
	t.Parallel()
	p, server := newPlace(t, "foo"), newPost(t)
	tried := 0
	server.rcpt = func(string) error {
		tried++
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	}
	service := p.service(mailBy(t, server.config()))
	p.pass(service)
	p.subscribe(koschei.ScopePackage, "foo", nil)
	flip := func(n int) {
		states := []koschei.State{"ok", "failing"}
		p.state("foo", states[n%2], states[(n+1)%2], time.Duration(n)*time.Minute)
		p.pass(service)
	}
	for n := range 6 {
		flip(n)
	}
	if tried != 3 {
		t.Errorf("%d were tried, want 3", tried)
	}
	reader, err := p.db.People.Reader(t.Context(), "alice", noon)
	if err != nil || reader.Disabled.IsZero() || !strings.Contains(reader.Reason, "no such user") {
		t.Errorf("the address: %+v, %v", reader, err)
	}
	if _, err := p.db.Accounts.SetAddress(t.Context(), operator(), "alice", "alice@elsewhere.example.org"); err != nil {
		t.Fatal(err)
	}
	server.rcpt = nil
	flip(6)
	letters := server.take()
	if len(letters) != 1 || letters[0].to != "alice@elsewhere.example.org" {
		t.Errorf("%d letters, want one to the new address: %+v", len(letters), letters)
	}
}

// What a server refuses for now comes again with the same id, what it will never
// take does not.
func TestMailAgain(t *testing.T) {
	t.Parallel()
	p, server := newPlace(t, "foo"), newPost(t)
	codes := []int{451, 421, 0, 554}
	var ids []string
	server.data = func(to string, text []byte) error {
		l, err := readLetter(to, string(text))
		if err != nil {
			return err
		}
		ids = append(ids, l.header.Get("Message-Id"))
		code := codes[0]
		codes = codes[1:]
		if code == 0 {
			return nil
		}
		return &smtp.SMTPError{Code: code, Message: "not this one"}
	}
	service := p.service(mailBy(t, server.config()))
	p.pass(service)
	p.subscribe(koschei.ScopePackage, "foo", nil)
	p.state("foo", "ok", "failing", 0)
	for range 4 {
		p.pass(service)
		p.SetDeliveriesDue()
	}
	p.state("foo", "failing", "ok", time.Minute)
	for range 3 {
		p.pass(service)
		p.SetDeliveriesDue()
	}
	if len(ids) != 4 || ids[0] != ids[1] || ids[1] != ids[2] || ids[2] == ids[3] {
		t.Errorf("sent with the ids %v, want thrice one and once another", ids)
	}
	if n := p.UnsentDeliveries(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// Mail is sent by TLS to a server whose certificate is right, or not at all.
func TestMailTLS(t *testing.T) {
	t.Parallel()
	server := newPost(t)
	server.wants = true
	good := server.config()
	good.User, good.Password = "koschei", "secret"
	l := &koschei.Letter{
		MessageID: "1", Thread: "x", Subscription: koschei.Subscription{User: "alice"},
		Changes: []koschei.LetterChange{{Collection: "f44", Package: "foo", Before: "ok", After: "failing"}},
	}
	for name, tt := range map[string]struct {
		with func(*notifier.MailConfig)
		want string // in the error; "" for none
	}{
		"good":           {func(*notifier.MailConfig) {}, ""},
		"wrong password": {func(c *notifier.MailConfig) { c.Password = "guessed" }, "Authentication failed"},
		"no login":       {func(c *notifier.MailConfig) { c.User = "" }, "Please authenticate first"},
		"unknown CA":     {func(c *notifier.MailConfig) { c.TLS = nil }, "certificate"},
		"wrong name":     {func(c *notifier.MailConfig) { c.TLS = c.TLS.Clone(); c.TLS.ServerName = "other.example" }, "certificate"},
		"TLS at once":    {func(c *notifier.MailConfig) { c.Security = notifier.ImplicitTLS }, "tls"},
		"unknown sender": {func(c *notifier.MailConfig) { c.Bounce = "" }, "who is koschei@example.org"},
	} {
		c := good
		tt.with(&c)
		m := mailBy(t, c)
		if name != "unknown sender" && name != "no login" {
			if err := m.Ping(t.Context()); (err == nil) != (tt.want == "") {
				t.Errorf("%s: ping: %v", name, err)
			}
		}
		err := m.SendLetter(t.Context(), l)
		switch {
		case err == nil && tt.want == "":
		case err == nil || tt.want == "" || !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		case errors.Is(err, notifier.ErrGiveUp):
			t.Errorf("%s: given up, although it is no fault of the letter: %v", name, err)
		}
	}
}

// Who follows an update hears of what it broke, and of the end of that, and of nothing
// else.
func TestMailUpdate(t *testing.T) {
	t.Parallel()
	p, server := newPlace(t, "foo", "bar"), newPost(t)
	service := p.service(mailBy(t, server.config()))
	service.Quiet = 0
	p.pass(service)
	p.subscribe(koschei.ScopeUpdate, "libcup", nil)
	p.Lacks("foo", "libcup.so.3", "libcup", "3-1", "4-1")
	p.Lacks("bar", "libsaucer.so.1", "libsaucer", "1-1", "2-1")
	for _, name := range []string{"foo", "bar"} {
		p.state(name, "ok", "unresolved", 0)
	}
	p.pass(service)
	for _, name := range []string{"foo", "bar"} {
		p.state(name, "unresolved", "ok", time.Hour)
	}
	p.pass(service)
	p.pass(service)
	want := []string{"[koschei] f44 foo: unresolved", "[koschei] f44 foo: ok again"}
	if diff := cmp.Diff(want, server.subjects(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Letters that come back later end those that follow, each counted once.
func TestMailBounced(t *testing.T) {
	t.Parallel()
	p, server := newPlace(t, "foo"), newPost(t)
	service := p.service(mailBy(t, server.config()))
	p.pass(service)
	p.subscribe(koschei.ScopePackage, "foo", nil)
	states := []koschei.State{"ok", "failing"}
	for n := range 3 {
		p.state("foo", states[n%2], states[(n+1)%2], time.Duration(n)*time.Minute)
		p.pass(service)
		letters := server.take()
		if len(letters) != 1 {
			t.Fatalf("%d letters, want 1", len(letters))
		}
		id, _, _ := strings.Cut(strings.Trim(letters[0].header.Get("Message-Id"), "<>"), "@")
		user, disabled, err := p.db.MailBounced(t.Context(), id, "no such user")
		if err != nil || user != "alice" || disabled != (n == 2) {
			t.Errorf("letter %d came back: user %s, disabled %t, %v", n, user, disabled, err)
		}
		if _, _, err := p.db.MailBounced(t.Context(), id, "no such user"); !errors.Is(err, koschei.ErrNotFound) {
			t.Errorf("it came back again: %v", err)
		}
	}
	p.state("foo", "failing", "ok", time.Hour)
	p.pass(service)
	if got := server.take(); len(got) > 0 {
		t.Errorf("%d letters after that", len(got))
	}
	if _, err := p.db.Accounts.EnableMail(t.Context(), operator(), "alice"); err != nil {
		t.Fatal(err)
	}
	p.state("foo", "ok", "failing", 2*time.Hour)
	p.pass(service)
	if got := server.take(); len(got) != 1 {
		t.Errorf("%d letters after it was mended, want 1", len(got))
	}
}
