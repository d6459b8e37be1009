package session

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A Token is what a program shows instead of signing in.
type Token struct {
	ID     int64
	User   string
	Admin  bool // whether its user is an administrator
	Scopes []koschei.TokenScope
}

// claimLasts is how long after a login it counts that the login provider called
// somebody an administrator: who uses tokens alone may be none any more.
const claimLasts = 30 * 24 * time.Hour

// tokenUsedEvery is how late it may be known when a token was used last.
const tokenUsedEvery = 10 * time.Minute

// tokenPrefix tells tokens of ours from others, for those who look for secrets in
// places where none should be.
const tokenPrefix = "koschei_"

// NewSecret makes the part of a token that nobody can guess, and what is stored of it.
func NewSecret() (secret string, stored []byte) {
	secret = rand.Text() + rand.Text() // 260 bits
	return secret, hash(secret)
}

// TokenText is the token of an id with its secret, as its user is shown it once.
func TokenText(id int64, secret string) string {
	return tokenPrefix + strconv.FormatInt(id, 10) + "_" + secret
}

// parseToken is the other way round.
func parseToken(text string) (id int64, secret string, ok bool) {
	rest, ours := strings.CutPrefix(text, tokenPrefix)
	number, secret, found := strings.Cut(rest, "_")
	id, err := strconv.ParseInt(number, 10, 64)
	return id, secret, ours && found && err == nil
}

// FindToken returns the token that somebody shows, nil if there is none such or it has
// ended. How long it takes tells nothing of a secret.
func (s *Sessions) FindToken(ctx context.Context, text string, now time.Time) (*Token, error) {
	id, secret, ok := parseToken(text)
	if !ok {
		return nil, nil
	}
	found := Token{ID: id}
	var stored []byte
	var used *time.Time
	err := s.db.QueryRow(ctx, `
		SELECT t.hash, u.name, u.admin OR u.claimed_admin AND u.signed_in > $3, t.scopes, t.used
		FROM token t
		JOIN users u ON u.id = t.user_id
		WHERE t.id = $1 AND t.ends > $2`, id, now, now.Add(-claimLasts)).Scan(&stored, &found.User, &found.Admin, &found.Scopes, &used)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for a token: %w", err)
	}
	if subtle.ConstantTimeCompare(stored, hash(secret)) != 1 {
		return nil, nil
	}
	if used != nil && now.Sub(*used) < tokenUsedEvery {
		return &found, nil
	}
	if _, err := s.db.ExecOne(ctx, `UPDATE token SET used = greatest(used, $2) WHERE id = $1`, id, now); err != nil {
		return nil, fmt.Errorf("storing that a token is used: %w", err)
	}
	return &found, nil
}
