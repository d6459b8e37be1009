package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bugzilla/bugsim"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
)

// A receiver is one whom the notifier tells, and what it was told.
type receiver struct {
	name   string
	config string // of section notifier, indented
	line   *road
	seen   *witness
	bad    *badness
	away   func(ctx context.Context, luck *rand.Rand) // ends it for a while; nil if it has no process
	joined bool                                       // what happens to a package in short order may be told at once

	// judge says what is wrong with what it was told; nil for a look at seen.
	judge func(names []string) []string
}

// badness is how often a receiver answers as it should not.
type badness struct {
	mu    sync.Mutex
	luck  *rand.Rand
	share float64
}

func (b *badness) set(share float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.share = share
}

// draw returns one of n ways to go wrong, -1 if it goes right.
func (b *badness) draw(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.luck.Float64() >= b.share {
		return -1
	}
	return b.luck.IntN(n)
}

// A witness remembers what came, in its order. What comes with an id that came
// before is the same again.
type witness struct {
	mu    sync.Mutex
	said  map[string]string // by id of message
	told  map[string][]step // by package, as it came first
	again int
	wrong []string
}

// A step is a change of a package as a receiver is told it.
type step struct{ before, after string }

func newWitness() *witness { return &witness{said: map[string]string{}, told: map[string][]step{}} }

// saw notes a message that tells of packages.
func (w *witness) saw(id string, changes map[string]step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := fmt.Sprint(changes)
	before, again := w.said[id]
	switch {
	case again && before != said:
		w.wrong = append(w.wrong, fmt.Sprintf("message %s first told %s, then %s", id, before, said))
	case again:
		w.again++
	default:
		w.said[id] = said
		for pkg, s := range changes {
			w.told[pkg] = append(w.told[pkg], s)
		}
	}
}

func (w *witness) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// busReceiver listens at the broker, which is killed now and then.
func (s *stage) busReceiver(luck *rand.Rand) *receiver {
	r := &receiver{name: "bus", seen: newWitness(), bad: &badness{luck: luck}}
	at, err := url.Parse(s.broker.PlainURL())
	if err != nil {
		s.t.Fatal(err)
	}
	r.line = newRoad(s.t.T, at.Host)
	far := *at
	far.Host = r.line.address()
	r.config = "  bus:\n    publish: true\n"
	s.busURL = far.String()
	r.away = func(ctx context.Context, luck *rand.Rand) {
		s.broker.Kill()
		pause(ctx, after(luck, 500*time.Millisecond))
		s.broker.StartAgain()
	}
	ready := make(chan bool, 100)
	queue := &amqp.Queue{
		Config: amqp.Config{
			URL: at.String(), Exchange: amqp.DefaultExchange, Name: "a consumer", Log: slog.New(slog.DiscardHandler), LongestWait: time.Second,
			Connected: func(is bool) {
				select {
				case ready <- is:
				default:
				}
			},
		},
		Queue: "told", Topics: []string{topicPrefix + ".koschei.#"}, Prefetch: 200,
	}
	consumer := bus.Consumer{
		Queue: queue, Log: slog.New(slog.DiscardHandler), Most: 200, Gather: time.Millisecond, FirstDelay: time.Second, LastDelay: time.Second,
	}
	s.inBackground(func(ctx context.Context) {
		consumer.Run(ctx, func(_ context.Context, batch []*bus.Message) []*bus.Message {
			for _, m := range batch {
				r.heardOnBus(m)
			}
			return nil
		})
	})
	select {
	case <-ready:
	case <-time.After(s.plan.patience):
		s.t.Fatal("nobody listens on the bus")
	}
	return r
}

func (r *receiver) heardOnBus(m *bus.Message) {
	var body struct{ Name, Old, New string }
	if err := json.Unmarshal(m.Body, &body); err != nil {
		r.seen.fail("message %s: %v", m.ID, err)
		return
	}
	r.seen.saw(m.ID, map[string]step{body.Name: {body.Old, body.New}})
}

