package signin_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/oauth2"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/session"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
	"github.com/koschei-ci/koschei/internal/web/signin"
)

// A site is a server that people sign in to, with a page that tells whom it
// takes them for.
type site struct {
	*httptest.Server
	t   *testing.T
	db  *pgtest.DB
	now atomic.Int64 // real time as it sees it
	log lockedBuffer
}

func (s *site) wait(d time.Duration) { s.now.Add(int64(d)) }

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func newSite(t *testing.T, in *signin.SignIn) *site {
	t.Helper()
	return siteOn(t, pgtest.New(t), in)
}

func siteOn(t *testing.T, db *pgtest.DB, in *signin.SignIn) *site {
	t.Helper()
	s := &site{t: t, db: db}
	s.now.Store(time.Now().UnixNano())
	in.Sessions = session.New(s.db.PG, session.Limits{Idle: time.Hour, Absolute: 3 * time.Hour})
	in.Lasts, in.Real = 3*time.Hour, func() time.Time { return time.Unix(0, s.now.Load()) }
	clock := koschei.Clock{}
	templates := html.New(clock)
	whoami := func(r *web.Request) (web.Answer, error) {
		name := r.Actor.Name
		if r.Actor.Admin {
			name += " the administrator"
		}
		return web.Line("you are " + name), nil
	}
	page := func(pattern string, access web.Access) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: whoami, Access: access, Errors: web.HTML, Label: "test"}
	}
	server, err := web.New(web.Config{
		Routes: append(in.Routes(templates), page("/{$}", web.Public), page("/mine", web.SignedIn), page("/admin", web.Admins)),
		View:   s.db.View, Templates: templates, Log: slog.New(slog.NewTextHandler(&s.log, nil)), Clock: clock, Registry: prometheus.NewRegistry(),
		Identity: in.Identity, SignIn: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(server)
	t.Cleanup(s.Close)
	return s
}

// withProvider is a site whose login provider is p.
func withProvider(t *testing.T, p *fakeProvider) *site {
	t.Helper()
	in := &signin.SignIn{Provider: &signin.Provider{
		Issuer: p.URL, HTTP: signin.Limited(http.DefaultTransport),
		Client: oauth2.Config{ClientID: "koschei", ClientSecret: "hush", Scopes: []string{"openid", "profile"}, Endpoint: oauth2.Endpoint{AuthStyle: oauth2.AuthStyleInHeader}},
		Claims: signin.Claims{Names: []string{"nickname", "preferred_username"}, Groups: "groups", Prefix: "/", Roles: "realm_access.roles"},
		Roles:  signin.Roles{AdminGroups: []string{"koschei-admins"}, AdminRoles: []string{"koschei-admin"}},
	}}
	s := newSite(t, in)
	in.Provider.Client.RedirectURL = s.URL + signin.RedirectPath
	return s
}

// A person has a browser.
type person struct {
	*site
	http.Client
}

func (s *site) person() *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &person{s, http.Client{Jar: jar}}
}

var element = regexp.MustCompile(`(?s)<head>.*?</head>|<[^>]*>`)

// get returns status and text of a page.
func (p *person) get(path string, headers ...string) (status int, text string) {
	p.t.Helper()
	return p.do(http.MethodGet, path, nil, headers...)
}

func (p *person) do(method, path string, form url.Values, headers ...string) (status int, text string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := p.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || res.Body.Close() != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, strings.Join(strings.Fields(element.ReplaceAllString(string(body), " ")), " ")
}

func (p *person) is(who string) {
	p.t.Helper()
	if status, text := p.get("/"); status != 200 || text != "you are "+who && text != strings.TrimSpace("you are "+who) {
		p.t.Errorf("status %d, %q, want %q", status, text, who)
	}
}

