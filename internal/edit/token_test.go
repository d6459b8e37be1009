package edit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/session"
)

func annsTokenFor(name string, scopes ...koschei.TokenScope) edit.TokenWish {
	return edit.TokenWish{User: "ann", Name: name, Scopes: scopes, Made: attempted, Ends: attempted.Add(24 * time.Hour)}
}

func tokenAttempts(ctx context.Context) []attempt {
	create := func(scope koschei.TokenScope) doing {
		return func(ed *edit.Editor, act audit.Act) ([]string, error) {
			_, changes, err := ed.Accounts.CreateToken(ctx, act, annsTokenFor("new", scope))
			return changes, err
		}
	}
	return []attempt{
		{"CreateToken", "of ann", own, create(koschei.TokenPackages)},
		{"CreateToken", "of scope admin", admins, create(koschei.TokenAdmin)},
		{"RevokeToken", "of ann", own, func(ed *edit.Editor, act audit.Act) ([]string, error) {
			return ed.Accounts.RevokeToken(ctx, act, "ann", 1)
		}},
	}
}

// What cannot be a token is refused in a sentence, and nothing is stored.
func TestTokensThatCannotBe(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	act := audit.Act{Actor: actors["user"], Now: attempted}
	make := func(change func(*edit.TokenWish)) error {
		w := annsTokenFor("nightly", koschei.TokenPackages)
		change(&w)
		token, _, err := db.Accounts.CreateToken(t.Context(), act, w)
		if err != nil && token != "" {
			t.Errorf("a token with the error %v", err)
		}
		return err
	}
	for want, change := range map[string]func(*edit.TokenWish){
		"at least one scope":        func(w *edit.TokenWish) { w.Scopes = nil },
		"there is no scope \"all\"": func(w *edit.TokenWish) { w.Scopes = []koschei.TokenScope{"all"} },
		"scope read is there twice": func(w *edit.TokenWish) {
			w.Scopes = []koschei.TokenScope{koschei.TokenRead, koschei.TokenRead}
		},
		"from 1 to 100 bytes": func(w *edit.TokenWish) { w.Name = "a\nb" },
		"have ended at":       func(w *edit.TokenWish) { w.Ends = w.Made },
		"366 days at most":    func(w *edit.TokenWish) { w.Ends = w.Made.AddDate(2, 0, 0) },
	} {
		if err := make(change); !errors.Is(err, koschei.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := make(func(*edit.TokenWish) {}); err != nil {
		t.Fatal(err)
	}
	if err := make(func(*edit.TokenWish) {}); !errors.Is(err, koschei.ErrExists) {
		t.Errorf("the same name again: %v", err)
	}
	for i := range 49 {
		if err := make(func(w *edit.TokenWish) { w.Name = strings.Repeat("x", i+1) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := make(func(w *edit.TokenWish) { w.Name = "one more" }); !errors.Is(err, koschei.ErrInvalid) {
		t.Errorf("the 51st: %v", err)
	}
	tokens, err := db.People.Tokens(t.Context(), "ann")
	if err != nil || len(tokens) != 50 {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
}

// A token is known by its secret, until it ends or is revoked; what is stored of it is
// not enough to make it.
func TestTokens(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Database(t)
	db, console := pgtest.Open(t, cfg), pgtest.NewConsole(t, cfg)
	sessions := session.New(db.PG, session.Limits{Idle: time.Hour, Absolute: time.Hour})
	act := audit.Act{Actor: actors["user"], Now: attempted}
	token, changes, err := db.Accounts.CreateToken(t.Context(), act, annsTokenFor("nightly", koschei.TokenPackages, koschei.TokenGroups))
	if err != nil || len(changes) != 1 || changes[0] != `token "nightly" of user ann made: packages, groups, until 2026-11-24` {
		t.Fatalf("%q, %v", changes, err)
	}
	secret := token[strings.LastIndexByte(token, '_')+1:]
	if n := console.Number(`SELECT count(*) FROM token t WHERE position($1 IN t::text) > 0`, secret); n != 0 {
		t.Error("the secret is stored")
	}
	if n := console.Number(`SELECT count(*) FROM audit a WHERE position($1 IN a::text) > 0`, secret); n != 0 {
		t.Error("the secret is in the audit log")
	}
	find := func(text string, at time.Time) *session.Token {
		t.Helper()
		found, err := sessions.FindToken(t.Context(), text, at)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	found := find(token, attempted.Add(time.Hour))
	if found == nil || found.User != "ann" || found.Admin || len(found.Scopes) != 2 {
		t.Fatalf("found %+v", found)
	}
	for _, wrong := range []string{"", "koschei_1_", "koschei_1_" + strings.ToLower(secret), "koschei_2_" + secret, "koschei_x_" + secret, secret, token + "A", "Koschei_1_" + secret} {
		if find(wrong, attempted) != nil {
			t.Errorf("%q is taken for a token", wrong)
		}
	}
	if find(token, attempted.Add(24*time.Hour)) != nil {
		t.Error("it is taken after it has ended")
	}
	listed, err := db.People.Tokens(t.Context(), "ann")
	if err != nil || len(listed) != 1 || !listed[0].Used.Equal(attempted.Add(time.Hour)) {
		t.Errorf("listed: %+v, %v", listed, err)
	}
	if _, err := db.Accounts.RevokeToken(t.Context(), act, "bob", listed[0].ID); !errors.Is(err, koschei.ErrForbidden) {
		t.Errorf("revoked as bob's: %v", err)
	}
	if _, err := db.Accounts.RevokeToken(t.Context(), act, "ann", listed[0].ID); err != nil {
		t.Fatal(err)
	}
	if find(token, attempted) != nil {
		t.Error("it is taken after it was revoked")
	}
}

// Whom the login provider calls an administrator is one by a token as long as that is
// not long ago; whom the record calls one always is.
func TestTokensOfAdministrators(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	sessions := session.New(db.PG, session.Limits{Idle: time.Hour, Absolute: time.Hour})
	operator := audit.Act{Actor: actors["admin"], Now: attempted}
	w := annsTokenFor("nightly", koschei.TokenAdmin)
	w.Ends = attempted.AddDate(0, 6, 0)
	token, _, err := db.Accounts.CreateToken(t.Context(), operator, w)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, at time.Time, want bool) {
		t.Helper()
		found, err := sessions.FindToken(t.Context(), token, at)
		if err != nil || found == nil || found.Admin != want {
			t.Errorf("%s: %+v, %v, want admin %v", what, found, err, want)
		}
	}
	check("never signed in", attempted, false)
	if _, err := sessions.Begin(t.Context(), session.Login{User: "ann", Admin: true, Way: session.OIDC}, attempted); err != nil {
		t.Fatal(err)
	}
	check("just signed in", attempted, true)
	check("long ago", attempted.AddDate(0, 2, 0), false)
	if _, err := db.Accounts.SetAdmin(t.Context(), operator, "ann", true); err != nil {
		t.Fatal(err)
	}
	check("granted", attempted.AddDate(0, 2, 0), true)
}
