package edit

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// mostSubscriptions is how many subscriptions a user may have.
const mostSubscriptions = 500

// Subscribe has a user, who is made if need be, hear of something, or hear of it
// in another way than before. An error wraps koschei.ErrNotFound if what is to be
// followed is not there. People who are not known to us may be followed: who owns
// packages may change any day.
func (ed *Accounts) Subscribe(ctx context.Context, act audit.Act, s koschei.Subscription) ([]string, error) {
	return ed.change(ctx, act, subscribe(&s), func(tx pgx.Tx, log *audit.Log) error {
		if err := s.Validate(); err != nil {
			return err
		}
		if err := followable(ctx, tx, &s); err != nil {
			return err
		}
		user, err := ensureUser(ctx, tx, s.User)
		if err != nil {
			return err
		}
		if err := needHook(ctx, tx, user, &s); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO subscription AS old (user_id, sink, scope, name, collection, tell, pace, together, token)
			SELECT @user, @sink, @scope, @name, @collection, @tell, @pace, @together, @token
			WHERE (SELECT count(*) FROM subscription WHERE user_id = @user) < @most
			ON CONFLICT (user_id, sink, scope, name, collection) DO UPDATE
			SET tell = excluded.tell, pace = excluded.pace, together = excluded.together
			WHERE (old.tell, old.pace, old.together) IS DISTINCT FROM (excluded.tell, excluded.pace, excluded.together)`, pgx.NamedArgs{
			"user": user, "sink": s.Sink, "scope": s.Scope, "name": s.Name, "collection": s.Collection, "tell": s.Tell,
			"pace": s.Pace, "together": s.Together, "token": rand.Text() + rand.Text(), "most": mostSubscriptions,
		})
		if err != nil {
			return fmt.Errorf("storing a subscription of %s: %w", s.User, err)
		}
		if tag.RowsAffected() > 0 {
			log.Add(s.Collection, "", "user %s follows %s by %s: %s, %s", s.User, s.Followed(), s.Sink, s.Tell, s.Pace)
			return nil
		}
		return needSubscription(ctx, tx, user, &s)
	})
}

// needHook returns an error if a subscription is by a web hook that is not there.
func needHook(ctx context.Context, tx pgx.Tx, user int64, s *koschei.Subscription) error {
	if s.Sink != koschei.SinkHook {
		return nil
	}
	var there bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM hook WHERE user_id = $1)`, user).Scan(&there); err != nil {
		return fmt.Errorf("looking for the web hook of user %s: %w", s.User, err)
	}
	if !there {
		return fmt.Errorf("user %s has no web hook yet: %w", s.User, koschei.ErrInvalid)
	}
	return nil
}

// needSubscription returns an error if a subscription was not stored because there
// are too many.
func needSubscription(ctx context.Context, tx pgx.Tx, user int64, s *koschei.Subscription) error {
	var there bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT
			FROM subscription
			WHERE user_id = @user AND sink = @sink AND scope = @scope AND name = @name AND collection = @collection)`, pgx.NamedArgs{
		"user": user, "sink": s.Sink, "scope": s.Scope, "name": s.Name, "collection": s.Collection,
	}).Scan(&there)
	if err == nil && !there {
		return fmt.Errorf("user %s has %d subscriptions already, which is the most there may be: %w", s.User, mostSubscriptions, koschei.ErrInvalid)
	}
	return err
}

// subscribe is the right to a subscription: by mail or one's own web hook, for oneself.
// Other sinks reach others, so they are for administrators.
func subscribe(s *koschei.Subscription) right {
	return func(a koschei.Actor) error {
		if s.Sink != koschei.SinkMail && s.Sink != koschei.SinkHook && !a.Admin {
			return koschei.Refusal(koschei.ErrForbidden, "only administrators may subscribe by something else than mail and web hook")
		}
		return ofUser(s.User)(a)
	}
}

// ofUser is the right to what is a user's own.
func ofUser(user string) right {
	return func(a koschei.Actor) error {
		if a.Admin || a.Name != "" && a.Name == user {
			return nil
		}
		return koschei.Refusal(koschei.ErrForbidden, fmt.Sprintf("only user %s and administrators may do this", user))
	}
}

// followable returns an error if what a subscription is about is not there.
func followable(ctx context.Context, tx pgx.Tx, s *koschei.Subscription) error {
	var pkg, collection, group bool
	namespace, name, found := strings.Cut(s.Name, "/")
	if !found {
		namespace, name = "", s.Name
	}
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM base_package WHERE name = $1),
			EXISTS (SELECT FROM collection WHERE name = $1),
			EXISTS (SELECT FROM package_group WHERE namespace = $2 AND name = $3)`, s.Name, namespace, name).Scan(&pkg, &collection, &group)
	if err != nil {
		return fmt.Errorf("looking up %s %s: %w", s.Scope, s.Name, err)
	}
	switch s.Scope {
	case koschei.ScopePackage:
		found = pkg
	case koschei.ScopeGroup:
		found = group
	case koschei.ScopeCollection, koschei.ScopeBuildroot:
		found = collection
	default:
		found = true
	}
	if !found {
		return fmt.Errorf("%s %w", s.Followed(), koschei.ErrNotFound)
	}
	if s.Collection == "" {
		return nil
	}
	err = tx.QueryRow(ctx, `SELECT name FROM collection WHERE name = $1`, s.Collection).Scan(&name)
	return postgres.NotFound(err, "collection %s", s.Collection)
}

