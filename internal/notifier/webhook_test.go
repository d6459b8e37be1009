package notifier_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/notifier"
)

// secret is the secret of web hooks in tests, as it is written and as it is.
func secret() (text string, key []byte) {
	key = []byte("thirty-two bytes for the tests..")
	return "whsec_" + base64.StdEncoding.EncodeToString(key), key
}

// hookTo returns a web hook to a server on this machine.
func hookTo(t *testing.T, name, url string) *notifier.Webhook {
	t.Helper()
	text, _ := secret()
	w, err := notifier.NewWebhook(notifier.WebhookConfig{
		Name: name, URL: url, Secrets: text, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}, noonClock())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// checkSignature is what a receiver does.
func checkSignature(t *testing.T, r *http.Request, body []byte) {
	t.Helper()
	_, key := secret()
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if got := r.Header.Get("webhook-signature"); !strings.Contains(" "+got+" ", " "+want+" ") {
		t.Errorf("the signature is %s, want %s", got, want)
	}
	sent, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(sent, 0)).Abs() > time.Minute {
		t.Errorf("the timestamp is %s", r.Header.Get("webhook-timestamp"))
	}
}

// delivered is a delivery that a sink is given.
func delivered() (*koschei.Delivery, *koschei.EventPlace) {
	return &koschei.Delivery{
		ID: 1, MessageID: "0b7e5d52-4ad4-4a1c-9f3a-6f0d37a6d1f2", Attempts: 1,
		Event: koschei.Event{
			ID: 31337, At: noon, Kind: koschei.EventPackageState, Collection: "f99", Package: "teapot", Before: "unknown", After: "failing",
		},
	}, &koschei.EventPlace{DisplayName: "Fedora 99", Groups: []string{"kettle-sig"}}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		checkSignature(t, r, body)
		got = r.Method + " " + r.URL.Path + " " + r.Header.Get("webhook-id") + " " + r.Header.Get("content-type") + " " + string(body)
	}))
	defer server.Close()
	d, where := delivered()
	if err := hookTo(t, "chat", server.URL+"/hook").Send(t.Context(), d, where); err != nil {
		t.Fatal(err)
	}
	want := `POST /hook 0b7e5d52-4ad4-4a1c-9f3a-6f0d37a6d1f2 application/json ` +
		`{"type":"package.state_changed","timestamp":"2026-11-23T12:00:00Z","data":{"event":31337,"collection":"f99",` +
		`"collection_name":"Fedora 99","package":"teapot","groups":["kettle-sig"],"old":"ignored","new":"failing"}}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("called (-want +got):\n%s", diff)
	}
	if err := hookTo(t, "chat", server.URL+"/hook").Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	var ping struct{ Type string }
	if err := json.Unmarshal([]byte(got[strings.Index(got, "{"):]), &ping); err != nil || ping.Type != "ping" {
		t.Errorf("the ping is %s", got)
	}
}

// A new secret is used beside the old one until every receiver has it.
func TestTwoSecrets(t *testing.T) {
	t.Parallel()
	called := false
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is missing shows in the signature
		checkSignature(t, r, body)
		called = strings.Count(r.Header.Get("webhook-signature"), "v1,") == 2
	}))
	defer server.Close()
	old, _ := secret()
	w, err := notifier.NewWebhook(notifier.WebhookConfig{
		Name: "chat", URL: server.URL, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Secrets: "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 24)) + "\n\n" + old + "\n",
	}, noonClock())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Ping(t.Context()); err != nil || !called {
		t.Errorf("called with two signatures: %v, %v", called, err)
	}
}

// What a receiver answers decides whether it is tried again. No error shows what
// may be secret.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status   int
		attempts int
		want     string // the error; "" for none
		gaveUp   bool
	}{
		{200, 1, "", false},
		{204, 1, "", false},
		{302, 1, "the receiver sends us elsewhere, where we do not go (status 302)", false},
		{401, 1, "the receiver answers with status 401", false},
		{410, 1, "given up: the receiver wants no more (status 410)", true},
		{429, 1, "the receiver answers with status 429", false},
		{503, 79, "the receiver answers with status 503", false},
		{503, 80, "given up after 80 attempts: the receiver answers with status 503", true},
	} {
		var calls atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Location", "/other")
			w.WriteHeader(test.status)
			if test.status != http.StatusNoContent {
				_, _ = io.WriteString(w, "password: teapot") // who went away does not want it
			}
		}))
		d, where := delivered()
		d.Attempts = test.attempts
		err := hookTo(t, "chat", server.URL+"/secret").Send(t.Context(), d, where)
		server.Close()
		if got := fmt.Sprint(err); err == nil && test.want != "" || err != nil && got != test.want || errors.Is(err, notifier.ErrGiveUp) != test.gaveUp {
			t.Errorf("status %d, attempt %d: %v, want %q", test.status, test.attempts, err, test.want)
		}
		if calls.Load() != 1 {
			t.Errorf("status %d: called %d times", test.status, calls.Load())
		}
	}
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + dead.Addr().String() + "/secret"
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	d, where := delivered()
	if err := hookTo(t, "chat", url).Send(t.Context(), d, where); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody answers: %v", err)
	}
}

// badConfigs are what cannot be right, with what an operator reads.
func badConfigs() []struct {
	change func(*notifier.WebhookConfig)
	want   string
} {
	type config = notifier.WebhookConfig
	return []struct {
		change func(*config)
		want   string
	}{
		{func(c *config) { c.Name = "Chat room" }, `name: "Chat room" must be up to 50 of a to z, digits, - and _`},
		{func(c *config) { c.URL = "http://example.org/" }, "url: it must begin with https:// (or http:// where networks are allowed)"},
		{func(c *config) { c.URL = "https://u:secret@example.org/" }, "url: it must hold no user and password"},
		{func(c *config) { c.URL = "https://exa mple.org/secret" }, "url: it cannot be read"},
		{func(c *config) { c.URL = "https:///hook" }, "url: it names no host"},
		{func(c *config) { c.URL = "https://2130706433/" }, `url: "2130706433" is neither a name nor an address`},
		{func(c *config) { c.Types = []string{"package.exploded"} }, `events: "package.exploded" is none of package.state_changed, collection.state_changed, build.ended`},
		{func(c *config) { c.Secrets = "teapot" }, "secret_file: a line must be whsec_ and 24 to 64 random bytes in base64"},
		{func(c *config) { c.Secrets = "whsec_c2hvcnQ=" }, "secret_file: a line must be whsec_ and 24 to 64 random bytes in base64"},
		{func(c *config) { c.Secrets = "\n" }, "secret_file: it holds no secret"},
		{func(c *config) { c.Template = `{"text": "{{.Package}}"}` }, "template_file: for a package.state_changed: it makes no JSON: put texts into {{json ...}}"},
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	text, _ := secret()
	for _, test := range badConfigs() {
		c := notifier.WebhookConfig{Name: "chat", URL: "https://example.org/hook", Secrets: text}
		if _, err := notifier.NewWebhook(c, noonClock()); err != nil {
			t.Fatal(err)
		}
		test.change(&c)
		if _, err := notifier.NewWebhook(c, noonClock()); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

// forbidden are hosts that lead, or may lead, to what is not public.
func forbidden() []string {
	return []string{
		// This machine, in the ways in which it can be written.
		"127.0.0.1", "127.1.2.3", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0",
		"localhost", "LOCALHOST", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
		// IPv4 in IPv6: mapped, compatible, NAT64, 6to4, Teredo.
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
		"[2002:7f00:1::]", "[2001:0:7f00:1::]",
		// Private, shared, link-local (where clouds have their secrets), unique local, site-local.
		"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "169.254.169.254", "[fe80::1]", "[fc00::1]",
		"[fd00:ec2::254]", "[fec0::1]",
		// Many at once, or nobody.
		"224.0.0.1", "255.255.255.255", "240.0.0.1", "[ff02::1]", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.0.0.1",
		"[2001:db8::1]", "[3fff::1]", "[5f00::1]",
	}
}

// TestForbiddenAddresses calls each of them, with a server on this machine that
// would answer.
func TestForbiddenAddresses(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(net.Conn, http.ConnState) { calls.Add(1) }
	server.StartTLS()
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	text, _ := secret()
	if len(forbidden()) < 40 {
		t.Errorf("only %d forms are tried", len(forbidden()))
	}
	for _, host := range forbidden() {
		w, err := notifier.NewWebhook(notifier.WebhookConfig{Name: "chat", URL: "https://" + host + ":" + port + "/", Secrets: text}, noonClock())
		if err == nil {
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			err = w.Ping(ctx)
			stop()
		}
		if err == nil || !strings.Contains(err.Error(), "is not a public address") && !strings.Contains(err.Error(), "is neither a name nor an address") {
			t.Errorf("%s: %v", host, err)
		}
	}
	if calls.Load() != 0 {
		t.Errorf("%d connections were made", calls.Load())
	}
}

// Networks that are allowed can be called, and no others.
func TestAllowedNetworks(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	text, _ := secret()
	for network, want := range map[string]bool{"127.0.0.0/8": true, "10.0.0.0/8": false, "::1/128": false} {
		w, err := notifier.NewWebhook(notifier.WebhookConfig{
			Name: "chat", URL: server.URL, Secrets: text, Allow: []netip.Prefix{netip.MustParsePrefix(network)},
		}, noonClock())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Ping(t.Context()); (err == nil) != want {
			t.Errorf("with %s allowed: %v", network, err)
		}
	}
}

// A template words calls in the form that a bridge to a chat wants.
func TestTemplate(t *testing.T) {
	t.Parallel()
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		checkSignature(t, r, body)
		got = append(got, string(body))
	}))
	defer server.Close()
	text, _ := secret()
	w, err := notifier.NewWebhook(notifier.WebhookConfig{
		Name: "matrix", URL: server.URL, Secrets: text, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Site: &url.URL{Scheme: "https", Host: "koschei.example.org"}, Template: `{"text": {{json .Sentence}}, "link": {{json .URL}}}`,
	}, noonClock())
	if err != nil {
		t.Fatal(err)
	}
	d, where := delivered()
	if err := errors.Join(w.Send(t.Context(), d, where), w.Ping(t.Context())); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"text": "teapot in Fedora 99 is failing, it was ignored", "link": "https://koschei.example.org/package/teapot?collection=f99"}`,
		`{"text": "Koschei tries whether this works.", "link": ""}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("called (-want +got):\n%s", diff)
	}
}

// A receiver that says when to come again is left alone until then.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"3600", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), "soon", "-5", "99999999999"} {
		p := newPlace(t, "foo", "bar")
		var calls atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		service := p.service(hookTo(t, "chat", server.URL))
		p.pass(service)
		p.state("foo", "ok", "failing", 0)
		p.pass(service)
		p.state("bar", "ok", "failing", 0)
		p.pass(service)
		server.Close()
		want := int64(1)
		if after == "soon" || after == "-5" || after == "99999999999" {
			want = 2
		}
		if calls.Load() != want {
			t.Errorf("Retry-After: %s: called %d times, want %d", after, calls.Load(), want)
		}
	}
}
