package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A Token is what is known of one. All times are real.
type Token struct {
	ID     int64
	User   string
	Name   string
	Scopes []koschei.TokenScope
	Made   time.Time
	Ends   time.Time // it may be over
	Used   time.Time // last, some minutes late at most; zero if never
}

// Tokens returns the tokens of a user, or with "" of all, by user and name.
func (v *People) Tokens(ctx context.Context, user string) ([]Token, error) {
	rows, err := v.db.Query(ctx, `
		SELECT t.id, u.name, t.name, t.scopes, t.made, t.ends, t.used
		FROM token t
		JOIN users u ON u.id = t.user_id
		WHERE $1 = '' OR u.name = $1
		ORDER BY u.name, t.name`, user)
	if err != nil {
		return nil, fmt.Errorf("reading tokens: %w", err)
	}
	tokens, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Token, err error) {
		var used *time.Time
		err = row.Scan(&t.ID, &t.User, &t.Name, &t.Scopes, &t.Made, &t.Ends, &used)
		t.Used = postgres.OrZero(used)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading tokens: %w", err)
	}
	return tokens, nil
}
