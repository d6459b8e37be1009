package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/session"
	"github.com/koschei-ci/koschei/internal/web"
)

// RedirectPath is where the login provider sends browsers back to. It is
// registered there, and the original Koschei had the same.
const RedirectPath = "/login/redirect_uri"

// A Provider is a login provider that speaks OpenID Connect. All of the first
// group must be set.
type Provider struct {
	Issuer string // its address
	Client oauth2.Config
	HTTP   *http.Client

	Claims Claims
	Roles  Roles

	mu    sync.Mutex
	known *oidc.Provider // what it told of itself
	asked time.Time
}

// Claims say where the provider tells what about a user. A path is a claim, or
// one within another as in realm_access.roles.
type Claims struct {
	Names  []string // paths; the first that is there names the user
	Groups string   // path; "" if groups do not matter
	Prefix string   // cut off from groups
	Roles  string   // path; "" if roles do not matter
}

const (
	leavingLasts  = 10 * time.Minute // how long somebody may take at the provider
	providerLimit = 10 * time.Second // for its answers
	providerKnown = time.Hour        // how long what it told of itself holds
	clockLeeway   = 5 * time.Minute  // how far our clock and the provider's may be apart
	mostAnswered  = 1 << 20          // bytes of an answer
)

// Limited returns a client that follows no answer for ever.
func Limited(transport http.RoundTripper) *http.Client {
	return &http.Client{Transport: &limited{transport}, Timeout: providerLimit}
}

type limited struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (l *limited) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, mostAnswered), res.Body}
	}
	return res, err
}

func (p *Provider) origin() string {
	u, err := url.Parse(p.Issuer)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// discover returns what the provider told of itself in the last hour.
func (p *Provider) discover(ctx context.Context, now time.Time) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil && now.Sub(p.asked) < providerKnown {
		return p.known, nil
	}
	known, err := p.ask(ctx)
	switch {
	case err == nil:
		p.known, p.asked = known, now
	case p.known == nil:
		return nil, &web.UnavailableError{Sentence: "the login provider does not answer as it should, so nobody can sign in now; pages can be read all the same", Err: err}
	}
	return p.known, nil
}

// ask asks the provider about itself. Its issuer must be the configured one to
// the letter, but for a slash at the end, which some have and people forget.
func (p *Provider) ask(ctx context.Context) (*oidc.Provider, error) {
	// The provider keeps the context's values for later requests, and must not end with this one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.client(ctx)), providerLimit)
	defer cancel()
	known, err := oidc.NewProvider(ctx, p.Issuer)
	var other *oidc.IssuerMismatchError
	if errors.As(err, &other) && strings.TrimSuffix(other.Discovered, "/") == strings.TrimSuffix(p.Issuer, "/") {
		return oidc.NewProvider(ctx, other.Discovered)
	}
	return known, err
}

func (p *Provider) client(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.HTTP)
}

func (p *Provider) oauth(known *oidc.Provider) *oauth2.Config {
	c := p.Client
	style := c.Endpoint.AuthStyle
	c.Endpoint = known.Endpoint()
	c.Endpoint.AuthStyle = style
	return &c
}

// A leaving is what a browser keeps while its user is at the provider. Nobody
// else knows it, so nobody else can bring the answer.
type leaving struct{ state, nonce, verifier, next string }

func (l leaving) cookie() string {
	return url.Values{"s": {l.state}, "n": {l.nonce}, "v": {l.verifier}, "to": {l.next}}.Encode()
}

func leavingOf(cookie string) (leaving, bool) {
	v, err := url.ParseQuery(cookie)
	l := leaving{v.Get("s"), v.Get("n"), v.Get("v"), v.Get("to")}
	return l, err == nil && l.state != "" && l.nonce != "" && l.verifier != "" && web.OwnPath(l.next)
}

