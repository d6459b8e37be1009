package v2

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/web"
)

// A Subscription says what a user hears of.
type Subscription struct {
	ID         int64  `json:"id"`
	Sink       string `json:"sink" doc:"by which it is told: mail, or hook for the user's own"`
	Scope      string `json:"scope" doc:"package, group, owner, collection, buildroot or update"`
	Name       string `json:"name"`
	Collection string `json:"collection,omitempty" doc:"only what happens in it"`
	Tell       string `json:"tell" doc:"broken, mended or all"`
	Pace       string `json:"pace" doc:"at once, daily or weekly"`
	Together   bool   `json:"together" doc:"one letter for many packages with one cause"`
}

// A NewSubscription is what a user is to hear of.
type NewSubscription struct {
	Scope      *string `json:"scope" required:"true" doc:"package, group, owner, collection, buildroot or update"`
	Sink       string  `json:"sink,omitempty" doc:"mail or hook; mail if it is not given"`
	Name       *string `json:"name" required:"true"`
	Collection string  `json:"collection,omitempty"`
	Tell       string  `json:"tell,omitempty" doc:"broken, mended or all; mended if it is not given"`
	Pace       string  `json:"pace,omitempty" doc:"at once, daily or weekly; at once if it is not given"`
	Apart      bool    `json:"apart,omitempty" doc:"a letter for each package"`
}

type newSubscriptionAsked struct{ Body NewSubscription }

type subscriptionEnded struct {
	ID int64 `path:"id" min:"1"`
}

// A Silence is until when a user hears nothing of something.
type Silence struct {
	What  *koschei.SilenceKind `json:"what" required:"true" doc:"package, group, or cause"`
	Name  *string              `json:"name" required:"true" doc:"a cause is written as in letters"`
	Until *time.Time           `json:"until" required:"true"`
}

type silenceAsked struct{ Body Silence }

type silenceEnded struct {
	What string `query:"what" enum:"package,group,cause"`
	Name string `query:"name"`
}

// A Hook is the web hook of a user.
type Hook struct {
	URL      string    `json:"url"`
	Secret   string    `json:"secret" doc:"that calls are signed with"`
	Disabled time.Time `json:"disabled,omitzero" doc:"since when it is called no more"`
	Reason   string    `json:"reason,omitempty"`
}

// A NewHook is where a user is to be called.
type NewHook struct {
	URL *string `json:"url" required:"true"`
}

type hookAsked struct{ Body NewHook }

func (a *API) addSubscriptions() {
	add(a, http.MethodGet, "/subscriptions", "What the sender hears of", func(r *web.Request, _ *nothing) (ListOf[Subscription], error) {
		all, err := r.View.People.Subscriptions(r.Context(), r.Actor.Name)
		return ListOf[Subscription]{Items: each(all, func(s *koschei.Subscription) Subscription {
			return Subscription{s.ID, s.Sink, string(s.Scope), s.Name, s.Collection, string(s.Tell), string(s.Pace), s.Together}
		})}, err
	}, signedIn(koschei.TokenFollow), fresh)
	add(a, http.MethodPost, "/subscriptions", "Hear of something by mail, or of it in another way", doing(subscribe), signedIn(koschei.TokenFollow))
	add(a, http.MethodGet, "/silences", "What the sender hears nothing of for a while", getSilences, signedIn(koschei.TokenFollow), fresh)
	add(a, http.MethodPut, "/silences", "Hear nothing of something for a while", doing(silence), signedIn(koschei.TokenFollow))
	add(a, http.MethodDelete, "/silences", "Hear of something again", doing(func(r *web.Request, as audit.Act, in *silenceEnded) ([]string, error) {
		return r.Edit.Accounts.Silence(r.Context(), as, koschei.Silence{User: r.Actor.Name, What: koschei.SilenceKind(in.What), Name: in.Name})
	}), signedIn(koschei.TokenFollow))
	add(a, http.MethodPost, "/subscriptions/mail", "Have mail be sent to the sender again after the address was refused", doing(func(r *web.Request, as audit.Act, _ *nothing) ([]string, error) {
		return r.Edit.Accounts.EnableMail(r.Context(), as, r.Actor.Name)
	}), signedIn(koschei.TokenFollow))
	add(a, http.MethodGet, "/hook", "The sender's web hook", getHook, signedIn(koschei.TokenFollow), fresh)
	add(a, http.MethodPut, "/hook", "Have the sender be called at an address, or with an empty one nowhere", doing(func(r *web.Request, as audit.Act, in *hookAsked) ([]string, error) {
		return r.Edit.Accounts.SetHook(r.Context(), as, r.Actor.Name, *in.Body.URL)
	}), signedIn(koschei.TokenFollow))
	add(a, http.MethodPost, "/hook/secret", "Give the sender's web hook a new secret", doing(func(r *web.Request, as audit.Act, _ *nothing) ([]string, error) {
		return r.Edit.Accounts.RotateHook(r.Context(), as, r.Actor.Name)
	}), signedIn(koschei.TokenFollow))
	add(a, http.MethodDelete, "/subscriptions/{id}", "Hear of something no more", doing(func(r *web.Request, as audit.Act, in *subscriptionEnded) ([]string, error) {
		return r.Edit.Accounts.Unsubscribe(r.Context(), as, r.Actor.Name, in.ID)
	}), signedIn(koschei.TokenFollow))
}

func subscribe(r *web.Request, as audit.Act, in *newSubscriptionAsked) ([]string, error) {
	b := &in.Body
	s := koschei.Subscription{
		User: r.Actor.Name, Sink: cmp.Or(b.Sink, koschei.SinkMail), Scope: koschei.Scope(*b.Scope), Name: *b.Name, Collection: b.Collection,
		Tell: koschei.TellMended, Pace: koschei.AtOnce, Together: !b.Apart,
	}
	if b.Tell != "" {
		s.Tell = koschei.Tell(b.Tell)
	}
	if b.Pace != "" {
		s.Pace = koschei.Pace(b.Pace)
	}
	return r.Edit.Accounts.Subscribe(r.Context(), as, s)
}

func getSilences(r *web.Request, _ *nothing) (ListOf[Silence], error) {
	reader, err := r.View.People.Reader(r.Context(), r.Actor.Name, r.Now)
	if err != nil {
		return ListOf[Silence]{}, err
	}
	return ListOf[Silence]{Items: each(reader.Silences, func(s *koschei.Silence) Silence { return Silence{&s.What, &s.Name, &s.Until} })}, nil
}

func silence(r *web.Request, as audit.Act, in *silenceAsked) ([]string, error) {
	b := &in.Body
	if !b.Until.After(as.Now) {
		return nil, invalid("until must be later than now")
	}
	return r.Edit.Accounts.Silence(r.Context(), as, koschei.Silence{User: r.Actor.Name, What: *b.What, Name: *b.Name, Until: *b.Until})
}

func getHook(r *web.Request, _ *nothing) (Hook, error) {
	reader, err := r.View.People.Reader(r.Context(), r.Actor.Name, r.Now)
	if err != nil {
		return Hook{}, err
	}
	if reader.Hook == "" {
		return Hook{}, fmt.Errorf("a web hook of user %s %w", r.Actor.Name, koschei.ErrNotFound)
	}
	return Hook{reader.Hook, reader.HookSecret, reader.HookDisabled, reader.HookReason}, nil
}
