package site_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/session"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/signin"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// acting is config for a site where people sign in and change things.
func acting(db *pgtest.DB) site.Config {
	c := config(db.View)
	c.SignIn = &signin.SignIn{
		Development: true, Sessions: session.New(db.PG, session.Limits{Idle: time.Hour, Absolute: time.Hour}), Lasts: time.Hour, Real: func() time.Time { return now },
	}
	c.Policy = koschei.DefaultPolicy()
	c.Edit = edit.New(db.PG, c.Policy)
	return c
}

// programs counts requests with tokens.
var programs atomic.Int32

// A visitor is somebody at a browser, or a program with a token.
type visitor struct {
	browser
	token  string
	bearer string
}

func (b browser) as(db *pgtest.DB, name string, admin bool) visitor {
	b.t.Helper()
	if name == "" {
		return visitor{browser: b}
	}
	sessions := session.New(db.PG, session.Limits{Idle: time.Hour, Absolute: time.Hour})
	token, err := sessions.Begin(b.t.Context(), session.Login{User: name, Admin: admin, Way: session.Development}, now)
	if err != nil {
		b.t.Fatal(err)
	}
	return visitor{browser: b, token: token}
}

func (v visitor) send(method, path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	return v.sendText(method, path, "application/x-www-form-urlencoded", form.Encode(), headers...)
}

// sendJSON sends a body of JSON.
func (v visitor) sendJSON(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return v.sendText(method, path, "application/json", body, headers...)
}

// try sends an example.
func (v visitor) try(method string, e example, headers ...string) *httptest.ResponseRecorder {
	if e.body != "" {
		return v.sendJSON(method, e.path, e.body, headers...)
	}
	return v.send(method, e.path, e.form, headers...)
}