// Names, groups and roles are taken from wherever the provider tells them.
func TestProviderTellsWho(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		claims, userinfo map[string]any
		slash            bool
		want             string
	}{
		"name":                    {claims: map[string]any{"nickname": "alice"}, want: "alice"},
		"second claim":            {claims: map[string]any{"preferred_username": "alice"}, want: "alice"},
		"userinfo":                {userinfo: map[string]any{"sub": "opaque-1", "nickname": "alice", "groups": []string{"koschei-admins"}}, want: "alice the administrator"},
		"groups in userinfo":      {claims: map[string]any{"nickname": "alice"}, userinfo: map[string]any{"sub": "opaque-1", "groups": []string{"x", "koschei-admins"}}, want: "alice the administrator"},
		"what is signed is first": {claims: map[string]any{"nickname": "alice", "groups": []string{}}, userinfo: map[string]any{"sub": "opaque-1", "groups": []string{"koschei-admins"}}, want: "alice"},
		"groups with a prefix":    {claims: map[string]any{"nickname": "alice", "groups": []string{"/koschei-admins"}}, want: "alice the administrator"},
		"role":                    {claims: map[string]any{"nickname": "alice", "realm_access": map[string]any{"roles": []string{"koschei-admin"}}}, want: "alice the administrator"},
		"other role":              {claims: map[string]any{"nickname": "alice", "realm_access": map[string]any{"roles": "koschei"}}, want: "alice"},
		"issuer with a slash":     {claims: map[string]any{"nickname": "alice"}, slash: true, want: "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			p.claims, p.slash = tt.claims, tt.slash
			if tt.userinfo != nil {
				p.userinfo = tt.userinfo
			}
			alice := withProvider(t, p).person()
			if status, text := alice.get("/mine"); status != 200 || text != "you are "+tt.want {
				t.Errorf("after the way through the provider: status %d, %q, want %q", status, text, tt.want)
			}
			if status, _ := alice.get("/admin"); (status == 200) != strings.Contains(tt.want, "admin") {
				t.Errorf("an administrator's page has status %d", status)
			}
		})
	}
}

// What cannot be relied on signs nobody in, and costs a sentence.
func TestProviderIsNotBelieved(t *testing.T) {
	t.Parallel()
	const doubtful = "What the login provider says of you cannot be relied on, so you are not signed in."
	for name, tt := range map[string]struct {
		spoil  func(t *testing.T, p *fakeProvider)
		status int
		want   string
	}{
		"wrong issuer":                      {func(_ *testing.T, p *fakeProvider) { p.claims["iss"] = "https://elsewhere.test" }, 503, doubtful},
		"wrong audience":                    {func(_ *testing.T, p *fakeProvider) { p.claims["aud"] = "another" }, 503, doubtful},
		"wrong nonce":                       {func(_ *testing.T, p *fakeProvider) { p.claims["nonce"] = "another" }, 503, doubtful},
		"no nonce":                          {func(_ *testing.T, p *fakeProvider) { p.claims["nonce"] = "" }, 503, doubtful},
		"key not published":                 {func(_ *testing.T, p *fakeProvider) { p.public = nil }, 503, doubtful},
		"over":                              {func(_ *testing.T, p *fakeProvider) { p.now = p.now.Add(-2 * time.Hour) }, 503, doubtful},
		"not yet":                           {func(_ *testing.T, p *fakeProvider) { p.now = p.now.Add(time.Hour) }, 503, doubtful},
		"not before":                        {func(_ *testing.T, p *fakeProvider) { p.claims["nbf"] = p.now.Add(time.Hour).Unix() }, 503, doubtful},
		"clock 3 minutes slow, short token": {func(_ *testing.T, p *fakeProvider) { p.now, p.lasts = p.now.Add(-3*time.Minute), time.Minute }, 200, "you are alice"},
		"clock 3 minutes fast":              {func(_ *testing.T, p *fakeProvider) { p.now = p.now.Add(3 * time.Minute) }, 200, "you are alice"},
		"no name":                           {func(_ *testing.T, p *fakeProvider) { delete(p.claims, "nickname") }, 503, "The login provider does not tell your name, so you are not signed in."},
		"bad name":                          {func(_ *testing.T, p *fakeProvider) { p.claims["nickname"] = "<b>" }, 400, "only letters, digits"},
		"userinfo of another":               {func(_ *testing.T, p *fakeProvider) { p.userinfo["sub"] = "opaque-2" }, 503, "The login provider does not tell enough of you, so you are not signed in."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			p.claims = map[string]any{"nickname": "alice"}
			tt.spoil(t, p)
			alice := withProvider(t, p).person()
			if status, text := alice.get("/login?next=/"); status != tt.status || !strings.Contains(text, tt.want) {
				t.Errorf("status %d, %q, want %d, %q", status, text, tt.status, tt.want)
			}
			if tt.status != 200 {
				alice.is("")
			}
		})
	}
}

