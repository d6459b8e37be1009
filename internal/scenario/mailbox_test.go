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

	"github.com/koschei-ci/koschei"
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

// A letter is a message that was delivered.
type letter struct {
	event int64
	*notifier.Message
}

// fill has everything delivered that has happened. It is called after each
// statement: a message says what was so when it left.
func (m *mailbox) fill(p *play) error {
	service := &notifier.Service{DB: m.deliveries, Sinks: []notifier.Sink{m}, Now: p.Clock.Now, Log: slog.New(slog.DiscardHandler)}
	return service.Pass(p.T.Context())
}

// empty takes out what was delivered since it was emptied last, in the order in
// which it happened.
func (m *mailbox) empty() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	told := m.told
	m.told = nil
	slices.SortFunc(told, func(a, b letter) int { return cmp.Compare(a.event, b.event) })
	return told
}

func (m *mailbox) Name() string { return scenario.Sink }

func (m *mailbox) Keys(e *koschei.Event) []string {
	if !notifier.Announced(e) {
		return nil
	}
	return []string{strconv.FormatInt(e.ID, 10)}
}

func (m *mailbox) Send(ctx context.Context, d *koschei.Delivery) error {
	place, err := m.deliveries.EventPlace(ctx, &d.Event)
	if err != nil {
		return err
	}
	message, err := notifier.MessageOf(&d.Event, place)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, letter{d.Event.ID, message})
	return nil
}

// members writes a JSON object in the order that stories have: short names
// first, then by name.
func members(object json.RawMessage) (string, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(object, &values); err != nil {
		return "", err
	}
	var parts []string
	for name, value := range values {
		parts = append(parts, strconv.Quote(name)+": "+strings.ReplaceAll(string(value), `","`, `", "`))
	}
	slices.SortFunc(parts, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Index(a, ":"), strings.Index(b, ":")), cmp.Compare(a, b))
	})
	return "{" + strings.Join(parts, ", ") + "}", nil
}
