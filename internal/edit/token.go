package edit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/session"
)

const (
	mostTokens   = 50                   // that a user may have
	longestToken = 366 * 24 * time.Hour // that one may last
)

// A TokenWish says what a token is to be.
type TokenWish struct {
	User   string
	Name   string // what its user calls it
	Scopes []koschei.TokenScope
	Made   time.Time // real time
	Ends   time.Time // real time
}

// CreateToken makes a token for a user, who is made if need be. It is returned this
// once: what is stored is a hash. Of a dry run it is "". An error wraps koschei.ErrExists
// if the user has a token of that name.
func (ed *Accounts) CreateToken(ctx context.Context, act audit.Act, w TokenWish) (token string, changes []string, err error) {
	secret, stored := session.NewSecret()
	changes, err = ed.change(ctx, act, w.right, func(tx pgx.Tx, log *audit.Log) error {
		if err := w.validate(); err != nil {
			return err
		}
		user, err := ensureUser(ctx, tx, w.User)
		if err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM token WHERE user_id = $1`, user).Scan(&n); err != nil {
			return fmt.Errorf("counting the tokens of user %s: %w", w.User, err)
		}
		if n >= mostTokens {
			return fmt.Errorf("user %s has %d tokens already, which is the most there may be: %w", w.User, n, koschei.ErrInvalid)
		}
		var id int64
		err = tx.QueryRow(ctx, `
			INSERT INTO token (hash, user_id, name, scopes, made, ends)
			VALUES (@hash, @user, @name, @scopes, @made, @ends)
			RETURNING id`, pgx.NamedArgs{
			"hash": stored, "user": user, "name": w.Name, "scopes": w.Scopes, "made": w.Made, "ends": w.Ends,
		}).Scan(&id)
		switch {
		case postgres.Violates(err, "token_user_id_name_key"):
			return fmt.Errorf("token %q of user %s %w", w.Name, w.User, koschei.ErrExists)
		case err != nil:
			return fmt.Errorf("storing a token of user %s: %w", w.User, err)
		}
		token = session.TokenText(id, secret)
		log.AddField(audit.Field{Object: "user " + w.User}, "token %q of user %s made: %s, until %s",
			w.Name, w.User, joined(w.Scopes), w.Ends.UTC().Format("2006-01-02"))
		return nil
	})
	if err != nil || act.DryRun {
		token = ""
	}
	return token, changes, err
}

// right is the right to a token: one's own, and those of administrators by them.
func (w *TokenWish) right(a koschei.Actor) error {
	if err := ofUser(w.User)(a); err != nil {
		return err
	}
	if slices.Contains(w.Scopes, koschei.TokenAdmin) && !a.Admin {
		return koschei.Refusal(koschei.ErrForbidden, "only administrators may make tokens of scope admin")
	}
	return nil
}

func (w *TokenWish) validate() error {
	if err := koschei.ValidateTokenScopes(w.Scopes); err != nil {
		return err
	}
	switch lasts := w.Ends.Sub(w.Made); {
	case strings.TrimSpace(w.Name) == "" || len(w.Name) > 100 || strings.ContainsFunc(w.Name, unicode.IsControl):
		return fmt.Errorf("the name of a token must have from 1 to 100 bytes and no line breaks: %w", koschei.ErrInvalid)
	case lasts <= 0:
		return fmt.Errorf("the token would have ended at %s already: %w", w.Ends.UTC().Format("2006-01-02 15:04"), koschei.ErrInvalid)
	case lasts > longestToken:
		return fmt.Errorf("a token may last %d days at most: %w", int(longestToken.Hours()/24), koschei.ErrInvalid)
	}
	return nil
}

func joined(scopes []koschei.TokenScope) string {
	var words []string
	for _, s := range scopes {
		words = append(words, string(s))
	}
	return strings.Join(words, ", ")
}

// RevokeToken ends a token of a user.
func (ed *Accounts) RevokeToken(ctx context.Context, act audit.Act, user string, id int64) ([]string, error) {
	return ed.change(ctx, act, ofUser(user), func(tx pgx.Tx, log *audit.Log) error {
		var name string
		err := tx.QueryRow(ctx, `
			DELETE FROM token t
			USING users u
			WHERE u.id = t.user_id AND t.id = $1 AND u.name = $2
			RETURNING t.name`, id, user).Scan(&name)
		if err != nil {
			return postgres.NotFound(err, "token %d of user %s", id, user)
		}
		log.AddField(audit.Field{Object: "user " + user}, "token %q of user %s revoked", name, user)
		return nil
	})
}
