package notifier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
)

// The types of what web hooks are told.
const (
	TypePackageState    = "package.state_changed"
	TypeCollectionState = "collection.state_changed"
	TypeBuildEnded      = "build.ended"

	typePing = "ping"
)

// WebhookTypes are the types of events that a web hook can ask for.
func WebhookTypes() []string { return []string{TypePackageState, TypeCollectionState, TypeBuildEnded} }

// typeOf is the type that tells of an event, "" if none does.
func typeOf(e *koschei.Event) string {
	switch kindOf(e) {
	case packageState:
		return TypePackageState
	case collectionState:
		return TypeCollectionState
	case buildEnd:
		return TypeBuildEnded
	default:
		return ""
	}
}

// A WebhookConfig says who is called.
type WebhookConfig struct {
	Name    string
	URL     string
	Secrets string         // whsec_ and base64, one a line; all of them sign
	Types   []string       // that are told; none means changes of states
	Allow   []netip.Prefix // networks that may be called although they are not public
	Every   time.Duration  // between pings, real time; 0 for none

	Template string   // of the body, for receivers that want another; "" for ours
	Site     *url.URL // of the pages, for links of templates; nil for none
}

const (
	// mostAttempts is after how many a delivery is given up, which takes three
	// days.
	mostAttempts = 80

	mostAnswer   = 64 << 10 // bytes of an answer that are read
	secretPrefix = "whsec_"
)

// A Webhook is a sink that calls one URL, signed as Standard Webhooks has it.
type Webhook struct {
	config  WebhookConfig
	body    *bodyTemplate // nil for ours
	secrets [][]byte
	client  *http.Client
	clock   koschei.Clock // of domain time
}