// Unsubscribe ends a subscription of a user. What it asked for and was not sent yet
// is not sent any more.
func (ed *Accounts) Unsubscribe(ctx context.Context, act audit.Act, user string, id int64) ([]string, error) {
	return ed.change(ctx, act, ofUser(user), func(tx pgx.Tx, log *audit.Log) error {
		var token string
		err := tx.QueryRow(ctx, `
			SELECT s.token
			FROM subscription s
			JOIN users u ON u.id = s.user_id
			WHERE s.id = $1 AND u.name = $2`, id, user).Scan(&token)
		if err != nil {
			return postgres.NotFound(err, "subscription %d of user %s", id, user)
		}
		return endSubscription(ctx, tx, log, token)
	})
}

// UnsubscribeByToken ends the subscription whose token somebody knows, whoever that
// is: every letter has a link with it.
func (ed *Accounts) UnsubscribeByToken(ctx context.Context, act audit.Act, token string) ([]string, error) {
	return ed.change(ctx, act, everybody, func(tx pgx.Tx, log *audit.Log) error {
		return endSubscription(ctx, tx, log, token)
	})
}

// everybody is the right to what is protected otherwise.
func everybody(koschei.Actor) error { return nil }

func endSubscription(ctx context.Context, tx pgx.Tx, log *audit.Log, token string) error {
	var s koschei.Subscription
	err := tx.QueryRow(ctx, `
		SELECT s.id, u.name, s.sink, s.scope, s.name, s.collection
		FROM subscription s
		JOIN users u ON u.id = s.user_id
		WHERE s.token = $1
		FOR UPDATE OF s`, token).Scan(&s.ID, &s.User, &s.Sink, &s.Scope, &s.Name, &s.Collection)
	if err != nil {
		return postgres.NotFound(err, "this subscription")
	}
	_, err = tx.Exec(ctx, `
		DELETE FROM delivery d
		USING letter l
		WHERE l.delivery_id = d.id AND l.subscription_id = $1 AND d.sent IS NULL`, s.ID)
	if err != nil {
		return fmt.Errorf("withdrawing letters of subscription %d: %w", s.ID, err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM subscription WHERE id = $1`, s.ID); err != nil {
		return fmt.Errorf("ending subscription %d: %w", s.ID, err)
	}
	log.Add(s.Collection, "", "user %s no longer follows %s by %s", s.User, s.Followed(), s.Sink)
	return nil
}

// Silence has a user hear nothing of something until a time, or hear of it again if
// the time is not after that of the act. What happens meanwhile the user is never
// told of.
func (ed *Accounts) Silence(ctx context.Context, act audit.Act, s koschei.Silence) ([]string, error) {
	return ed.change(ctx, act, ofUser(s.User), func(tx pgx.Tx, log *audit.Log) error {
		const longest = 1000
		if !slices.Contains(koschei.SilenceKinds(), s.What) {
			return fmt.Errorf("%q cannot be silenced, but packages, groups and causes: %w", s.What, koschei.ErrInvalid)
		}
		if s.Name == "" || len(s.Name) > longest {
			return fmt.Errorf("the name of a %s must have from 1 to %d bytes: %w", s.What, longest, koschei.ErrInvalid)
		}
		user, err := ensureUser(ctx, tx, s.User)
		if err != nil {
			return err
		}
		if !s.Until.After(act.Now) {
			tag, err := tx.Exec(ctx, `DELETE FROM silence WHERE user_id = $1 AND what = $2 AND name = $3`, user, s.What, s.Name)
			if err != nil {
				return fmt.Errorf("ending the silence about %s %s: %w", s.What, s.Name, err)
			}
			if tag.RowsAffected() > 0 {
				log.Add("", "", "user %s hears of %s %s again", s.User, s.What, s.Name)
			}
			return nil
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO silence (user_id, what, name, until)
			VALUES ($1, $2, $3, $4)
			ON CONFLICT (user_id, what, name) DO UPDATE SET until = excluded.until`, user, s.What, s.Name, s.Until)
		if err != nil {
			return fmt.Errorf("storing the silence about %s %s: %w", s.What, s.Name, err)
		}
		log.Add("", "", "user %s hears nothing of %s %s until %s", s.User, s.What, s.Name, s.Until.UTC().Format("2006-01-02"))
		return nil
	})
}

