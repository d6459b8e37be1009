package notifier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/deliver"
)

// A Sink is a way by which events leave.
type Sink interface {
	// Name tells sinks apart, in the record too. A sink of another name begins
	// anew, with what happens from then on.
	Name() string
	// Keys returns a key for each delivery that an event asks for, none if nobody
	// is to be told. A key is never delivered twice, so it tells the event and
	// who is told.
	Keys(e *koschei.Event) []string
	// Send delivers. It is tried again unless its error wraps ErrGiveUp.
	Send(ctx context.Context, d *koschei.Delivery) error
}

// ErrGiveUp is wrapped by errors of Sink.Send after which another try is of no
// use: the receiver will never take this.
var ErrGiveUp = errors.New("given up")

const (
	lookedAtOnce    = 1000             // events
	deliveredAtOnce = 100              // deliveries that are claimed at once
	firstRetry      = 30 * time.Second // real time; longer than a delivery takes
	sendTimeout     = 10 * time.Second
)

// A Service delivers events by some sinks.
type Service struct {
	DB    *deliver.Deliveries
	Sinks []Sink
	Now   func() time.Time // domain time
	Log   *slog.Logger
}

// Pass delivers what there is to deliver by each sink. It returns the errors of
// the record; that a delivery failed is written down and no error of the pass.
func (s *Service) Pass(ctx context.Context) error {
	errs := make([]error, len(s.Sinks))
	var wg sync.WaitGroup
	for i, sink := range s.Sinks {
		wg.Go(func() {
			if err := s.serve(ctx, sink); err != nil {
				errs[i] = fmt.Errorf("sink %s: %w", sink.Name(), err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *Service) serve(ctx context.Context, sink Sink) error {
	if err := s.DB.OpenSink(ctx, sink.Name(), s.Now()); err != nil {
		return err
	}
	if err := s.look(ctx, sink); err != nil {
		return err
	}
	for {
		claimed, err := s.DB.ClaimDeliveries(ctx, sink.Name(), deliveredAtOnce, firstRetry)
		if err != nil || len(claimed) == 0 {
			return err
		}
		for i := range claimed {
			if err := s.deliver(ctx, sink, &claimed[i]); err != nil {
				return err
			}
		}
	}
}

// look writes down what is to be delivered of the events that are new.
func (s *Service) look(ctx context.Context, sink Sink) error {
	for {
		looked, err := s.DB.NewEvents(ctx, sink.Name(), lookedAtOnce)
		if err != nil || len(looked) == 0 {
			return err
		}
		for i := range looked {
			looked[i].Keys = sink.Keys(&looked[i].Event)
		}
		if err := s.DB.Deliver(ctx, sink.Name(), looked); err != nil {
			return err
		}
	}
}

func (s *Service) deliver(ctx context.Context, sink Sink, d *koschei.Delivery) error {
	sending, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := sink.Send(sending, d)
	switch {
	case err == nil:
		return s.DB.DeliverySent(ctx, d.ID)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	s.Log.WarnContext(ctx, "delivery failed", "sink", d.Sink, "delivery", d.ID, "attempt", d.Attempts, "error", err)
	return s.DB.DeliveryFailed(ctx, d.ID, err, errors.Is(err, ErrGiveUp))
}