// NewWebhook returns a sink. An error says which setting is wrong.
func NewWebhook(c WebhookConfig, clock koschei.Clock) (*Webhook, error) {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,49}$`).MatchString(c.Name) {
		return nil, fmt.Errorf("name: %q must be up to 50 of a to z, digits, - and _", c.Name)
	}
	if err := checkURL(c.URL, len(c.Allow) > 0); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if len(c.Types) == 0 {
		c.Types = []string{TypePackageState, TypeCollectionState}
	}
	for _, t := range c.Types {
		if !slices.Contains(WebhookTypes(), t) {
			return nil, fmt.Errorf("events: %q is none of %s", t, strings.Join(WebhookTypes(), ", "))
		}
	}
	secrets, err := parseSecrets(c.Secrets)
	if err != nil {
		return nil, fmt.Errorf("secret_file: %w", err)
	}
	body, err := parseTemplate(c.Template, c.Site)
	if err != nil {
		return nil, fmt.Errorf("template_file: %w", err)
	}
	return &Webhook{config: c, body: body, secrets: secrets, clock: clock, client: newClient(c.Allow)}, nil
}

// newClient returns a client that calls no address that is closed, goes where it
// was told and nowhere else, and shows nobody who we are otherwise.
func newClient(allow []netip.Prefix) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            newGate(allow).dialer().DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    connectTimeout,
			MaxResponseHeaderBytes: mostAnswer,
			MaxConnsPerHost:        sentAtOnce,
			MaxIdleConnsPerHost:    sentAtOnce,
			IdleConnTimeout:        time.Minute,
			ForceAttemptHTTP2:      true,
		},
	}
}

// parseSecrets reads secrets, one a line.
func parseSecrets(text string) (secrets [][]byte, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		coded, ok := strings.CutPrefix(line, secretPrefix)
		secret, err := base64.StdEncoding.DecodeString(coded)
		if !ok || err != nil || len(secret) < 24 || len(secret) > 64 {
			return nil, errors.New("a line must be " + secretPrefix + " and 24 to 64 random bytes in base64")
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, errors.New("it holds no secret")
	}
	return secrets, nil
}

// Name implements Sink.
func (w *Webhook) Name() string { return "webhook " + w.config.Name }

// Heartbeat implements Sink.
func (w *Webhook) Heartbeat() time.Duration { return w.config.Every }

// Keys implements Sink.
func (w *Webhook) Keys(e *koschei.Event) []string {
	if !slices.Contains(w.config.Types, typeOf(e)) {
		return nil
	}
	return []string{keyOf(e)}
}

// A hook is the body of a call.
type hook struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of what happened
	Data      *hookData `json:"data"`      // nil for a ping
}

// hookData are what happened. What a type does not have is left out.
type hookData struct {
	Event          int64    `json:"event"`
	Collection     string   `json:"collection"`
	CollectionName string   `json:"collection_name"`
	Package        string   `json:"package,omitempty"`
	Groups         []string `json:"groups,omitempty"`
	Old            string   `json:"old,omitempty"`
	New            string   `json:"new,omitempty"`
	RepoID         int64    `json:"repo_id,omitempty"`
	Build          int64    `json:"build,omitempty"`
	Outcome        string   `json:"outcome,omitempty"`
}

// Send implements Sink.
func (w *Webhook) Send(ctx context.Context, d *koschei.Delivery, where *koschei.EventPlace) error {
	e := &d.Event
	before, after := e.Told()
	data := hookData{
		Event: e.ID, Collection: e.Collection, CollectionName: where.DisplayName, Package: e.Package, Groups: where.Groups,
	}
	if e.Kind == koschei.EventBuildEnded {
		data.Build, data.Outcome = e.BuildID, after
	} else {
		data.Old, data.New, data.RepoID = before, after, e.RepoID
	}
	err := w.call(ctx, d.MessageID, hook{typeOf(e), e.At, &data})
	if err != nil && d.Attempts >= mostAttempts && !errors.Is(err, ErrGiveUp) {
		return fmt.Errorf("%w after %d attempts: %w", ErrGiveUp, d.Attempts, err)
	}
	return err
}

// Ping implements Sink.
func (w *Webhook) Ping(ctx context.Context) error {
	return w.call(ctx, newUUID(), hook{typePing, w.clock.Now(), nil})
}

// call tells the receiver something. Its errors show neither the URL, which may
// be secret, nor what the receiver answers.
func (w *Webhook) call(ctx context.Context, id string, h hook) error {
	h.Timestamp = h.Timestamp.UTC().Truncate(time.Second)
	body, err := w.word(h)
	if err != nil {
		return fmt.Errorf("%w: wording a call: %w", ErrGiveUp, err)
	}
	return callHook(ctx, w.client, w.config.URL, w.secrets, id, body)
}

// callHook calls an address with a body that is signed.
func callHook(ctx context.Context, client *http.Client, address string, secrets [][]byte, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGiveUp, withoutURL(err))
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Koschei")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", now)
	req.Header.Set("Webhook-Signature", sign(secrets, id, now, body))
	resp, err := client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing of it is needed
	// Read so that the connection can be used again, if the answer is short.
	_, _ = io.CopyN(io.Discard, resp.Body, mostAnswer)
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode <= 299:
		return nil
	case resp.StatusCode == http.StatusGone:
		return fmt.Errorf("%w: the receiver wants no more (status 410)", ErrGiveUp)
	case resp.StatusCode >= 300 && resp.StatusCode <= 399:
		return fmt.Errorf("the receiver sends us elsewhere, where we do not go (status %d)", resp.StatusCode)
	}
	err = fmt.Errorf("the receiver answers with status %d", resp.StatusCode)
	if after := retryAfter(resp.Header, time.Now()); after > 0 {
		return &laterError{error: err, after: after}
	}
	return err
}

// word returns the body of a call.
func (w *Webhook) word(h hook) ([]byte, error) {
	switch {
	case w.body != nil:
		return w.body.word(h)
	case h.Data == nil:
		return json.Marshal(struct {
			Type      string    `json:"type"`
			Timestamp time.Time `json:"timestamp"`
			Data      struct{}  `json:"data"`
		}{Type: h.Type, Timestamp: h.Timestamp})
	}
	return json.Marshal(h)
}

// sign returns a signature by each secret.
func sign(secrets [][]byte, id, timestamp string, body []byte) string {
	var all []string
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body) // a hash takes everything
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " ")
}

// withoutURL is what an error of a client says but for the URL.
func withoutURL(err error) error {
	var about *url.Error
	if errors.As(err, &about) {
		return about.Err
	}
	return err
}
