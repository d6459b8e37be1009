package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// stuckFor is how long nothing happens in a pass of a service before its process
// counts as stuck and is to be started again. Every call, statement and download
// is given up earlier.
const stuckFor = 15 * time.Minute

// A supervisor tells systemd, if that has started the process, how the process
// is. As long as it is alive, systemd hears of it; a process that is frozen, or of
// which a pass is stuck, says nothing and is started again.
type supervisor struct {
	log   *slog.Logger
	alive atomic.Pointer[func() bool]
	end   context.CancelFunc
	ended chan struct{}
}

// supervise begins to say that the process is alive, until end is called.
func supervise(ctx context.Context, log *slog.Logger) *supervisor {
	s := &supervisor{log: log, ended: make(chan struct{})}
	s.watch(func() bool { return true })
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.WarnContext(ctx, "systemd does not say how often it wants to hear of us", "error", err)
	}
	ctx, s.end = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(s.ended)
		if interval > 0 {
			s.beat(ctx, interval/3)
		}
	}()
	return s
}

// stop ends what supervise began.
func (s *supervisor) stop() {
	s.end()
	<-s.ended
}

// watch makes alive decide from now on.
func (s *supervisor) watch(alive func() bool) {
	if s != nil {
		s.alive.Store(&alive)
	}
}

func (s *supervisor) beat(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if (*s.alive.Load())() {
			s.notify(ctx, daemon.SdNotifyWatchdog)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// ready says that the process has begun its work, and what that is at the moment.
func (s *supervisor) ready(ctx context.Context, status string) {
	s.notify(ctx, daemon.SdNotifyReady+"\nSTATUS="+status)
}

// stopping says that the process is about to end.
func (s *supervisor) stopping(ctx context.Context) { s.notify(ctx, daemon.SdNotifyStopping) }

func (s *supervisor) notify(ctx context.Context, state string) {
	if s == nil {
		return
	}
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.WarnContext(ctx, "systemd could not be told", "error", err)
	}
}