// leave sends a browser to the provider.
func (p *pages) leave(r *web.Request, next string) (web.Answer, error) {
	known, err := p.Provider.discover(r.Context(), p.Real())
	if err != nil {
		return web.Answer{}, err
	}
	l := leaving{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), next}
	address := p.Provider.oauth(known).AuthCodeURL(l.state, oidc.Nonce(l.nonce), oauth2.S256ChallengeOption(l.verifier))
	return web.Redirect(address).With(p.keep(leavingCookie, url.QueryEscape(l.cookie()), leavingLasts)), nil
}

// A backForm is what the provider sends a browser back with.
type backForm struct {
	Code  string `form:"code"`
	State string `form:"state"`
	Error string `form:"error"`
}

// Validate implements web.Form. What is missing is told by back.
func (f *backForm) Validate() error { return nil }

// back takes a browser that comes back from the provider. What it kept for that
// is good for one time.
func (p *pages) back(r *web.Request) (web.Answer, error) {
	var f backForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	kept, err := url.QueryUnescape(p.cookie(r.Request, leavingCookie))
	l, ok := leavingOf(kept)
	switch {
	case err != nil || !ok || subtle.ConstantTimeCompare([]byte(l.state), []byte(f.State)) != 1:
		return web.Answer{}, koschei.Refusal(koschei.ErrForbidden, "this login did not begin in this browser, or took longer than ten minutes; please sign in again")
	case f.Error != "":
		r.Log.InfoContext(r.Context(), "login refused", "reason", f.Error)
		return web.Answer{}, koschei.Refusal(koschei.ErrForbidden, "the login provider has not let you in; please sign in again")
	}
	who, err := p.Provider.login(r.Context(), f.Code, l, p.Real())
	if err != nil {
		return web.Answer{}, err
	}
	answer, err := p.begin(r, who, l.next)
	return answer.With(p.keep(leavingCookie, "", 0)), err
}

// login trades a code for who has it.
func (p *Provider) login(ctx context.Context, code string, l leaving, now time.Time) (who session.Login, err error) {
	known, err := p.discover(ctx, now)
	if err != nil {
		return who, err
	}
	ctx, cancel := context.WithTimeout(p.client(ctx), 2*providerLimit)
	defer cancel()
	token, err := p.oauth(known).Exchange(ctx, code, oauth2.VerifierOption(l.verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return who, koschei.Refusal(koschei.ErrForbidden, "the login provider does not accept this login a second time; please sign in again")
	case err != nil:
		return who, &web.UnavailableError{Sentence: "the login provider did not say who you are; please sign in again", Err: err}
	}
	id, err := p.verify(ctx, known, token, l.nonce, now)
	if err != nil {
		return who, err
	}
	claims, err := p.claims(ctx, known, token, id)
	if err != nil {
		return who, err
	}
	return p.person(claims)
}

// verify returns the identity in a token if it is the provider's, for us, for
// this login, and of now.
func (p *Provider) verify(ctx context.Context, known *oidc.Provider, token *oauth2.Token, nonce string, now time.Time) (*oidc.IDToken, error) {
	doubtful := func(err error) error {
		return &web.UnavailableError{Sentence: "what the login provider says of you cannot be relied on, so you are not signed in", Err: err}
	}
	raw, _ := token.Extra("id_token").(string)
	// Times are looked at below, with leeway for clocks.
	id, err := known.VerifierContext(p.client(ctx), &oidc.Config{ClientID: p.Client.ClientID, SkipExpiryCheck: true}).Verify(ctx, raw)
	if err != nil {
		return nil, doubtful(err)
	}
	var begin struct {
		NotBefore int64 `json:"nbf"`
	}
	if err := id.Claims(&begin); err != nil {
		return nil, doubtful(err)
	}
	from := time.Unix(begin.NotBefore, 0)
	if id.IssuedAt.After(from) {
		from = id.IssuedAt
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return nil, doubtful(errors.New("the nonce is that of another login"))
	case now.After(id.Expiry.Add(clockLeeway)):
		return nil, doubtful(fmt.Errorf("it held until %s, and it is %s now", id.Expiry.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)))
	case now.Before(from.Add(-clockLeeway)):
		return nil, doubtful(fmt.Errorf("it holds from %s on, and it is %s now", from.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)))
	}
	return id, nil
}
