package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/letter"
)

// Hooks is the sink that calls the web hooks of users, each with what its user has
// subscribed to.
type Hooks struct {
	client *http.Client
	writer *letter.Writer
	plain  bool // http:// is possible, too
}

// NewHooks returns a sink that calls public addresses, and those of the networks that
// are allowed. site is that of the pages.
func NewHooks(site *url.URL, allow []netip.Prefix) (*Hooks, error) {
	writer, err := letter.NewWriter(site)
	return &Hooks{newClient(allow), writer, len(allow) > 0}, err
}

// Name implements Sink.
func (h *Hooks) Name() string { return koschei.SinkHook }

// Heartbeat implements Sink.
func (h *Hooks) Heartbeat() time.Duration { return 0 }

// Ping does nothing: nobody in particular is called.
func (h *Hooks) Ping(context.Context) error { return nil }

// A hookLetter is the body of a call.
type hookLetter struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the last that happened
	Text      string    `json:"text"`      // for people
	Data      struct {
		Follows     string       `json:"follows"`
		Cause       string       `json:"cause,omitempty"` // that all changes have in common
		Changes     []hookChange `json:"changes"`
		Unsubscribe string       `json:"unsubscribe"`
	} `json:"data"`
}

type hookChange struct {
	Collection     string        `json:"collection"`
	CollectionName string        `json:"collection_name"`
	Package        string        `json:"package,omitempty"`
	Old            koschei.State `json:"old"`
	New            koschei.State `json:"new"`
	Time           time.Time     `json:"time"`
	Problems       []string      `json:"problems,omitempty"`
	Build          int64         `json:"build,omitempty"`
}

// typeLetter is the type of such a call.
const typeLetter = "letter"

// SendLetter implements Post.
func (h *Hooks) SendLetter(ctx context.Context, l *koschei.Letter) error {
	body, err := h.word(l)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGiveUp, err)
	}
	secrets, err := parseSecrets(l.Secrets)
	if err != nil || l.Address == "" {
		return fmt.Errorf("%w: user %s has no web hook any more", ErrGiveUp, l.Subscription.User)
	}
	if err := checkURL(l.Address, h.plain); err != nil {
		return fmt.Errorf("%w: the web hook of user %s: %w", ErrRefused, l.Subscription.User, err)
	}
	err = callHook(ctx, h.client, l.Address, secrets, l.MessageID, body)
	if errors.Is(err, ErrGiveUp) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	var later *laterError
	if errors.As(err, &later) { // it is one user's, the others need not wait
		later.alone = true
	}
	return err
}

func (h *Hooks) word(l *koschei.Letter) ([]byte, error) {
	words, err := h.writer.Write(l)
	if err != nil {
		return nil, err
	}
	body := hookLetter{Type: typeLetter, Text: words.Subject}
	body.Data.Follows, body.Data.Cause, body.Data.Unsubscribe = l.Subscription.Followed(), l.Cause, words.Unsubscribe
	for i := range l.Changes {
		c := &l.Changes[i]
		if c.At.After(body.Timestamp) {
			body.Timestamp = c.At.UTC().Truncate(time.Second)
		}
		body.Data.Changes = append(body.Data.Changes, hookChange{
			c.Collection, c.CollectionName, c.Package, c.Before, c.After, c.At.UTC().Truncate(time.Second), c.Problems, c.Build.ID,
		})
	}
	return json.Marshal(body)
}
