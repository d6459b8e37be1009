package watcher

import (
	"context"
	"log/slog"
	"time"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/record"
)

// A Config says which messages are for us.
type Config struct {
	TopicPrefix string // what all topics of the hub's bus begin with, such as org.fedoraproject.prod
	Instance    string // the name that the hub has in its messages

	// GiveUp is the age from which on a message that cannot be handled is not
	// tried again; polling has asked for everything since.
	GiveUp time.Duration
}

// Topics are those that a queue must be bound to.
func (c Config) Topics() []string {
	var topics []string
	for _, k := range kinds() {
		topics = append(topics, c.topic(k))
	}
	return topics
}

// topic is that of a kind of messages.
func (c Config) topic(k kind) string { return c.TopicPrefix + ".buildsys." + string(k) }

// A Service watches a hub. All fields must be set.
type Service struct {
	DB       *record.Record
	Sync     *kojisync.Sync
	Consumer *bus.Consumer
	Log      *slog.Logger
	Metrics  *Metrics
	Config

	parents *inheritance // of Run
}

// Run handles messages until ctx ends.
func (s *Service) Run(ctx context.Context) {
	s.parents = &inheritance{hub: s.Sync.Primary, now: s.Sync.Now}
	s.Consumer.Run(ctx, s.handle)
}

// handle does what messages ask for and returns those that must come again.
func (s *Service) handle(ctx context.Context, batch []*bus.Message) (again []*bus.Message) {
	fates := make(map[*bus.Message]fate, len(batch))
	hints := s.readAll(ctx, batch, fates)
	if len(hints) > 0 {
		s.answer(ctx, hints, fates)
	}
	s.count(batch, fates)
	for _, m := range batch {
		if fates[m] == putOff {
			again = append(again, m)
		}
	}
	return again
}

// readAll returns what messages are about, as far as they are for us.
func (s *Service) readAll(ctx context.Context, batch []*bus.Message, fates map[*bus.Message]fate) (hints []hint) {
	for _, m := range batch {
		h, why, err := s.read(m)
		switch {
		case err != nil:
			fates[m] = unreadable
			s.Log.WarnContext(ctx, "message not understood", "message", m.ID, "topic", m.Topic, "error", err)
		case why != "":
			fates[m] = ignored
			s.Log.DebugContext(ctx, "message ignored", "message", m.ID, "topic", m.Topic, "reason", why)
		default:
			hints = append(hints, h)
		}
	}
	return hints
}

// answer has what hints are about looked at.
func (s *Service) answer(ctx context.Context, hints []hint, fates map[*bus.Message]fate) {
	a, err := s.agenda(ctx, hints)
	if err != nil {
		s.Log.ErrorContext(ctx, "messages put off", "messages", len(hints), "error", err)
		for _, h := range hints {
			s.putOff(ctx, []*bus.Message{h.message}, fates)
		}
		return
	}
	for _, h := range hints {
		fates[h.message] = ignored
	}
	questions := s.questions(a)
	for _, q := range questions {
		for _, m := range q.messages {
			fates[m] = done
		}
	}
	s.ask(ctx, questions, fates)
}