func (v visitor) sendText(method, path, kind, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(v.t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost:8080"
	if method != http.MethodGet {
		r.Header.Set("Content-Type", kind)
	}
	if v.bearer != "" {
		n := programs.Add(1) // each at an address of its own, for who guesses tokens is soon not heard
		r.RemoteAddr = fmt.Sprintf("127.%d.%d.1:4711", n/250, n%250)
		r.Header.Set("Authorization", "Bearer "+v.bearer)
	}
	if v.token != "" {
		r.AddCookie(&http.Cookie{Name: "koschei-session", Value: v.token})
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	return w
}

// tokens are of an administrator: of all scopes, of one that lets nobody change
// anything, and one that has ended.
func (b browser) tokens(db *pgtest.DB) map[string]visitor {
	b.t.Helper()
	b.as(db, "root", true)
	act := audit.Act{Actor: koschei.Actor{Name: "root", From: koschei.FromAdmin, Admin: true}, Now: now}
	visitors := map[string]visitor{}
	scopes := map[string][]koschei.TokenScope{"all": koschei.TokenScopes(), "expired": koschei.TokenScopes(), "small": {koschei.TokenRead}}
	for _, name := range slices.Sorted(maps.Keys(scopes)) {
		w := edit.TokenWish{User: "root", Name: name, Scopes: scopes[name], Made: now, Ends: now.Add(time.Hour)}
		if name == "expired" {
			w.Made, w.Ends = now.Add(-2*time.Hour), now.Add(-time.Hour)
		}
		token, _, err := db.Accounts.CreateToken(b.t.Context(), act, w)
		if err != nil {
			b.t.Fatal(err)
		}
		visitors[name] = visitor{browser: b, bearer: token}
	}
	return visitors
}

// An example is a request that a route is for, that changes something if the
// route does.
type example struct {
	path  string
	form  url.Values
	body  string   // of JSON, instead of form
	may   []string // kinds of visitors who may; nil for all whom the route's Access lets in
	once  bool     // it has a revision, without which it is refused
	guard string   // the field that says what the form shows, if it is not the revision
}

// examples are of all routes, by method and pattern. That every one is there is
// tested.
func examples(running int64, priority string) map[string]example {
	field := func(name, value string) url.Values {
		return url.Values{"collection": {"f44"}, "field": {name}, "value": {value}, "revision": {"0"}}
	}
	groupOf := []string{"maintainer", "admin"}
	group := url.Values{"field": {"packages"}, "value": {"maven ant gtk+ " + priority}, "revision": {"0"}}
	all := apiExamples(running)
	maps.Copy(all, map[string]example{
		"GET /events":                                 {path: "/events?after=nowhere"}, // any other would not end
		"POST /theme":                                 {path: "/theme", form: url.Values{"theme": {"dark"}, "back": {"/"}}},
		"GET /login":                                  {path: "/login"},
		"POST /login":                                 {path: "/login", form: url.Values{"name": {"zoe"}}},
		"POST /logout":                                {path: "/logout"},
		"GET /package/{name}/edit":                    {path: "/package/maven/edit"},
		"POST /package/{name}/edit":                   {path: "/package/maven/edit", form: field("tracked", "no"), once: true},
		"POST /package/{name}/build-again":            {path: "/package/maven/build-again", form: url.Values{"collection": {"f44"}}},
		"POST /build/{id}/cancel":                     {path: fmt.Sprintf("/build/%d/cancel", running), may: []string{"admin"}},
		"GET /add-group":                              {path: "/add-group"},
		"POST /add-group":                             {path: "/add-group", form: url.Values{"namespace": {"carl"}, "name": {"new"}}, may: []string{"user", "admin"}},
		"GET /groups/{name}/edit":                     {path: "/groups/java-sig/edit"},
		"POST /groups/{name}/edit":                    {path: "/groups/java-sig/edit", form: group, may: groupOf, once: true},
		"GET /groups/{name}/delete":                   {path: "/groups/java-sig/delete"},
		"POST /groups/{name}/delete":                  {path: "/groups/java-sig/delete", form: url.Values{"revision": {"0"}}, may: groupOf, once: true},
		"GET /groups/{namespace}/{name}/edit":         {path: "/groups/alice/mine/edit"},
		"POST /groups/{namespace}/{name}/edit":        {path: "/groups/alice/mine/edit", form: group, may: groupOf, once: true},
		"GET /groups/{namespace}/{name}/delete":       {path: "/groups/alice/mine/delete"},
		"POST /groups/{namespace}/{name}/delete":      {path: "/groups/alice/mine/delete", form: url.Values{"revision": {"0"}}, may: groupOf, once: true},
		"GET /admin":                                  {path: "/admin"},
		"GET /admin/notice":                           {path: "/admin/notice"},
		"POST /admin/notice":                          {path: "/admin/notice", form: url.Values{"text": {"an outage"}, "do": {"set"}}},
		"GET /admin/users":                            {path: "/admin/users"},
		"POST /admin/users":                           {path: "/admin/users", form: url.Values{"name": {"bob"}, "do": {"grant"}}},
		"GET /admin/audit":                            {path: "/admin/audit"},
		"POST /audit/{id}/undo":                       {path: "/audit/1/undo", form: url.Values{"back": {"/admin/audit"}}},
		"GET /admin/collections":                      {path: "/admin/collections"},
		"GET /admin/add-collection":                   {path: "/admin/add-collection"},
		"POST /admin/add-collection":                  {path: "/admin/add-collection", form: newCollection()},
		"GET /admin/collections/{name}":               {path: "/admin/collections/f43"},
		"POST /admin/collections/{name}":              {path: "/admin/collections/f43", form: url.Values{"setting": {"order"}, "value": {"7"}, "was": {"1"}, "seen": {"1"}}, guard: "seen"},
		"GET /admin/collections/{name}/branch":        {path: "/admin/collections/f43/branch"},
		"POST /admin/collections/{name}/branch":       {path: "/admin/collections/f43/branch", form: url.Values{"new_name": {"f99"}, "display_name": {"Branch"}, "target": {"t"}, "build_tag": {"b"}}},
		"GET /admin/collections/{name}/fork":          {path: "/admin/collections/f43/fork"},
		"POST /admin/collections/{name}/fork":         {path: "/admin/collections/f43/fork", form: url.Values{"name": {"f43-ruby"}, "display_name": {"Fork"}, "target": {"t"}, "build_tag": {"b"}}},
		"GET /admin/collections/{name}/delete":        {path: "/admin/collections/f43/delete"},
		"POST /admin/collections/{name}/delete":       {path: "/admin/collections/f43/delete", form: url.Values{"name": {"f43"}}},
		"GET /admin/add-collection-group":             {path: "/admin/add-collection-group"},
		"POST /admin/add-collection-group":            {path: "/admin/add-collection-group", form: url.Values{"name": {"set"}, "display_name": {"A set"}}},
		"GET /admin/collection-groups/{name}":         {path: "/admin/collection-groups/fedora"},
		"POST /admin/collection-groups/{name}":        {path: "/admin/collection-groups/fedora", form: url.Values{"display_name": {"A set"}, "collections": {"f43"}, "was_display_name": {"Fedora"}, "was_collections": {"f43 f44"}, "seen": {"1"}}, guard: "seen"},
		"POST /admin/collection-groups/{name}/delete": {path: "/admin/collection-groups/fedora/delete"},
		"GET /tokens":                                 {path: "/tokens"},
		"POST /tokens":                                {path: "/tokens", form: url.Values{"name": {"script"}, "days": {"7"}, "read": {"1"}}},
		"POST /tokens/{id}/revoke":                    {path: "/tokens/99/revoke"},
		"GET /subscriptions":                          {path: "/subscriptions?scope=package&name=maven"},
		"POST /subscriptions":                         {path: "/subscriptions", form: url.Values{"do": {"follow"}, "scope": {"package"}, "name": {"maven"}, "tell": {"mended"}, "pace": {"daily"}}},
		"POST /unsubscribe/{token}":                   {path: "/unsubscribe/nobodys"}, // who has the token may, whoever it is
	})
	return all
}

// apiExamples are examples of the API.
func apiExamples(running int64) map[string]example {
	groupOf := []string{"maintainer", "admin"}
	const members = `{"revision":0,"packages":["maven","ant","gtk+"]}`
	return map[string]example{
		"PATCH /api/v2/packages/{collection}/{name}":            {path: "/api/v2/packages/f44/maven", body: `{"revision":0,"tracked":false}`, once: true},
		"POST /api/v2/packages/{collection}/{name}/build-again": {path: "/api/v2/packages/f44/maven/build-again"},
		"POST /api/v2/builds/{id}/cancel":                       {path: fmt.Sprintf("/api/v2/builds/%d/cancel", running), may: []string{"admin"}},
		"POST /api/v2/groups":                                   {path: "/api/v2/groups", body: `{"name":"carl/api"}`, may: []string{"user", "admin"}},
		"PATCH /api/v2/groups/{name}":                           {path: "/api/v2/groups/java-sig", body: members, may: groupOf, once: true},
		"PATCH /api/v2/groups/{namespace}/{name}":               {path: "/api/v2/groups/alice/mine", body: members, may: groupOf, once: true},
		"DELETE /api/v2/groups/{name}":                          {path: "/api/v2/groups/java-sig?revision=0", may: groupOf, once: true},
		"DELETE /api/v2/groups/{namespace}/{name}":              {path: "/api/v2/groups/alice/mine?revision=0", may: groupOf, once: true},
		"POST /api/v2/collections":                              {path: "/api/v2/collections", body: `{"name":"f50","display_name":"Fifty","target":"f50","dest_tag":"f50","build_tag":"f50-build"}`},
		"PATCH /api/v2/collections/{collection}":                {path: "/api/v2/collections/f43", body: `{"max_builds":3}`},
		"DELETE /api/v2/collections/{collection}":               {path: "/api/v2/collections/nosuch"},
		"POST /api/v2/collections/{collection}/branch":          {path: "/api/v2/collections/nosuch/branch", body: `{"new_name":"a","display_name":"a","target":"a","dest_tag":"a","build_tag":"a"}`},
		"POST /api/v2/collections/{collection}/fork":            {path: "/api/v2/collections/nosuch/fork", body: `{"name":"a"}`},
		"POST /api/v2/collection-groups":                        {path: "/api/v2/collection-groups", body: `{"name":"api"}`},
		"PATCH /api/v2/collection-groups":                       {path: "/api/v2/collection-groups", body: `{"name":"fedora","display_name":"Fedora"}`},
		"DELETE /api/v2/collection-groups/{name}":               {path: "/api/v2/collection-groups/nosuch"},
		"PUT /api/v2/notice":                                    {path: "/api/v2/notice", body: `{"text":"an outage"}`},
		"GET /api/v2/me":                                        {path: "/api/v2/me"},
		"GET /api/v2/tokens":                                    {path: "/api/v2/tokens"},
		"POST /api/v2/tokens":                                   {path: "/api/v2/tokens", body: `{"name":"x","scopes":["read"],"days":1}`},
		"DELETE /api/v2/tokens/{id}":                            {path: "/api/v2/tokens/99"},
		"GET /api/v2/users":                                     {path: "/api/v2/users"},
		"PUT /api/v2/users/{name}/role":                         {path: "/api/v2/users/bob/role", body: `{"admin":true}`},
		"DELETE /api/v2/users/{name}/sessions":                  {path: "/api/v2/users/bob/sessions"},
		"GET /api/v2/audit":                                     {path: "/api/v2/audit"},
		"POST /api/v2/audit/{id}/undo":                          {path: "/api/v2/audit/99999/undo"},
		"PUT /api/v2/users/{name}/address":                      {path: "/api/v2/users/bob/address", body: `{"address":"bob@example.org"}`},
		"GET /api/v2/silences":                                  {path: "/api/v2/silences"},
		"PUT /api/v2/silences":                                  {path: "/api/v2/silences", body: `{"what":"package","name":"maven","until":"2030-01-01T00:00:00Z"}`},
		"DELETE /api/v2/silences":                               {path: "/api/v2/silences?what=package&name=maven"},
		"POST /api/v2/subscriptions/mail":                       {path: "/api/v2/subscriptions/mail"},
		"GET /api/v2/hook":                                      {path: "/api/v2/hook"},
		"PUT /api/v2/hook":                                      {path: "/api/v2/hook", body: `{"url":"https://hook.test/"}`},
		"POST /api/v2/hook/secret":                              {path: "/api/v2/hook/secret"},
		"GET /api/v2/deliveries":                                {path: "/api/v2/deliveries"},
		"POST /api/v2/deliveries/{id}/resend":                   {path: "/api/v2/deliveries/99/resend"},
		"POST /api/v2/sinks/{name}/resend":                      {path: "/api/v2/sinks/nosuch/resend"},
		"DELETE /api/v2/sinks/{name}":                           {path: "/api/v2/sinks/nosuch"},
		"POST /api/v2/collections/{collection}/accept":          {path: "/api/v2/collections/f43/accept"},
		"POST /api/v2/retry-pinning":                            {path: "/api/v2/retry-pinning"},
		"GET /api/v2/subscriptions":                             {path: "/api/v2/subscriptions"},
		"POST /api/v2/subscriptions":                            {path: "/api/v2/subscriptions", body: `{"scope":"package","name":"maven"}`},
		"DELETE /api/v2/subscriptions/{id}":                     {path: "/api/v2/subscriptions/99"},
	}
}

// filled puts something into the wildcards of a route that anybody may read.
func filled(pattern string) string {
	return strings.NewReplacer("{$}", "", "{file}", "koschei.css", "{name}", "maven", "{id}", "1", "{collection}", "f44", "{namespace}", "alice", "{a}", "f43", "{b}", "f44", "{token}", "nobodys").Replace(pattern)
}

// Who may do what: every route, asked by everybody, with real requests.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	server := browse(t, acting(db))
	running, tokens := runningBuild(t, db), server.tokens(db)
	for _, route := range server.handler.Routes {
		key := strings.TrimSpace(route.Method + " " + route.Pattern)
		e, there := examples(running, "")[key]
		switch {
		case there:
		case route.Method == "" || route.Access == web.Public && route.Method == http.MethodGet:
			e = example{path: filled(route.Pattern)}
		default:
			t.Errorf("%s has no example, so nobody knows who may ask", key)
			continue
		}
		for kind, v := range map[string]visitor{ // signed in anew: one of the routes signs them out
			"nobody": server.as(db, "", false), "user": server.as(db, "carl", false), "maintainer": server.as(db, "alice", false), "admin": server.as(db, "root", true),
			"token": tokens["all"], "expired token": tokens["expired"], "small token": tokens["small"], "no token": {browser: server, bearer: "koschei_1_AAAA"},
		} {
			method := route.Method
			if method == "" {
				method = http.MethodGet
			}
			before := logged(t, db)
			w := v.try(method, e)
			switch want := expected(&route, e, kind); {
			case want == 0 && (w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden || w.Code >= 500):
				t.Errorf("%s by %s: status %d, want that they may: %s", key, kind, w.Code, plain(w.Body.String()))
			case want != 0 && w.Code != want:
				t.Errorf("%s by %s: status %d, want %d", key, kind, w.Code, want)
			case want != 0 && logged(t, db) != before:
				t.Errorf("%s by %s: it was refused and changed something", key, kind)
			}
		}
	}
}

// expected is the status of a refusal, 0 if there is to be none.
func expected(route *web.Route, e example, kind string) int {
	switch {
	case kind == "expired token" || kind == "no token":
		return http.StatusUnauthorized
	case route.Access == web.Public:
		return 0
	case kind == "small token" && route.Scope != koschei.TokenRead || kind == "token" && route.Scope == "":
		return http.StatusForbidden
	case kind == "token":
		kind = "admin" // whose it is
	case kind == "nobody" && route.Method == http.MethodGet && route.Errors == web.HTML:
		return http.StatusFound // to the login
	case kind == "nobody":
		return http.StatusUnauthorized
	case route.Access == web.Admins && kind != "admin":
		return http.StatusForbidden
	}
	for _, may := range e.may {
		if may == kind {
			return 0
		}
	}
	if e.may != nil {
		return http.StatusForbidden
	}
	return 0
}

// What another site sends, and what does not say which revision it is about, is
// refused and changes nothing.
func TestFormsAreGuarded(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	server := browse(t, acting(db))
	admin := server.as(db, "root", true)
	guarded := 0
	for _, route := range server.handler.Routes {
		if route.Method == "" || route.Method == http.MethodGet {
			continue
		}
		e := examples(runningBuild(t, db), "")[route.Method+" "+route.Pattern]
		before := logged(t, db)
		for _, site := range []string{"cross-site", "same-site"} {
			if w := admin.try(route.Method, e, "Sec-Fetch-Site", site); w.Code != http.StatusForbidden {
				t.Errorf("%s: status %d from %s", route.Pattern, w.Code, site)
			}
		}
		if w := admin.try(route.Method, e, "Origin", "https://evil.test"); w.Code != http.StatusForbidden {
			t.Errorf("%s: status %d from another origin", route.Pattern, w.Code)
		}
		if e.once || e.guard != "" {
			guarded++
			e.form.Del(cmp.Or(e.guard, "revision"))
			e.body, e.path = strings.Replace(e.body, `"revision":0,`, "", 1), strings.TrimSuffix(e.path, "?revision=0")
			w := admin.try(route.Method, e)
			said := plain(w.Body.String())
			if w.Code != http.StatusBadRequest || !strings.Contains(said, "The form does not say") && !strings.Contains(said, "does not say which revision") {
				t.Errorf("%s without a revision: status %d", route.Pattern, w.Code)
			}
		}
		if after := logged(t, db); after != before {
			t.Errorf("%s: %d changes were made", route.Pattern, after-before)
		}
	}
	if guarded < 10 {
		t.Errorf("only %d forms have a revision", guarded)
	}
}

func logged(t *testing.T, db *pgtest.DB) int {
	t.Helper()
	entries, err := db.People.Audit(t.Context(), "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// runningBuild is the scratch build of gtk+ that is under way.
func runningBuild(t *testing.T, db *pgtest.DB) int64 {
	t.Helper()
	c, err := db.View.Collection(t.Context(), "f44")
	if err != nil {
		t.Fatal(err)
	}
	packages, err := db.Packages.Named(t.Context(), c.Name, []string{"gtk+"})
	if err != nil {
		t.Fatal(err)
	}
	return packages[0].LastBuildID
}

// Two people with the same page: the later is told of the earlier, keeps what
// they wanted, and may set it anyway.
func TestTwoAtOnePage(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	server := browse(t, acting(db))
	ann, jdoe := server.as(db, "ann", false), server.as(db, "jdoe", false)
	form := func(value, revision string) url.Values {
		return url.Values{"collection": {"f44"}, "field": {"manual_priority"}, "value": {value}, "revision": {revision}}
	}
	if w := jdoe.send(http.MethodPost, "/package/maven/edit", form("200", "0")); w.Code != http.StatusSeeOther {
		t.Fatalf("status %d: %s", w.Code, plain(w.Body.String()))
	}
	w := ann.send(http.MethodPost, "/package/maven/edit", form("100", "0"))
	text := plain(w.Body.String())
	if w.Code != http.StatusConflict || !strings.Contains(text, "jdoe set the manual priority to 200, just now; yours is 100. Set it anyway?") {
		t.Fatalf("status %d: %s", w.Code, text)
	}
	if !strings.Contains(w.Body.String(), `value="100"`) || !strings.Contains(w.Body.String(), `name="revision" value="1"`) {
		t.Errorf("the form does not keep what was wanted: %s", w.Body)
	}
	if w := ann.send(http.MethodPost, "/package/maven/edit", form("100", "1")); w.Code != http.StatusSeeOther {
		t.Errorf("set anyway: status %d", w.Code)
	}
	group := func(value string) url.Values {
		return url.Values{"field": {"packages"}, "value": {value}, "revision": {"0"}}
	}
	alice, bob := server.as(db, "alice", false), server.as(db, "bob", false)
	if w := bob.send(http.MethodPost, "/groups/java-sig/edit", group("maven ant ripgrep-is-not-there")); w.Code != http.StatusNotFound || !strings.Contains(plain(w.Body.String()), "ripgrep-is-not-there") {
		t.Errorf("an unknown package: status %d", w.Code)
	}
	if w := bob.send(http.MethodPost, "/groups/java-sig/edit", group("maven ant gtk+")); w.Code != http.StatusSeeOther {
		t.Errorf("status %d", w.Code)
	}
	if w := alice.send(http.MethodPost, "/groups/java-sig/edit", group("maven")); w.Code != http.StatusConflict || !strings.Contains(plain(w.Body.String()), "bob changed this group just now") {
		t.Errorf("status %d: %s", w.Code, plain(w.Body.String()))
	}
}

// Pages and the command line leave the same in the record.
func TestPagesAndCommandsDoTheSame(t *testing.T) {
	t.Parallel()
	byPage, byCommand := seeded(t), seeded(t)
	server := browse(t, acting(byPage))
	root := server.as(byPage, "root", true)
	for _, p := range []struct {
		path string
		form url.Values
	}{
		{"/package/maven/edit", url.Values{"collection": {"f44"}, "field": {"manual_priority"}, "value": {"70"}, "revision": {"0"}}},
		{"/package/maven/edit", url.Values{"collection": {"f44"}, "field": {"static_priority"}, "value": {"-7"}, "revision": {"0"}}},
		{"/package/maven/edit", url.Values{"collection": {"f44"}, "field": {"arch_override"}, "value": {"x86_64, i386"}, "revision": {"0"}}},
		{"/package/ant/edit", url.Values{"collection": {"f44"}, "field": {"skip_resolution"}, "value": {"yes"}, "revision": {"0"}}},
		{"/package/ant/edit", url.Values{"collection": {"f44"}, "field": {"tracked"}, "value": {"no"}, "revision": {"0"}}},
		{"/package/gtk+/build-again", url.Values{"collection": {"f44"}, "turn": {"first"}}},
		{"/add-group", url.Values{"namespace": {"ann"}, "name": {"tea"}, "packages": {"maven\r\nant"}, "maintainers": {"bob"}}},
		{"/groups/ann/tea/edit", url.Values{"field": {"name"}, "value": {"thegroup"}, "namespace": {""}, "revision": {"1"}}},
		{"/admin/notice", url.Values{"text": {"an outage"}, "do": {"set"}}},
		{"/admin/users", url.Values{"name": {"bob"}, "do": {"grant"}}},
		{"/admin/add-collection", newCollection()},
		{"/admin/collections/f99", setting("weight", "1", "2.5")},
		{"/admin/collections/f99", setting("lenient", "false", "true")},
		{"/admin/collections/f99", setting("name", "f99", "f98")},
		{"/admin/collections/f43/branch", url.Values{"new_name": {"f97"}, "display_name": {"A branch"}, "target": {"f97"}, "build_tag": {"f97-build"}}},
		{"/admin/collections/f43/fork", url.Values{"name": {"f43-ruby"}, "display_name": {"A fork"}, "target": {"ruby"}, "build_tag": {"ruby-build"}}},
		{"/admin/collections/f43-ruby", setting("paused", "false", "true")},
		{"/subscriptions", url.Values{"do": {"follow"}, "scope": {"package"}, "name": {"maven"}, "tell": {"all"}, "pace": {"daily"}}},
		{"/subscriptions", url.Values{"do": {"silence"}, "what": {"package"}, "name": {"ant"}, "until": {"2026-12-24"}}},
		{"/admin/add-collection-group", url.Values{"name": {"set"}, "display_name": {"A set"}, "collections": {"f44\r\nf98"}}},
		{"/admin/collection-groups/set", url.Values{"display_name": {"The set"}, "collections": {"f98"}, "was_display_name": {"A set"}, "was_collections": {"f44 f98"}, "seen": {"1"}}},
		{"/admin/collection-groups/fedora/delete", nil},
		{"/admin/collections/epel10/delete", url.Values{"name": {"epel10"}}},
	} {
		if w := root.send(http.MethodPost, p.path, p.form); w.Code != http.StatusSeeOther {
			t.Errorf("%s: status %d: %s", p.path, w.Code, plain(w.Body.String()))
		}
	}
	byCommands(t, byCommand)
	if got, want := decided(t, byPage), decided(t, byCommand); got != want {
		t.Errorf("by pages:\n%s\nby commands:\n%s", got, want)
	}
}

// byCommands has root do by command what pages are tried with.
func byCommands(t *testing.T, db *pgtest.DB) {
	t.Helper()
	sessions := session.New(db.PG, session.Limits{Idle: time.Hour, Absolute: time.Hour})
	if _, err := sessions.Begin(t.Context(), session.Login{User: "root", Admin: true, Way: session.Development}, now); err != nil {
		t.Fatal(err)
	}
	for _, do := range commands(db) {
		if _, err := do(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// commands are what is done on pages, in the same order.
func commands(db *pgtest.DB) []func(context.Context) ([]string, error) {
	asRoot := audit.Act{Actor: koschei.Actor{Name: "root", From: koschei.FromFrontend, Admin: true}, Now: now}
	thegroup := "thegroup"
	return []func(context.Context) ([]string, error){
		func(ctx context.Context) ([]string, error) {
			return db.SetPriority(ctx, asRoot, "f44", []string{"maven"}, edit.ManualPriority, 70)
		},
		func(ctx context.Context) ([]string, error) {
			return db.SetPriority(ctx, asRoot, "f44", []string{"maven"}, edit.StaticPriority, -7)
		},
		func(ctx context.Context) ([]string, error) {
			return db.SetArchOverride(ctx, asRoot, "f44", []string{"maven"}, "x86_64 i386")
		},
		func(ctx context.Context) ([]string, error) {
			return db.SkipResolution(ctx, asRoot, "f44", []string{"ant"}, true)
		},
		func(ctx context.Context) ([]string, error) {
			return db.UntrackPackages(ctx, asRoot, "f44", []string{"ant"})
		},
		func(ctx context.Context) ([]string, error) {
			return db.RetryPackages(ctx, asRoot, "f44", []string{"gtk+"}, edit.Turn{Rules: koschei.DefaultPriorityRules(), First: true})
		},
		func(ctx context.Context) ([]string, error) {
			return db.CreateGroup(ctx, asRoot, "ann/tea", []string{"maven", "ant"}, []string{"bob"})
		},
		func(ctx context.Context) ([]string, error) {
			return db.EditGroup(ctx, asRoot, "ann/tea", edit.GroupEdit{FullName: &thegroup})
		},
		func(ctx context.Context) ([]string, error) { return db.SetNotice(ctx, asRoot, "an outage") },
		func(ctx context.Context) ([]string, error) { return db.Accounts.SetAdmin(ctx, asRoot, "bob", true) },
		func(ctx context.Context) ([]string, error) {
			return db.CreateCollection(ctx, asRoot, &koschei.Collection{
				Name: "f99", DisplayName: "Fedora 99", Target: "f99", DestTag: "f99-build", BuildTag: "f99-build", BuildGroup: "build", Order: 7,
				PriorityCoefficient: 1, Weight: 1, PollUntracked: true,
			})
		},
		func(ctx context.Context) ([]string, error) {
			return db.EditCollection(ctx, asRoot, "f99", func(c *koschei.Collection) error { c.Weight = 2.5; return nil })
		},
		func(ctx context.Context) ([]string, error) {
			return db.EditCollection(ctx, asRoot, "f99", func(c *koschei.Collection) error { c.Lenient = true; return nil })
		},
		func(ctx context.Context) ([]string, error) {
			return db.EditCollection(ctx, asRoot, "f99", func(c *koschei.Collection) error { c.Name = "f98"; return nil })
		},
		func(ctx context.Context) ([]string, error) {
			return db.BranchCollection(ctx, asRoot, edit.Branch{
				Master: "f43", NewName: "f97", Target: "f97", DestTag: "f97-build", BuildTag: "f97-build", DisplayName: "A branch",
			})
		},
		func(ctx context.Context) ([]string, error) {
			return db.ForkCollection(ctx, asRoot, "f43", koschei.Collection{
				Name: "f43-ruby", DisplayName: "A fork", Target: "ruby", DestTag: "ruby-build", BuildTag: "ruby-build",
			})
		},
		func(ctx context.Context) ([]string, error) {
			return db.EditCollection(ctx, asRoot, "f43-ruby", func(c *koschei.Collection) error { c.Paused = true; return nil })
		},
		func(ctx context.Context) ([]string, error) {
			return db.Accounts.Subscribe(ctx, asRoot, koschei.Subscription{
				User: "root", Sink: koschei.SinkMail, Scope: koschei.ScopePackage, Name: "maven", Tell: koschei.TellAll, Pace: koschei.Daily, Together: true,
			})
		},
		func(ctx context.Context) ([]string, error) {
			return db.Accounts.Silence(ctx, asRoot, koschei.Silence{User: "root", What: koschei.SilencePackage, Name: "ant", Until: time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)})
		},
		func(ctx context.Context) ([]string, error) {
			return db.CreateCollectionGroup(ctx, asRoot, edit.CollectionGroupEdit{Name: "set", DisplayName: "A set", Collections: []string{"f44", "f98"}})
		},
		func(ctx context.Context) ([]string, error) {
			return db.EditCollectionGroup(ctx, asRoot, edit.CollectionGroupEdit{Name: "set", DisplayName: "The set", Collections: []string{"f98"}})
		},
		func(ctx context.Context) ([]string, error) { return db.DeleteCollectionGroup(ctx, asRoot, "fedora") },
		func(ctx context.Context) ([]string, error) { return db.DeleteCollection(ctx, asRoot, "epel10", true) },
	}
}

// decided is all that people decided, in the record.
func decided(t *testing.T, db *pgtest.DB) string {
	t.Helper()
	settings, err := db.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := db.People.Audit(t.Context(), "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("%+v\n", *settings)
	frame, err := db.Frame(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range frame.Collections {
		out += fmt.Sprintf("%+v\n", c.Collection)
	}
	groups, err := db.CollectionGroups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out += fmt.Sprintf("%+v\n", groups)
	for _, name := range []string{"maven", "ant", "gtk+"} {
		s, err := db.Packages.Settings(t.Context(), "f44", name)
		if err != nil {
			t.Fatal(err)
		}
		out += fmt.Sprintf("%s %+v\n", name, *s)
	}
	for _, user := range []string{"root", "bob"} {
		reader, err := db.People.Reader(t.Context(), user, now)
		if err != nil {
			t.Fatal(err)
		}
		for i := range reader.Subscriptions {
			reader.Subscriptions[i].Token = "" // drawn by lot
		}
		out += fmt.Sprintf("%s %+v\n", user, *reader)
	}
	for _, e := range entries {
		out += fmt.Sprintf("%s %s %s\n", e.Actor, e.Package, e.Message)
	}
	return out
}

// setting is a form that changes one of a collection, by somebody who has read what
// becomes of it.
func setting(name, was, value string) url.Values {
	return url.Values{"setting": {name}, "value": {value}, "was": {was}, "seen": {"1"}, "sure": {"1"}}
}
