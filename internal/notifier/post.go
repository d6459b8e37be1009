package notifier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/letter"
)

// A Post is a Sink that tells users what they have subscribed to.
type Post interface {
	Sink
	// SendLetter sends a letter. It is tried again unless its error wraps ErrGiveUp.
	SendLetter(ctx context.Context, l *koschei.Letter) error
}

// ErrRefused is wrapped by errors of Post.SendLetter that say that the reader's
// address is the reason. It wraps ErrGiveUp.
var ErrRefused = fmt.Errorf("%w: the address is refused", ErrGiveUp)

// mostRefused is after how many attempts a letter is given up that the server
// refuses for now: about three days, as mail servers do it.
const mostRefused = mostAttempts

// await writes down what subscriptions ask for of the events that are new.
func (s *Service) await(ctx context.Context, post Post) error {
	for {
		looked, err := s.DB.NewEvents(ctx, post.Name(), lookedAtOnce)
		if err != nil || len(looked) == 0 {
			return err
		}
		now := s.Clock.Now()
		wanted, err := s.DB.Wants(ctx, post.Name(), looked, now)
		if err != nil {
			return err
		}
		for i := range wanted {
			w := &wanted[i]
			wait := max(s.heldUntil(w.Event).Sub(now), w.Subscription.Pace.Wait(now))
			w.Wait = max(s.Clock.Real(wait), s.Gather)
		}
		if err := s.DB.Await(ctx, post.Name(), looked, wanted); err != nil {
			return err
		}
	}
}

// compose writes the letters that are due.
func (s *Service) compose(ctx context.Context, post Post) error {
	readers, err := s.DB.Readers(ctx, post.Name())
	if err != nil {
		return err
	}
	for _, user := range readers {
		if err := s.DB.Compose(ctx, post.Name(), user, letter.Compose); err != nil {
			return err
		}
	}
	return nil
}

// letterSender returns what sends the letter of a delivery.
func (s *Service) letterSender(ctx context.Context, post Post, d *koschei.Delivery) (func(context.Context) error, error) {
	l, err := s.DB.Letter(ctx, d)
	if errors.Is(err, koschei.ErrNotFound) {
		return func(context.Context) error { return fmt.Errorf("%w: nobody waits for it any more", ErrGiveUp) }, nil
	}
	if err != nil {
		return nil, err
	}
	return func(sending context.Context) error {
		if l.Refused != "" {
			return fmt.Errorf("%w, and nothing is sent to it any more: %s", ErrGiveUp, l.Refused)
		}
		err := post.SendLetter(sending, l)
		if err != nil && d.Attempts >= mostRefused && !errors.Is(err, ErrGiveUp) {
			err = fmt.Errorf("%w after %d attempts: %w", ErrGiveUp, d.Attempts, err)
		}
		s.noteAddress(ctx, post, l, err)
		return err
	}, nil
}

// noteAddress writes down whether a reader's address takes letters. If that fails,
// the next letter shows it again.
func (s *Service) noteAddress(ctx context.Context, post Post, l *koschei.Letter, failure error) {
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	user := l.Subscription.User
	var err error
	switch {
	case post.Name() == koschei.SinkHook:
		if errors.Is(failure, ErrGiveUp) { // it wants no more, or has not answered for days
			err = s.DB.HookRefused(noting, user, failure.Error())
		}
	case failure == nil:
		err = s.DB.MailTaken(noting, user)
	case errors.Is(failure, ErrRefused):
		var disabled bool
		if disabled, err = s.DB.MailRefused(noting, user, failure.Error()); disabled {
			s.Log.WarnContext(ctx, "address disabled", "error", failure)
		}
	}
	if err != nil {
		s.Log.WarnContext(ctx, "what an address did cannot be noted", "error", err)
	}
}

// DefaultGather is the real time for which what is to be told is collected, so that
// what breaks together is told together.
const DefaultGather = time.Minute