// A key that the provider has replaced signs nobody in any more; its new one
// does at once.
func TestProviderChangesItsKey(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.claims = map[string]any{"nickname": "alice"}
	s := withProvider(t, p)
	s.person().get("/login")
	old, oldID := p.key, p.keyID
	p.set(func() { p.newKey(t, "second") })
	alice := s.person()
	alice.get("/login")
	alice.is("alice")
	p.set(func() { p.key, p.keyID = old, oldID })
	eve := s.person()
	if status, text := eve.get("/login"); status != 503 {
		t.Errorf("with a key of the past: status %d, %s", status, text)
	}
	eve.is("")
}

// An answer of the provider is good once, in the browser where the login began.
func TestAnswerIsGoodOnce(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.claims = map[string]any{"nickname": "alice"}
	s := withProvider(t, p)
	alice := s.person()
	var back *url.URL
	var cookies []*http.Cookie
	alice.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == signin.RedirectPath {
			back = r.URL
			cookies = alice.Jar.Cookies(r.URL)
		}
		return nil
	}
	alice.get("/login?next=/mine")
	alice.is("alice")
	if status, text := s.person().get(back.RequestURI()); status != 403 || !strings.Contains(text, "This login did not begin in this browser") {
		t.Errorf("in another browser: status %d, %s", status, text)
	}
	if status, text := alice.get(back.RequestURI()); status != 403 || !strings.Contains(text, "This login did not begin in this browser") {
		t.Errorf("again in the same browser: status %d, %s", status, text)
	}
	thief := s.person()
	thief.Jar.SetCookies(back, cookies)
	if status, text := thief.get(back.RequestURI()); status != 403 || !strings.Contains(text, "does not accept this login a second time") {
		t.Errorf("again with all that the browser had: status %d, %s", status, text)
	}
	thief.is("")
	if status, text := alice.get(signin.RedirectPath + "?error=access_denied&state=x"); status != 403 {
		t.Errorf("refused without having left: status %d, %s", status, text)
	}
}

// While the provider is away pages are readable, and who has signed in stays so.
func TestProviderIsAway(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.claims = map[string]any{"nickname": "alice"}
	s := withProvider(t, p)
	p.set(func() { p.down = true })
	bob := s.person()
	if status, text := bob.get("/login"); status != 503 || !strings.Contains(text, "nobody can sign in now; pages can be read all the same.") {
		t.Errorf("status %d, %s", status, text)
	}
	bob.is("")
	p.set(func() { p.down = false })
	alice := s.person()
	alice.get("/login")
	alice.is("alice")
	p.set(func() { p.down = true })
	alice.is("alice")
	if status, text := bob.get("/login"); status != 502 && status != 503 {
		t.Errorf("status %d, %s", status, text)
	}
	bob.is("")
}

// A session gets a new token at each login and ends when it is told to, was not
// used, or is old.
func TestSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t, &signin.SignIn{Development: true})
	alice := s.person()
	here, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	login := func() string {
		t.Helper()
		if status, text := alice.do(http.MethodPost, "/login", url.Values{"name": {"alice"}, "next": {"/mine"}}); status != 200 || text != "you are alice" {
			t.Fatalf("status %d, %s", status, text)
		}
		return alice.Jar.Cookies(here)[0].Value
	}
	first := login()
	second := login()
	if first == second {
		t.Error("a login does not change the token")
	}
	old := s.person()
	old.Jar.SetCookies(here, []*http.Cookie{{Name: "koschei-session", Value: first}})
	old.is("")
	alice.do(http.MethodPost, "/logout", nil)
	alice.is("")
	old.Jar.SetCookies(here, []*http.Cookie{{Name: "koschei-session", Value: second}})
	old.is("")
	login()
	s.wait(59 * time.Minute)
	alice.is("alice")
	s.wait(59 * time.Minute)
	alice.is("alice")
	s.wait(61 * time.Minute)
	alice.is("")
	login()
	for range 4 {
		s.wait(44 * time.Minute)
		alice.is("alice")
	}
	s.wait(5 * time.Minute)
	alice.is("")
	if strings.Contains(s.log.String(), first) {
		t.Error("a token is in the log")
	}
}

