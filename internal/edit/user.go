package edit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// SetAdmin gives a user, who is made if need be, the rights of an
// administrator, or takes them away from one there is.
func (ed *Accounts) SetAdmin(ctx context.Context, act audit.Act, user string, admin bool) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		id, err := userFor(ctx, tx, user, admin)
		if err != nil {
			return err
		}
		_, err = setAdmin(ctx, tx, log, id, user, admin)
		return err
	})
}

func setAdmin(ctx context.Context, tx pgx.Tx, log *audit.Log, id int64, user string, admin bool) (changed bool, err error) {
	tag, err := tx.Exec(ctx, `UPDATE users SET admin = $2 WHERE id = $1 AND admin <> $2`, id, admin)
	if err != nil {
		return false, fmt.Errorf("storing user %s: %w", user, err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	if admin {
		log.AddField(adminField(user, true), "user %s is an administrator", user)
	} else {
		log.AddField(adminField(user, false), "user %s is no longer an administrator", user)
	}
	return true, nil
}

func adminField(user string, admin bool) audit.Field {
	return audit.Field{Object: "user " + user, Name: "admin", Was: fmt.Sprint(!admin), Became: fmt.Sprint(admin)}
}

func userFor(ctx context.Context, tx pgx.Tx, name string, make bool) (id int64, err error) {
	if make {
		return ensureUser(ctx, tx, name)
	}
	err = tx.QueryRow(ctx, `SELECT id FROM users WHERE name = $1`, name).Scan(&id)
	return id, postgres.NotFound(err, "user %s", name)
}

// EndSessions ends all sessions of a user, who may sign in again.
func (ed *Accounts) EndSessions(ctx context.Context, act audit.Act, user string) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		id, err := userFor(ctx, tx, user, false)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `DELETE FROM session WHERE user_id = $1`, id)
		if err != nil {
			return fmt.Errorf("ending the sessions of user %s: %w", user, err)
		}
		if n := tag.RowsAffected(); n > 0 {
			log.AddField(audit.Field{Object: "user " + user}, "user %s: %d sessions ended", user, n)
		}
		return nil
	})
}
