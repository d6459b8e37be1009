package scenario_test

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/notifier"
	"github.com/koschei-ci/koschei/internal/record/deliver"
	"github.com/koschei-ci/koschei/internal/scenario"
)

// A mailbox is the sink of a story: it takes what the message bus is told.
type mailbox struct {
	deliveries *deliver.Deliveries

	mu   sync.Mutex
	told []letter
}

// A letter is a message that was delivered. Its topic is without a prefix.
type letter struct {
	event int64
	*bus.Message
}

// fill has everything delivered that has happened. It is called after each
// statement: a message says what was so when it left.
func (m *mailbox) fill(p *play) {
	service := &notifier.Service{
		DB: m.deliveries, Sinks: []notifier.Sink{m}, Clock: koschei.Clock{Read: p.Clock.Now},
		Log: slog.New(slog.DiscardHandler), Metrics: notifier.NewMetrics(prometheus.NewRegistry()),
	}
	service.Run(p.T.Context(), &loop.Loop{Name: "notifier", Passes: 1, Log: slog.New(slog.NewTextHandler(p.T.Output(), nil))})
}

// empty takes out what was delivered since it was emptied last, of changes of states
// or of all else, in the order in which it happened.
func (m *mailbox) empty(states bool) (told []letter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var left []letter
	for _, l := range m.told {
		if strings.HasSuffix(l.Topic, ".state.change") == states {
			told = append(told, l)
		} else {
			left = append(left, l)
		}
	}
	m.told = left
	slices.SortFunc(told, func(a, b letter) int { return cmp.Compare(a.event, b.event) })
	return told
}

func (m *mailbox) Name() string                   { return scenario.Sink }
func (m *mailbox) Ping(context.Context) error     { return nil }
func (m *mailbox) Heartbeat() time.Duration       { return 0 }
func (m *mailbox) Keys(e *koschei.Event) []string { return m.toBus(nil).Keys(e) }

// Send takes what the sink for the bus publishes.
func (m *mailbox) Send(ctx context.Context, d *koschei.Delivery, where *koschei.EventPlace) error {
	return m.toBus(publisher(func(message *bus.Message) {
		m.mu.Lock()
		defer m.mu.Unlock()
		message.Topic = strings.TrimPrefix(message.Topic, "test.koschei.")
		m.told = append(m.told, letter{d.Event.ID, message})
	})).Send(ctx, d, where)
}

func (m *mailbox) toBus(p bus.Publisher) *notifier.Bus {
	return &notifier.Bus{Publisher: p, TopicPrefix: "test", Instance: "primary", Culprits: true, Requests: true}
}

// A publisher is called with what is published.
type publisher func(*bus.Message)

func (p publisher) Publish(_ context.Context, messages ...*bus.Message) error {
	for _, m := range messages {
		p(m)
	}
	return nil
}

// members writes a JSON object in the order that stories have: short names
// first, then by name. Which Koji instance the sender speaks for is left out: it is
// the same in all messages.
func members(object json.RawMessage) (string, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(object, &values); err != nil {
		return "", err
	}
	delete(values, "koji_instance")
	var parts []string
	for name, value := range values {
		parts = append(parts, strconv.Quote(name)+": "+strings.ReplaceAll(string(value), `","`, `", "`))
	}
	slices.SortFunc(parts, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Index(a, ":"), strings.Index(b, ":")), cmp.Compare(a, b))
	})
	return "{" + strings.Join(parts, ", ") + "}", nil
}
