package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// Sessions are those of a database. All times are real time.
type Sessions struct {
	db     postgres.Writer
	limits Limits
}

// Limits say when sessions end by themselves. Both must be set.
type Limits struct {
	Idle     time.Duration // after the last request
	Absolute time.Duration // after the login
}

// New returns the sessions of a database.
func New(db postgres.Writer, limits Limits) *Sessions { return &Sessions{db, limits} }

// A Way is how somebody proved who they are.
type Way string

// The ways to sign in.
const (
	OIDC        Way = "oidc"        // OpenID Connect
	Proxy       Way = "proxy"       // a header of a proxy that is trusted
	Development Way = "development" // not at all
)

// A Login is somebody who has proved who they are.
type Login struct {
	User  string
	Admin bool // as the login provider says
	Way   Way
	Agent string // what the browser calls itself; cut after 200 bytes
	Old   string // the token of the session that the browser had; "" if none
}

// A Session is somebody who has signed in.
type Session struct {
	ID    int64
	User  string
	Admin bool // by the login provider or by grant-admin
	Way   Way
	Began time.Time
}

// Begin begins a session and returns its token, which nobody can guess. The
// session that the browser had ends: whoever knew its token is not signed in now.
// So are those forgotten that have ended by themselves.
// Users who are not known yet are made. An error wraps koschei.ErrInvalid if
// nobody can have such a name.
func (s *Sessions) Begin(ctx context.Context, l Login, now time.Time) (token string, err error) {
	if err := koschei.ValidateName("user", l.User); err != nil {
		return "", err
	}
	token = rand.Text() + rand.Text() // 260 bits
	err = s.db.Transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			DELETE FROM session
			WHERE hash = $1 OR seen <= $2 OR began <= $3`, hash(l.Old), now.Add(-s.limits.Idle), now.Add(-s.limits.Absolute))
		if err != nil {
			return fmt.Errorf("ending sessions: %w", err)
		}
		var user int64
		err = tx.QueryRow(ctx, `
			INSERT INTO users (name, signed_in, claimed_admin)
			VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET signed_in = $2, claimed_admin = $3
			RETURNING id`, l.User, now, l.Admin).Scan(&user)
		if err != nil {
			return fmt.Errorf("storing user %s: %w", l.User, err)
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO session (hash, user_id, admin, way, agent, began, seen)
			VALUES (@hash, @user, @admin, @way, @agent, @now, @now)`,
			pgx.NamedArgs{"hash": hash(token), "user": user, "admin": l.Admin, "way": l.Way, "agent": cut(l.Agent), "now": now})
		if err != nil {
			return fmt.Errorf("storing a session: %w", err)
		}
		return nil
	})
	return token, err
}

// seenEvery is how late it may be known when a session was used last: not every
// request writes.
const seenEvery = time.Minute

// Find returns the session that has the token, nil if there is none or it has
// ended.
func (s *Sessions) Find(ctx context.Context, token string, now time.Time) (*Session, error) {
	var found Session
	var seen time.Time
	err := s.db.QueryRow(ctx, `
		SELECT s.id, u.name, s.admin OR u.admin, s.way, s.began, s.seen
		FROM session s
		JOIN users u ON u.id = s.user_id
		WHERE s.hash = $1 AND s.seen > $2 AND s.began > $3`, hash(token), now.Add(-s.limits.Idle), now.Add(-s.limits.Absolute)).
		Scan(&found.ID, &found.User, &found.Admin, &found.Way, &found.Began, &seen)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for a session: %w", err)
	}
	if now.Sub(seen) < min(seenEvery, s.limits.Idle/2) {
		return &found, nil
	}
	if _, err := s.db.ExecOne(ctx, `UPDATE session SET seen = greatest(seen, $2) WHERE id = $1`, found.ID, now); err != nil {
		return nil, fmt.Errorf("storing that a session is used: %w", err)
	}
	return &found, nil
}

// End ends the session that has the token; one that has ended stays so.
func (s *Sessions) End(ctx context.Context, token string) error {
	if _, err := s.db.ExecOne(ctx, `DELETE FROM session WHERE hash = $1`, hash(token)); err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

// hash is what is stored of a token. It need not be slow: nobody can try all
// tokens.
func hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// cut shortens what a browser says of itself to what is worth storing.
func cut(agent string) string {
	const most = 200
	agent = strings.ToValidUTF8(strings.ReplaceAll(agent, "\x00", ""), "")
	if len(agent) > most {
		agent = strings.ToValidUTF8(agent[:most], "")
	}
	return agent
}
