package signin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/session"
	"github.com/koschei-ci/koschei/internal/web"
)

// claims returns what the provider says of a user: in the token and, if that
// lacks anything we look for, at its address for that. There it must speak of the
// same subject. The subject itself is not kept: it is another one for each client.
func (p *Provider) claims(ctx context.Context, known *oidc.Provider, token *oauth2.Token, id *oidc.IDToken) (map[string]any, error) {
	silent := func(err error) error {
		return &web.UnavailableError{Sentence: "the login provider does not tell enough of you, so you are not signed in", Err: err}
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return nil, silent(err)
	}
	if p.complete(claims) || known.UserInfoEndpoint() == "" {
		return claims, nil
	}
	info, err := known.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, silent(err)
	}
	if info.Subject != id.Subject {
		return nil, silent(errors.New("userinfo is about another subject"))
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return nil, silent(err)
	}
	for name, value := range more {
		if _, there := claims[name]; !there { // what is signed comes first
			claims[name] = value
		}
	}
	return claims, nil
}

// complete says whether claims have all that we look for.
func (p *Provider) complete(claims map[string]any) bool {
	c := p.Claims
	return p.name(claims) != "" && (c.Groups == "" || at(claims, c.Groups) != nil) && (c.Roles == "" || at(claims, c.Roles) != nil)
}

func (p *Provider) name(claims map[string]any) string {
	for _, path := range p.Claims.Names {
		if name, _ := at(claims, path).(string); name != "" {
			return name
		}
	}
	return ""
}

// person is who has the claims.
func (p *Provider) person(claims map[string]any) (session.Login, error) {
	name := p.name(claims)
	if name == "" {
		return session.Login{}, &web.UnavailableError{
			Sentence: "the login provider does not tell your name, so you are not signed in",
			Err:      fmt.Errorf("none of the claims %s is there", strings.Join(p.Claims.Names, ", ")),
		}
	}
	if err := koschei.ValidateName("user", name); err != nil {
		return session.Login{}, err
	}
	var groups, roles []string
	if p.Claims.Groups != "" {
		groups = list(at(claims, p.Claims.Groups))
	}
	for i, group := range groups {
		groups[i] = strings.TrimPrefix(group, p.Claims.Prefix)
	}
	if p.Claims.Roles != "" {
		roles = list(at(claims, p.Claims.Roles))
	}
	return session.Login{User: name, Admin: p.Roles.admin(groups, roles), Way: session.OIDC}, nil
}

// at returns the claim at a path, nil if there is none. A name with dots in it,
// as those that are addresses have, is looked for first.
func at(claims map[string]any, path string) any {
	if value, ok := claims[path]; ok {
		return value
	}
	first, rest, found := strings.Cut(path, ".")
	if !found {
		return nil
	}
	within, _ := claims[first].(map[string]any)
	return at(within, rest)
}

// list reads a list of names, or one.
func list(claim any) (names []string) {
	switch claim := claim.(type) {
	case string:
		return []string{claim}
	case []any:
		for _, each := range claim {
			if name, ok := each.(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}