// hookReceiver is a web server.
func (s *stage) hookReceiver(luck *rand.Rand) *receiver {
	r := &receiver{name: "webhook chat", seen: newWitness(), bad: &badness{luck: luck}}
	server := httptest.NewServer(http.HandlerFunc(r.called))
	s.t.Cleanup(server.Close)
	r.line = newRoad(s.t.T, server.Listener.Addr().String())
	secret := filepath.Join(s.dir, "hook.secret")
	if err := os.WriteFile(secret, []byte(hookSecret+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	r.config = fmt.Sprintf("  webhooks:\n  - {name: chat, url: 'http://%s/hook', secret_file: %s, allow: [127.0.0.0/8]}\n", r.line.address(), secret)
	return r
}

// called reads what a web hook is told.
func (r *receiver) called(out http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender was killed
	}
	var h struct {
		Data struct{ Package, Old, New string }
	}
	if err := json.Unmarshal(body, &h); err != nil {
		r.seen.fail("a call: %v: %s", err, body)
		return
	}
	r.answer(out, req, func() {
		r.seen.saw(req.Header.Get("Webhook-Id"), map[string]step{h.Data.Package: {h.Data.Old, h.Data.New}})
	})
}

// answer is how web servers answer, good and bad; saw is what a good one does before.
func (r *receiver) answer(out http.ResponseWriter, req *http.Request, saw func()) {
	switch r.bad.draw(6) {
	case 0:
		http.Error(out, "what do you want?", http.StatusBadRequest)
	case 1:
		out.Header().Set("Content-Type", "text/html")
		out.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(out, "<html><h1>502 Bad Gateway</h1></html>") // the sender may be gone
	case 2:
		out.Header().Set("Retry-After", "1")
		out.WriteHeader(http.StatusTooManyRequests)
	case 3:
		http.Redirect(out, req, "/elsewhere", http.StatusTemporaryRedirect)
	case 4: // it takes it and breaks down
		saw()
		panic(http.ErrAbortHandler)
	case 5:
		saw()
		out.WriteHeader(http.StatusInternalServerError)
	default:
		saw()
	}
}

// mailReceiver is a mail server, for some users who own all packages.
func (s *stage) mailReceiver(luck *rand.Rand) *receiver {
	r := &receiver{name: "mail", seen: newWitness(), bad: &badness{luck: luck}, joined: true}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{receiver: r}, nil }))
	server.ErrorLog = silent{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	s.t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			s.t.Error(err)
		}
	})
	r.line = newRoad(s.t.T, listener.Addr().String())
	r.config = fmt.Sprintf("  mail: {server: '%s', security: none, from: koschei@example.org, list_id: verdicts.example.org, address: '{user}@example.org', gather: 100ms}\n",
		r.line.address())
	return r
}

// silent logs nothing: connections end early here.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

type mailSession struct{ *receiver }

// Mail, Rcpt and Data refuse for now, or say that they take no letter at all. They
// never say that somebody is not known: then it would be right to stop.
func (m *mailSession) Mail(string, *smtp.MailOptions) error {
	switch m.bad.draw(4) {
	case 0:
		return &smtp.SMTPError{Code: 421, Message: "too busy"}
	case 1:
		return &smtp.SMTPError{Code: 550, Message: "who are you?"}
	}
	return nil
}

func (m *mailSession) Rcpt(string, *smtp.RcptOptions) error {
	if m.bad.draw(4) == 0 {
		return &smtp.SMTPError{Code: 450, Message: "greylisted"}
	}
	return nil
}

func (m *mailSession) Data(in io.Reader) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	mishap := m.bad.draw(4)
	if mishap == 0 {
		return &smtp.SMTPError{Code: 452, Message: "no room"}
	}
	if err := m.read(string(text)); err != nil {
		m.seen.fail("a letter: %v:\n%s", err, text)
	}
	if mishap == 1 {
		return &smtp.SMTPError{Code: 451, Message: "I took it and do not know it"}
	}
	return nil
}

func (m *mailSession) Reset()        {}
func (m *mailSession) Logout() error { return nil }

// read reads a letter as its reader does.
func (r *receiver) read(message string) error {
	m, err := mail.ReadMessage(strings.NewReader(message))
	if err != nil {
		return err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	part, err := multipart.NewReader(m.Body, params["boundary"]).NextRawPart()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(part))
	if err != nil {
		return err
	}
	changes, err := changesIn(strings.ReplaceAll(string(text), "\r\n", "\n"))
	if err != nil {
		return err
	}
	r.seen.saw(m.Header.Get("Message-Id"), changes)
	return nil
}

// sentences are what letters say of changes, by what came after, and of what was
// before.
func sentences() (now, was map[string]koschei.State) {
	now = map[string]koschei.State{
		"It builds.": koschei.StateOK, "It no longer builds.": koschei.StateFailing, "Its build fails.": koschei.StateFailing,
		"Its build dependencies cannot be installed.": koschei.StateUnresolved, "It is no longer watched.": koschei.StateIgnored,
	}
	was = map[string]koschei.State{
		"It was fine before.": koschei.StateOK, "Its builds failed before.": koschei.StateFailing,
		"Its build dependencies could not be installed before.": koschei.StateUnresolved,
	}
	return now, was
}

