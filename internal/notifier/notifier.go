package notifier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/record/deliver"
)

// A Sink is a way by which events leave. It is either a Broadcast or a Post.
type Sink interface {
	// Name tells sinks apart, in the record too. A sink of another name begins
	// anew, with what happens from then on.
	Name() string
	// Ping tells the receiver that somebody is there.
	Ping(ctx context.Context) error
	// Heartbeat is the real time between two pings; 0 if there are none.
	Heartbeat() time.Duration
}

// A Broadcast is a Sink that tells one receiver of events, each by itself.
type Broadcast interface {
	Sink
	// Keys returns a key for each delivery that an event asks for, none if nobody
	// is to be told. A key is never delivered twice, so it tells the event and
	// who is told.
	Keys(e *koschei.Event) []string
	// Send delivers. It is tried again unless its error wraps ErrGiveUp. where is
	// what the record says of the place of the event now. Several are sent at the
	// same time.
	Send(ctx context.Context, d *koschei.Delivery, where *koschei.EventPlace) error
}

// A Patient is a Broadcast that decides itself how long it waits.
type Patient interface {
	// HeldUntil is the domain time until which an event is not told. What takes it
	// back until then is told as little as it is. It is zero for what is told at once.
	HeldUntil(e *koschei.Event) time.Time
}

// A Judge is a Sink that has to find out whether there is news. What it finds it
// writes down as events.
type Judge interface {
	// Judge is called at each pass, with domain time.
	Judge(ctx context.Context, now time.Time) error
}

// ErrGiveUp is wrapped by errors of sending after which another try is of no
// use: the receiver will never take this.
var ErrGiveUp = errors.New("given up")

const (
	lookedAtOnce = 1000 // events
	sentAtOnce   = 10   // deliveries by one sink of one process

	// Real times. A delivery comes again after firstRetry at the earliest, which
	// is longer than one may take.
	firstRetry  = 30 * time.Second
	sendTimeout = 10 * time.Second
	noteTimeout = 5 * time.Second

	// passTime is how long a sink goes on before its loop begins anew.
	passTime = 10 * time.Minute
)

// A Service delivers events by some sinks.
type Service struct {
	DB      *deliver.Deliveries
	Sinks   []Sink
	Clock   koschei.Clock // of domain time
	Quiet   time.Duration // domain time for which breakage of dependencies is held; see heldUntil
	Gather  time.Duration // real time for which what letters tell is collected
	Log     *slog.Logger
	Metrics *Metrics

	rests rest
}

// Run delivers until ctx ends. Each sink has a loop of its own, made like l, so
// that none waits for another.
func (s *Service) Run(ctx context.Context, l *loop.Loop) {
	var loops sync.WaitGroup
	bells := make([]chan struct{}, len(s.Sinks))
	for i, sink := range s.Sinks {
		bells[i] = make(chan struct{}, 1)
		own := &loop.Loop{
			Name: l.Name, Interval: l.Interval, Clock: l.Clock, Passes: l.Passes, Wake: bells[i], Log: l.Log, Metrics: l.Metrics,
		}
		loops.Go(func() { own.Run(ctx, func(ctx context.Context) error { return s.serve(ctx, sink) }) })
	}
	ringing, stop := context.WithCancel(ctx)
	var ringer sync.WaitGroup
	ringer.Go(func() { ringAll(ringing, l.Wake, bells) })
	loops.Wait()
	stop()
	ringer.Wait()
}

// ringAll rings all bells whenever one rings, until ctx ends.
func ringAll(ctx context.Context, wake <-chan struct{}, bells []chan struct{}) {
	for {
		select {
		case <-wake:
		case <-ctx.Done():
			return
		}
		for _, bell := range bells {
			select {
			case bell <- struct{}{}:
			default: // it has not woken since it rang
			}
		}
	}
}

// serve delivers what there is to deliver by a sink. It returns the errors of the
// record; that a delivery failed is written down and no error of the pass.
func (s *Service) serve(ctx context.Context, sink Sink) error {
	err := s.prepare(ctx, sink)
	for end := time.Now().Add(passTime); err == nil && time.Now().Before(end) && !s.rests.lasts(sink.Name()); {
		began := time.Now()
		var claimed []koschei.Delivery
		claimed, err = s.DB.ClaimDeliveries(ctx, sink.Name(), sentAtOnce, firstRetry)
		if err != nil || len(claimed) == 0 {
			break
		}
		var failed int
		failed, err = s.deliverAll(ctx, sink, claimed, began.Add(sendTimeout))
		if failed == len(claimed) {
			break // it is down: the next pass tries some others
		}
	}
	if err != nil {
		return fmt.Errorf("sink %s: %w", sink.Name(), err)
	}
	return nil
}

