package signin

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/session"
)

// A Proxy stands in front of us, has asked its users who they are, and says so
// in a header. From anybody else such a header is refused.
type Proxy struct {
	Header    string         // that names the user
	Groups    string         // header that names the user's groups, with commas or spaces between them; "" for none
	Realm     string         // what the name ends with, after @, and is cut off; "" for nothing
	Addresses []netip.Prefix // of the proxy
	Roles     Roles
}

// check refuses a request that pretends to come from the proxy.
func (p *Proxy) check(r *http.Request) error {
	if p.trusted(r) {
		return nil
	}
	for name := range r.Header {
		if same(name, p.Header) || p.Groups != "" && same(name, p.Groups) {
			return koschei.Refusal(koschei.ErrForbidden, "this request says who you are, and only the proxy in front of Koschei may say that")
		}
	}
	return nil
}

// same says whether two names of headers are one: what others do with requests
// makes no difference between dashes and underscores.
func same(a, b string) bool {
	dashes := func(s string) string { return strings.ReplaceAll(s, "_", "-") }
	return strings.EqualFold(dashes(a), dashes(b))
}

func (p *Proxy) trusted(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && slices.ContainsFunc(p.Addresses, func(prefix netip.Prefix) bool {
		return prefix.Contains(peer.Addr().Unmap())
	})
}

// login returns whom the proxy names.
func (p *Proxy) login(r *http.Request) (session.Login, error) {
	names := r.Header.Values(p.Header)
	if !p.trusted(r) || len(names) == 0 || names[0] == "" {
		return session.Login{}, koschei.Refusal(koschei.ErrForbidden, "the proxy in front of Koschei does not say who you are, so nobody can sign in here")
	}
	if len(names) > 1 {
		return session.Login{}, koschei.Refusal(koschei.ErrForbidden, "the proxy in front of Koschei names two users at once")
	}
	name, ok := p.local(names[0])
	if !ok {
		return session.Login{}, koschei.Refusal(koschei.ErrForbidden, fmt.Sprintf("user %q is not of realm %s", names[0], p.Realm))
	}
	var groups []string
	if p.Groups != "" {
		groups = strings.FieldsFunc(strings.Join(r.Header.Values(p.Groups), ","), func(c rune) bool { return c == ',' || c == ' ' || c == ';' })
	}
	return session.Login{User: name, Admin: p.Roles.admin(groups, nil), Way: session.Proxy}, nil
}

func (p *Proxy) local(name string) (string, bool) {
	if p.Realm == "" {
		return name, true
	}
	return strings.CutSuffix(name, "@"+p.Realm)
}

// another says whether the proxy names somebody else than user.
func (p *Proxy) another(r *http.Request, user string) bool {
	names := r.Header.Values(p.Header)
	if len(names) == 0 {
		return false // it asks at /login only
	}
	name, ok := p.local(names[0])
	return len(names) > 1 || !ok || name != user
}