var pageOfPackage = regexp.MustCompile(`(?m)^ *https://koschei\.example\.org/package/([^?\n]+)\?collection=`)

// changesIn are what a letter tells of.
func changesIn(text string) (map[string]step, error) {
	now, was := sentences()
	changes := map[string]step{}
	from := 0
	for _, at := range pageOfPackage.FindAllStringSubmatchIndex(text, -1) {
		said := strings.Join(strings.Fields(text[from:at[0]]), " ")
		from = at[1]
		var s step
		for sentence, state := range now {
			if strings.Contains(said, sentence) {
				s.after = string(state)
			}
		}
		for sentence, state := range was {
			if strings.Contains(said, sentence) {
				s.before = string(state)
			}
		}
		if s.before == "" || s.after == "" {
			return nil, fmt.Errorf("it does not say what became of %s: %q", text[at[2]:at[3]], said)
		}
		changes[text[at[2]:at[3]]] = s
	}
	if len(changes) == 0 {
		return nil, errors.New("it tells nothing")
	}
	return changes, nil
}

// bugReceiver is a Bugzilla, for whom every package fails to build all the time.
func (s *stage) bugReceiver(luck *rand.Rand) *receiver {
	r := &receiver{name: "bugzilla", seen: newWitness(), bad: &badness{luck: luck}}
	sim := &bugsim.Server{Key: "key", Misbehave: r.asked}
	server := httptest.NewServer(sim)
	s.t.Cleanup(server.Close)
	r.line = newRoad(s.t.T, server.Listener.Addr().String())
	key := filepath.Join(s.dir, "bugzilla.key")
	if err := os.WriteFile(key, []byte(sim.Key), 0o600); err != nil {
		s.t.Fatal(err)
	}
	r.config = fmt.Sprintf("  bugzilla: {url: 'http://%s', key_file: %s, after: 0s, failures: 1, per_hour: 100000, per_day: 100000}\n", r.line.address(), key)
	s.record.SetBugzilla(toldCollection, "Fedora", "rawhide")
	r.judge = func(names []string) (wrong []string) {
		filed := map[string]int{}
		for _, b := range sim.Bugs() {
			filed[b.Component]++
		}
		for _, name := range names {
			if filed[name] != 1 {
				wrong = append(wrong, fmt.Sprintf("%d bugs about %s, want 1", filed[name], name))
			}
		}
		s.t.Logf("bugzilla: %d bugs about %d packages", len(sim.Bugs()), len(filed))
		return wrong
	}
	return r
}

// asked has a Bugzilla answer as they do on bad days, before or after it did what it
// was asked for.
func (r *receiver) asked(out http.ResponseWriter, _ *http.Request, _ bool) bool {
	page := func(status int) bool {
		out.Header().Set("Content-Type", "text/html")
		out.WriteHeader(status)
		_, _ = io.WriteString(out, "<html><h1>Bugzilla is being looked after</h1></html>") // the sender may be gone
		return true
	}
	switch r.bad.draw(6) {
	case 0:
		return page(http.StatusOK)
	case 1:
		return page(http.StatusBadGateway)
	case 2:
		return page(http.StatusNotFound)
	case 3:
		out.Header().Set("Content-Type", "application/json")
		out.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(out, `{"error": true, "code": 410, "message": "You must log in."}`) // the sender may be gone
		return true
	case 4:
		out.Header().Set("Retry-After", "1")
		return page(http.StatusServiceUnavailable)
	case 5:
		panic(http.ErrAbortHandler)
	}
	return false
}

// inBackground runs f until the test is over.
func (s *stage) inBackground(f func(context.Context)) {
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f(ctx)
	}()
	s.t.Cleanup(func() {
		stop()
		<-ended
	})
}

// A letter is read as it is meant.
func TestChangesIn(t *testing.T) {
	const letter = "Fedora 99: 2 broken\n\n* a (F)\n  It no longer builds. It was fine before.\n  https://koschei.example.org/package/a?collection=f99\n\n" +
		"* b (F)\n  Its build dependencies cannot be installed. Its builds failed\n  before.\n  https://koschei.example.org/package/b?collection=f99\n"
	got, err := changesIn(letter)
	want := map[string]step{"a": {"ok", "failing"}, "b": {"failing", "unresolved"}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
}
