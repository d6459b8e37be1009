package v2

import (
	"net/http"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A Me says who asks.
type Me struct {
	Name   string               `json:"name"`
	Admin  bool                 `json:"admin"`
	Scopes []koschei.TokenScope `json:"scopes,omitempty" doc:"of the token; not there for who has signed in"`
}

// A Token is what is known of one.
type Token struct {
	ID     int64                `json:"id"`
	User   string               `json:"user"`
	Name   string               `json:"name"`
	Scopes []koschei.TokenScope `json:"scopes"`
	Made   time.Time            `json:"made"`
	Ends   time.Time            `json:"ends"`
	Used   time.Time            `json:"used,omitzero" doc:"last"`
}

// A NewToken is a token that is to be made.
type NewToken struct {
	User   string               `json:"user,omitempty" doc:"whose it is; the sender's if it is not given"`
	Name   *string              `json:"name" required:"true"`
	Scopes []koschei.TokenScope `json:"scopes" required:"true"`
	Days   *int                 `json:"days" required:"true" doc:"how long it lasts, 366 at most"`
}

// A MadeToken is shown once.
type MadeToken struct {
	Token   string   `json:"token"`
	Changes []string `json:"changes"`
}

// A User is somebody who has signed in or was named by somebody.
type User struct {
	Name     string    `json:"name"`
	Admin    bool      `json:"admin" doc:"by grant-admin"`
	Claimed  bool      `json:"claimed_admin" doc:"as the login provider said at the last login"`
	SignedIn time.Time `json:"signed_in,omitzero"`
	Sessions int       `json:"sessions"`
}

// An AuditEntry is one of the audit log.
type AuditEntry struct {
	ID         int64     `json:"id"`
	Time       time.Time `json:"time"`
	Actor      string    `json:"actor"`
	Through    string    `json:"through"`
	Collection string    `json:"collection,omitempty"`
	Package    string    `json:"package,omitempty"`
	Message    string    `json:"message"`
}

// A Role says whether somebody is an administrator.
type Role struct {
	Admin *bool `json:"admin" required:"true"`
}

type tokensAsked struct {
	User string `query:"user" doc:"the sender if it is not given"`
}

type newTokenAsked struct{ Body NewToken }

type tokenRevoked struct {
	ID   int64  `path:"id" min:"1"`
	User string `query:"user" doc:"the sender if it is not given"`
}

type usersAsked struct {
	Prefix string `query:"prefix"`
	Limit  int    `query:"limit" default:"100" min:"1" max:"1000"`
}

type userNamed struct {
	Name string `path:"name"`
}

type roleAsked struct {
	Name string `path:"name"`
	Body Role
}

// An Address is where mail to a user goes.
type Address struct {
	Address string `json:"address" doc:"empty: where the configuration says"`
}

type addressAsked struct {
	Name string `path:"name"`
	Body Address
}

type undoAsked struct {
	ID int64 `path:"id" min:"1"`
}

type auditAsked struct {
	Actor   string `query:"actor"`
	Package string `query:"package"`
	Object  string `query:"object" doc:"as group kde"`
	After   string `query:"after" doc:"next of the part before"`
	Limit   int    `query:"limit" default:"100" min:"1" max:"1000"`
}

func (a *API) addPeople() {
	add(a, http.MethodGet, "/me", "Who asks", func(r *web.Request, _ *nothing) (Me, error) {
		return Me{r.Actor.Name, r.Actor.Admin, r.Actor.Scopes}, nil
	}, signedIn(koschei.TokenRead), fresh)
	add(a, http.MethodGet, "/tokens", "Tokens of a user", getTokens, signedIn(koschei.TokenAdmin), fresh)
	add(a, http.MethodPost, "/tokens", "Make a token, which is shown once", createToken, signedIn(koschei.TokenAdmin), creates)
	add(a, http.MethodDelete, "/tokens/{id}", "Revoke a token", doing(func(r *web.Request, as audit.Act, in *tokenRevoked) ([]string, error) {
		return r.Edit.Accounts.RevokeToken(r.Context(), as, orSelf(r, in.User), in.ID)
	}), signedIn(koschei.TokenAdmin))
	add(a, http.MethodGet, "/users", "Users by name", getUsers, admins, fresh)
	add(a, http.MethodPut, "/users/{name}/role", "Make a user an administrator, or not", doing(func(r *web.Request, as audit.Act, in *roleAsked) ([]string, error) {
		return r.Edit.Accounts.SetAdmin(r.Context(), as, in.Name, *in.Body.Admin)
	}), admins)
	add(a, http.MethodDelete, "/users/{name}/sessions", "Sign a user out everywhere", doing(func(r *web.Request, as audit.Act, in *userNamed) ([]string, error) {
		return r.Edit.Accounts.EndSessions(r.Context(), as, in.Name)
	}), admins)
	add(a, http.MethodPut, "/users/{name}/address", "Say where mail to a user goes, and send it again", doing(func(r *web.Request, as audit.Act, in *addressAsked) ([]string, error) {
		return r.Edit.Accounts.SetAddress(r.Context(), as, in.Name, in.Body.Address)
	}), admins)
	add(a, http.MethodPost, "/audit/{id}/undo", "Give a field the value that it had before a change", doing(func(r *web.Request, as audit.Act, in *undoAsked) ([]string, error) {
		return r.Edit.Undo(r.Context(), as, in.ID)
	}), signedIn(koschei.TokenAdmin)) // it may be about anything
	add(a, http.MethodGet, "/audit", "Who changed what, the newest first", getAudit, admins, fresh)
	a.addSubscriptions()
}

func orSelf(r *web.Request, user string) string {
	if user == "" {
		return r.Actor.Name
	}
	return user
}

func getTokens(r *web.Request, in *tokensAsked) (ListOf[Token], error) {
	user := orSelf(r, in.User)
	if user != r.Actor.Name && !r.Actor.Admin {
		return ListOf[Token]{}, koschei.Refusal(koschei.ErrForbidden, "only administrators may see the tokens of others")
	}
	tokens, err := r.View.People.Tokens(r.Context(), user)
	return ListOf[Token]{Items: TokensOf(tokens)}, err
}

// TokensOf is tokens as API and command line show them.
func TokensOf(tokens []view.Token) []Token {
	return each(tokens, func(t *view.Token) Token { return Token{t.ID, t.User, t.Name, t.Scopes, t.Made, t.Ends, t.Used} })
}

func createToken(r *web.Request, in *newTokenAsked) (MadeToken, error) {
	as, err := act(r, in)
	if err != nil {
		return MadeToken{}, err
	}
	if days := *in.Body.Days; days < 1 || days > 366 {
		return MadeToken{}, invalid("a token may last from 1 to 366 days")
	}
	w := edit.TokenWish{User: orSelf(r, in.Body.User), Name: *in.Body.Name, Scopes: in.Body.Scopes, Made: time.Now()}
	w.Ends = w.Made.Add(time.Duration(*in.Body.Days) * 24 * time.Hour)
	token, changes, err := r.Edit.Accounts.CreateToken(r.Context(), as, w)
	if err == nil && token == "" {
		err = koschei.Refusal(koschei.ErrConflict, "this token was made before and is shown only once; revoke it and make another")
	}
	return MadeToken{token, changes}, err
}

func getUsers(r *web.Request, in *usersAsked) (ListOf[User], error) {
	users, err := r.View.People.Users(r.Context(), in.Prefix, in.Limit)
	return ListOf[User]{Items: each(users, func(u *view.User) User {
		return User{u.Name, u.Admin, u.Claimed, u.SignedIn, u.Sessions}
	})}, err
}

func getAudit(r *web.Request, in *auditAsked) (ListOf[AuditEntry], error) {
	before, err := number("after", in.After)
	if err != nil {
		return ListOf[AuditEntry]{}, err
	}
	entries, err := r.View.People.AuditLog(r.Context(), view.AuditQuery{
		Actor: in.Actor, Package: in.Package, Object: in.Object, Before: before, Limit: in.Limit + 1,
	})
	return listOf(entries, in.Limit, func(e *view.AuditEntry) AuditEntry {
		return AuditEntry{e.ID, e.Logged, e.Actor, e.Environment, e.Collection, e.Package, e.Message}
	}, func(e *view.AuditEntry) string { return strconv.FormatInt(e.ID, 10) }), err
}