// SetAddress has mail to a user go to an address, or with "" to the one that the
// configuration says, from now on even if it was refused before. Nobody shows that
// an address is theirs, so it takes an administrator.
func (ed *Accounts) SetAddress(ctx context.Context, act audit.Act, user, address string) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		if address != "" {
			a, err := mail.ParseAddress(address)
			if err != nil || a.Name != "" || len(address) > 254 {
				return fmt.Errorf("%q is no address such as alice@example.org: %w", address, koschei.ErrInvalid)
			}
			address = a.Address
		}
		id, err := ensureUser(ctx, tx, user)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO mailbox (user_id, address)
			VALUES ($1, $2)
			ON CONFLICT (user_id) DO UPDATE SET address = $2, refused = 0, bounces = 0, reason = '', disabled = NULL`, id, address)
		if err != nil {
			return fmt.Errorf("storing the address of user %s: %w", user, err)
		}
		if address == "" {
			log.Add("", "", "mail to user %s goes to the usual address", user)
		} else {
			log.Add("", "", "mail to user %s goes to an address of their own", user)
		}
		return nil
	})
}

// EnableMail has mail be sent to a user again after the address was refused too
// often.
func (ed *Accounts) EnableMail(ctx context.Context, act audit.Act, user string) ([]string, error) {
	return ed.change(ctx, act, ofUser(user), func(tx pgx.Tx, log *audit.Log) error {
		tag, err := tx.Exec(ctx, `
			UPDATE mailbox m
			SET refused = 0, bounces = 0, reason = '', disabled = NULL
			FROM users u
			WHERE u.id = m.user_id AND u.name = $1 AND m.disabled IS NOT NULL`, user)
		if err != nil {
			return fmt.Errorf("having mail be sent to user %s again: %w", user, err)
		}
		if tag.RowsAffected() > 0 {
			log.Add("", "", "mail is sent to user %s again", user)
		}
		return nil
	})
}