// Only pages of ours are led to, and only by browsers of this machine may
// somebody claim to be anybody.
func TestDevelopment(t *testing.T) {
	t.Parallel()
	s := newSite(t, &signin.SignIn{Development: true})
	alice := s.person()
	if status, text := alice.get("/login?next=/mine"); status != 200 || !strings.Contains(text, "you are whom you say") {
		t.Errorf("status %d, %s", status, text)
	}
	for _, next := range []string{"//evil.test/", "https://evil.test/", `/\evil.test`, "/\t/evil.test", "javascript:alert(1)", "mine"} {
		if status, text := alice.do(http.MethodPost, "/login", url.Values{"name": {"alice"}, "next": {next}}); status != 400 || !strings.Contains(text, "is no page of this site.") {
			t.Errorf("%q: status %d, %s", next, status, text)
		}
	}
	for _, headers := range [][]string{{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=192.0.2.1"}, {"Host", "koschei.example.org"}} {
		if status, text := alice.do(http.MethodPost, "/login", url.Values{"name": {"alice"}}, headers...); status != 403 {
			t.Errorf("%q: status %d, %s", headers, status, text)
		}
	}
	if status, _ := alice.do(http.MethodPost, "/login", url.Values{"name": {"alice"}}, "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("from another site: status %d", status)
	}
	alice.is("")
	alice.do(http.MethodPost, "/login", url.Values{"name": {"alice"}, "admin": {"1"}})
	alice.is("alice the administrator")
	if status, text := alice.get("/", "X-Forwarded-For", "192.0.2.1"); status != 200 || text != "you are" {
		t.Errorf("through a proxy: status %d, %q", status, text)
	}
}

// Only the proxy says who somebody is.
func TestProxy(t *testing.T) {
	t.Parallel()
	trusted := &signin.Proxy{
		Header: "X-Remote-User", Groups: "X-Remote-Groups", Realm: "EXAMPLE.ORG", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Roles: signin.Roles{AdminGroups: []string{"admins"}},
	}
	s := newSite(t, &signin.SignIn{Proxy: trusted})
	alice := s.person()
	if status, text := alice.get("/login"); status != 403 || !strings.Contains(text, "does not say who you are") {
		t.Errorf("without a name: status %d, %s", status, text)
	}
	if status, text := alice.get("/login", "X-Remote-User", "alice"); status != 403 || !strings.Contains(text, "is not of realm EXAMPLE.ORG.") {
		t.Errorf("of another realm: status %d, %s", status, text)
	}
	if status, text := alice.get("/login", "X-Remote-User", "a@EXAMPLE.ORG", "X-Remote-User", "b@EXAMPLE.ORG"); status != 403 || !strings.Contains(text, "two users at once") {
		t.Errorf("two names: status %d, %s", status, text)
	}
	alice.is("")
	if status, text := alice.get("/login?next=/mine", "X-Remote-User", "alice@EXAMPLE.ORG", "X-Remote-Groups", "x, admins"); status != 200 {
		t.Errorf("status %d, %s", status, text)
	}
	alice.is("alice the administrator")
	if status, text := alice.get("/", "X-Remote-User", "bob@EXAMPLE.ORG"); status != 200 || text != "you are" {
		t.Errorf("somebody else at the same browser: status %d, %q", status, text)
	}

	outside := newSite(t, &signin.SignIn{Proxy: &signin.Proxy{Header: "X-Remote-User", Groups: "X-Remote-Groups", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}}})
	eve := outside.person()
	for _, header := range []string{"X-Remote-User", "x-remote-user", "X_Remote_User", "X-Remote_User", "X-Remote-Groups"} {
		for _, path := range []string{"/", "/login", "/mine"} {
			if status, text := eve.get(path, header, "alice"); status != 403 || !strings.Contains(text, "only the proxy in front of Koschei may say that.") {
				t.Errorf("%s of %s: status %d, %s", path, header, status, text)
			}
		}
	}
	eve.is("")
	if status, _ := eve.get("/login"); status != 403 {
		t.Errorf("past the proxy: status %d", status)
	}
}

// A session that began in a way that is not configured any more is none.
func TestWayIsOver(t *testing.T) {
	t.Parallel()
	s := newSite(t, &signin.SignIn{Development: true})
	alice := s.person()
	alice.do(http.MethodPost, "/login", url.Values{"name": {"alice"}})
	alice.is("alice")
	later := siteOn(t, s.db, &signin.SignIn{Proxy: &signin.Proxy{Header: "X-Remote-User"}})
	now := &person{later, alice.Client} // cookies know no ports
	now.is("")
	alice.is("alice")
}
