package watcher

import (
	"context"
	"fmt"

	"github.com/koschei-ci/koschei/internal/bus"
)

// Handle is what Run has the consumer call.
func (s *Service) Handle(ctx context.Context, batch []*bus.Message) (again []*bus.Message) {
	if s.parents == nil {
		s.parents = &inheritance{hub: s.Sync.Primary, now: s.Sync.Now}
	}
	return s.handle(ctx, batch)
}

// About reads a message as Handle does.
func (s *Service) About(m *bus.Message) (about string, err error) {
	h, ignore, err := s.read(m)
	if ignore != "" || err != nil {
		return ignore, err
	}
	return h.text(), nil
}

func (h *hint) text() string {
	text := string(h.kind)
	for _, part := range []struct {
		what  string
		value any
		is    bool
	}{{"task", h.task, h.task != 0}, {"build", h.build, h.build != 0}, {"tag", h.tag, h.tag != ""}, {"package", h.pkg, h.pkg != ""}} {
		if part.is {
			text += fmt.Sprintf(" %s %v", part.what, part.value)
		}
	}
	return text
}
