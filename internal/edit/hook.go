package edit

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// longestHook bounds the address of a web hook.
const longestHook = 2000

// SetHook has a user be called at an address, from now on even if it was given up, or
// with "" nowhere. An address that is new gets a new secret. Which addresses may be
// called is decided when they are.
func (ed *Accounts) SetHook(ctx context.Context, act audit.Act, user, address string) ([]string, error) {
	return ed.change(ctx, act, ofUser(user), func(tx pgx.Tx, log *audit.Log) error {
		id, err := ensureUser(ctx, tx, user)
		if err != nil {
			return err
		}
		if address == "" {
			tag, err := tx.Exec(ctx, `DELETE FROM hook WHERE user_id = $1`, id)
			if err != nil {
				return fmt.Errorf("removing the web hook of user %s: %w", user, err)
			}
			if tag.RowsAffected() > 0 {
				log.Add("", "", "user %s has no web hook any more", user)
			}
			return nil
		}
		if err := checkHook(address); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO hook AS h (user_id, url, secrets)
			VALUES ($1, $2, $3)
			ON CONFLICT (user_id) DO UPDATE
			SET url = $2, secrets = CASE WHEN h.url = $2 THEN h.secrets ELSE $3 END, reason = '', disabled = NULL
			WHERE h.url <> $2 OR h.disabled IS NOT NULL`, id, address, newHookSecret())
		if err != nil {
			return fmt.Errorf("storing the web hook of user %s: %w", user, err)
		}
		if tag.RowsAffected() > 0 {
			log.Add("", "", "user %s is called by a web hook", user)
		}
		return nil
	})
}

// RotateHook gives the web hook of a user a new secret. Calls are signed with the one
// before, too.
func (ed *Accounts) RotateHook(ctx context.Context, act audit.Act, user string) ([]string, error) {
	return ed.change(ctx, act, ofUser(user), func(tx pgx.Tx, log *audit.Log) error {
		tag, err := tx.Exec(ctx, `
			UPDATE hook h
			SET secrets = $2 || E'\n' || split_part(h.secrets, E'\n', 1)
			FROM users u
			WHERE u.id = h.user_id AND u.name = $1`, user, newHookSecret())
		if err != nil {
			return fmt.Errorf("storing a secret of user %s: %w", user, err)
		}
		if tag.RowsAffected() == 0 {
			return fmt.Errorf("a web hook of user %s %w", user, koschei.ErrNotFound)
		}
		log.Add("", "", "the web hook of user %s has a new secret", user)
		return nil
	})
}

func newHookSecret() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // it never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(random[:])
}

func checkHook(address string) error {
	u, err := url.Parse(address)
	if err != nil || len(address) > longestHook || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("a web hook must be an address that begins with https://, without user, password and #: %w", koschei.ErrInvalid)
	}
	return nil
}
