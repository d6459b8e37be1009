package main

import (
	"context"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
)

// demoMail is how many messages of a simulated hub may wait in memory. What is
// beyond gets lost, as it may.
const demoMail = 10_000

// listenTo has the watcher hear what a simulated hub says.
func (p *process) listenTo(ctx context.Context, hub *kojihub.Hub) {
	mail := bus.NewMemory(demoMail)
	hub.Subscribe(func(m kojihub.Message) {
		if err := mail.Publish(ctx, m.OnBus(p.config.Bus.TopicPrefix)); err != nil {
			p.log.WarnContext(ctx, "message lost", "message", m.ID, "error", err)
		}
	})
	p.bus = mail
}
