package session_test

import (
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/session"
)

// Of a token only a hash is stored, and what browsers say of themselves is cut.
func TestTokenIsNotStored(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	s := session.New(pgtest.Open(t, cfg).PG, session.Limits{Idle: time.Hour, Absolute: time.Hour})
	console := pgtest.NewConsole(t, cfg)
	token, err := s.Begin(t.Context(), session.Login{User: "alice", Way: session.OIDC, Agent: "x\x00\xff" + strings.Repeat("é", 300)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if n := console.Number(`SELECT count(*) FROM session s WHERE position($1 IN s::text) > 0`, token); n != 0 {
		t.Error("the token is stored")
	}
	if n := console.Number(`SELECT octet_length(agent) FROM session`); n > 200 {
		t.Errorf("%d bytes of what the browser says are stored", n)
	}
}

// Who is made an administrator by the record is one in every session; who is
// one by the login provider is it only in the session that says so.
func TestAdministrators(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db := pgtest.Open(t, cfg)
	s := session.New(db.PG, session.Limits{Idle: time.Hour, Absolute: time.Hour})
	now := time.Now()
	begin := func(user string, admin bool) string {
		t.Helper()
		token, err := s.Begin(t.Context(), session.Login{User: user, Admin: admin, Way: session.OIDC}, now)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first, second := begin("alice", true), begin("alice", false)
	check := func(token string, want bool) {
		t.Helper()
		found, err := s.Find(t.Context(), token, now)
		if err != nil || found == nil || found.Admin != want {
			t.Errorf("got %+v, %v, want administrator: %t", found, err, want)
		}
	}
	check(first, true)
	check(second, false)
	pgtest.NewConsole(t, cfg).Exec(`UPDATE users SET admin = true WHERE name = 'alice'`)
	check(second, true)
	if found, err := s.Find(t.Context(), "", now); found != nil || err != nil {
		t.Errorf("without a token: %+v, %v", found, err)
	}
}

// Sessions that are over are forgotten when another one begins.
func TestForgotten(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	s := session.New(pgtest.Open(t, cfg).PG, session.Limits{Idle: time.Hour, Absolute: 2 * time.Hour})
	console, now := pgtest.NewConsole(t, cfg), time.Now()
	for i, at := range []time.Duration{0, 30 * time.Minute, 61 * time.Minute} {
		if _, err := s.Begin(t.Context(), session.Login{User: "alice", Way: session.OIDC}, now.Add(at)); err != nil {
			t.Fatal(err)
		}
		if n, want := console.Number(`SELECT count(*) FROM session`), []int64{1, 2, 2}[i]; n != want {
			t.Errorf("after %s there are %d sessions, want %d", at, n, want)
		}
	}
}