// prepare makes sure that the record knows the sink, and what it is to deliver.
func (s *Service) prepare(ctx context.Context, sink Sink) error {
	if err := s.DB.OpenSink(ctx, sink.Name(), s.Clock.Now()); err != nil {
		return err
	}
	if err := s.beat(ctx, sink); err != nil {
		return err
	}
	if judge, is := sink.(Judge); is {
		if err := judge.Judge(ctx, s.Clock.Now()); err != nil {
			return err
		}
	}
	switch sink := sink.(type) {
	case Broadcast:
		return s.look(ctx, sink)
	case Post:
		return errors.Join(s.await(ctx, sink), s.compose(ctx, sink))
	default:
		return fmt.Errorf("cannot happen: %T tells nobody", sink)
	}
}

// beat tells the receiver that somebody is there, if it is time.
func (s *Service) beat(ctx context.Context, sink Sink) error {
	if sink.Heartbeat() == 0 {
		return nil
	}
	due, err := s.DB.Beat(ctx, sink.Name(), sink.Heartbeat())
	if err != nil || !due {
		return err
	}
	sending, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := sink.Ping(sending); err != nil {
		s.Log.WarnContext(ctx, "heartbeat failed", "sink", sink.Name(), "error", err)
	}
	return nil
}

// look writes down what is to be delivered of the events that are new.
func (s *Service) look(ctx context.Context, sink Broadcast) error {
	for {
		looked, err := s.DB.NewEvents(ctx, sink.Name(), lookedAtOnce)
		if err != nil || len(looked) == 0 {
			return err
		}
		now := s.Clock.Now()
		for i := range looked {
			p := &looked[i]
			p.Keys = sink.Keys(&p.Event)
			until := s.heldUntil(&p.Event)
			if patient, is := sink.(Patient); is {
				until = patient.HeldUntil(&p.Event)
			}
			if until.After(now) {
				p.HeldUntil, p.Wait = until, s.Clock.Real(until.Sub(now))
			} else if !until.IsZero() {
				p.HeldUntil = until
			}
		}
		if err := s.DB.Deliver(ctx, sink.Name(), looked); err != nil {
			return err
		}
	}
}

// heldUntil is the domain time until which an event is not told, because it is of
// a kind that is often taken back soon: a dependency that a repo lacks is in the
// next one. It is zero if the event is told at once.
func (s *Service) heldUntil(e *koschei.Event) time.Time {
	held := false
	switch e.Kind {
	case koschei.EventPackageState, koschei.EventCollectionState, koschei.EventCulprit:
		held = koschei.State(e.After) == koschei.StateUnresolved
	case koschei.EventUpdate:
		held = e.After == koschei.UpdateBroken
	}
	if !held || s.Quiet <= 0 {
		return time.Time{}
	}
	return e.At.Add(s.Quiet)
}

// deliverAll sends deliveries, all at the same time, until a deadline, and writes
// down what became of them.
func (s *Service) deliverAll(ctx context.Context, sink Sink, claimed []koschei.Delivery, deadline time.Time) (failed int, err error) {
	sending, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	var wg sync.WaitGroup
	var notSent atomic.Int64
	errs := make([]error, len(claimed))
	for i := range claimed {
		wg.Go(func() {
			d := &claimed[i]
			began := time.Now()
			send, err := s.sender(ctx, sink, d)
			if err != nil {
				errs[i] = err
				return
			}
			err = send(sending)
			if err != nil {
				notSent.Add(1)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("no answer within %v", sendTimeout)
			}
			errs[i] = s.note(ctx, d, err, time.Since(began))
		})
	}
	wg.Wait()
	return int(notSent.Load()), errors.Join(errs...)
}

// sender reads from the record what a delivery takes and returns what sends it.
func (s *Service) sender(ctx context.Context, sink Sink, d *koschei.Delivery) (func(context.Context) error, error) {
	switch sink := sink.(type) {
	case Broadcast:
		where, err := s.DB.EventPlace(ctx, &d.Event)
		return func(sending context.Context) error { return sink.Send(sending, d, where) }, err
	case Post:
		return s.letterSender(ctx, sink, d)
	default:
		return nil, fmt.Errorf("cannot happen: %T tells nobody", sink)
	}
}

// note writes down what became of a delivery, even if ctx has ended since it was
// sent. One that ctx ended comes again.
func (s *Service) note(ctx context.Context, d *koschei.Delivery, failure error, took time.Duration) error {
	if failure != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	if failure == nil {
		s.Metrics.count(d.Sink, "sent", took)
		return s.DB.DeliverySent(noting, d.ID)
	}
	var later *laterError
	var wait time.Duration
	if errors.As(failure, &later) {
		if wait = later.after; !later.alone {
			s.rests.begin(d.Sink, wait)
		}
	}
	gaveUp := errors.Is(failure, ErrGiveUp)
	outcome := "failed"
	if gaveUp {
		outcome = "given_up"
	}
	s.Metrics.count(d.Sink, outcome, took)
	s.Log.WarnContext(ctx, "delivery failed", "sink", d.Sink, "delivery", d.ID, "attempt", d.Attempts, "outcome", outcome, "error", failure)
	return s.DB.DeliveryFailed(noting, d.ID, failure, gaveUp, wait)
}
