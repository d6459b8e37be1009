package site_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/session"
	"github.com/koschei-ci/koschei/internal/web"
	v2 "github.com/koschei-ci/koschei/internal/web/api/v2"
)

// decoded reads an answer of JSON into a type and fails unless it has all of it.
func decoded[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var answer T
	decoder := json.NewDecoder(strings.NewReader(w.Body.String()))
	decoder.DisallowUnknownFields()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if err := decoder.Decode(&answer); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return answer
}

// What pages show is there for programs, of the types that are described.
func TestV2Reads(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	list := decoded[v2.ListOf[v2.Collection]](t, b.get("/api/v2/collections"), 200)
	if len(list.Items) != 3 || list.Items[0].Name != "f44" || list.Items[0].Packages[koschei.StateFailing] == 0 {
		t.Errorf("collections: %+v", list)
	}
	p := decoded[v2.Package](t, b.get("/api/v2/packages/f44/maven"), 200)
	if p.State != koschei.StateFailing || len(p.Builds) == 0 || p.Why.Verdict == "" || len(p.Why.Terms) != 5 || p.LastSuccess == nil {
		t.Errorf("maven: %+v", p)
	}
	bug := decoded[v2.BugReport](t, b.get("/api/v2/packages/f44/maven/bugreport"), 200)
	if form := b.get("/bugreport/maven?collection=f44").Header().Get("Location"); !strings.Contains(bug.Summary, "maven: FTBFS") || bug.Form == "" || bug.Form != form {
		t.Errorf("bug report: %+v; the page leads to %q", bug, form)
	}
	if w := b.get("/api/v2/packages/f44/ant/bugreport"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "is not broken") {
		t.Errorf("a bug report of a package that builds: status %d: %s", w.Code, w.Body)
	}
	compared := decoded[v2.Comparison](t, b.get(fmt.Sprintf("/api/v2/builds/%d", p.Builds[0].ID)), 200)
	if compared.Package != "maven" || compared.B == nil || compared.B.Build.ID != p.Builds[0].ID {
		t.Errorf("comparison: %+v", compared)
	}
	now := decoded[v2.Comparison](t, b.get(fmt.Sprintf("/api/v2/compare?a=%d&b=now", p.Builds[0].ID)), 200)
	if now.B.Build != nil || now.A.Build == nil {
		t.Errorf("compared with now: %+v", now)
	}
	queue := decoded[v2.Queue](t, b.get("/api/v2/queue?collection=f44"), 200)
	if len(queue.Running) == 0 || queue.Running[0].Collection != "f44" {
		t.Errorf("queue: %+v", queue)
	}
	group := decoded[v2.Group](t, b.get("/api/v2/groups/java-sig"), 200)
	if !slices.Contains(group.Packages, "maven") || !slices.Equal(group.Maintainers, []string{"alice", "bob"}) {
		t.Errorf("group: %+v", group)
	}
	decoded[v2.ListOf[v2.ListedGroup]](t, b.get("/api/v2/groups"), 200)
	decoded[v2.ListOf[v2.Update]](t, b.get("/api/v2/updates?collection=f44&since=2020-01-01T00:00:00Z"), 200)
	decoded[v2.ListOf[v2.Blame]](t, b.get("/api/v2/blames?collection=f44&since=2020-01-01T00:00:00Z"), 200)
	decoded[v2.ListOf[v2.Count]](t, b.get("/api/v2/collections/f44/counts"), 200)
	repos := decoded[v2.ListOf[v2.RepoLine]](t, b.get("/api/v2/repos/f44"), 200)
	if len(repos.Items) == 0 {
		t.Fatal("no repos")
	}
	decoded[v2.RepoPage](t, b.get(fmt.Sprintf("/api/v2/repos/f44/%d", repos.Items[0].ID)), 200)
	decoded[v2.Notice](t, b.get("/api/v2/notice"), 200)
}

// A list comes in parts that are the whole together, and an export has the same.
func TestV2Lists(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	var names []string
	for after, parts := "", 0; ; parts++ {
		list := decoded[v2.ListOf[v2.ListedPackage]](t, b.get("/api/v2/packages?collection=f44&limit=20&after="+url.QueryEscape(after)), 200)
		for _, p := range list.Items {
			names = append(names, p.Name)
		}
		if after = list.Next; after == "" {
			if parts < 5 {
				t.Errorf("only %d parts", parts)
			}
			break
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names are not in order, or come twice: %v", names)
	}
	w := b.get("/api/v2/export/states?collection=f44")
	if kind := w.Header().Get("Content-Type"); w.Code != 200 || kind != "application/x-ndjson" {
		t.Fatalf("status %d, %s", w.Code, kind)
	}
	var exported []string
	for line := range strings.Lines(w.Body.String()) {
		var p v2.ListedPackage
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		exported = append(exported, p.Name)
	}
	if !slices.Equal(names, exported) {
		t.Errorf("%d packages are listed and %d exported", len(names), len(exported))
	}
	for _, kind := range []string{"builds", "changes"} {
		if w := b.get("/api/v2/export/" + kind); w.Code != 200 || kind == "builds" && strings.Count(w.Body.String(), "\n") < 10 {
			t.Errorf("%s: status %d, %d lines", kind, w.Code, strings.Count(w.Body.String(), "\n"))
		}
	}
	failing := decoded[v2.ListOf[v2.ListedPackage]](t, b.get("/api/v2/packages?state=failing&group=java-sig&prefix=mav"), 200)
	for _, p := range failing.Items {
		if p.State != koschei.StateFailing || !strings.HasPrefix(p.Name, "mav") {
			t.Errorf("not asked for: %+v", p)
		}
	}
	if len(failing.Items) == 0 {
		t.Error("no failing package")
	}
}

// The status and the statistics tell what their pages tell.
func TestV2Status(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	status := decoded[v2.Status](t, b.get("/api/v2/status"), 200)
	if len(status.Collections) != 3 || status.Collections[0].Collection != "f44" || status.Collections[0].Packages[koschei.StateFailing] != 9 ||
		len(status.Findings) == 0 || status.Findings[0].Collection != "f43" || !slices.Contains(status.Leases, "scheduler") {
		t.Errorf("status: %+v", status)
	}
	numbers := decoded[v2.Statistics](t, b.get("/api/v2/statistics"), 200)
	if len(numbers.Collections) != 3 || numbers.Collections[0] != (v2.CollectionPackages{Collection: "f44", All: 138, Tracked: 135, Blocked: 2}) ||
		len(numbers.Builds) == 0 || len(numbers.Arches) != 2 || len(numbers.Longest) == 0 {
		t.Errorf("statistics: %+v", numbers)
	}
}

// An answer that somebody has is not sent again.
func TestV2NotModified(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	tag := b.get("/api/v2/groups/java-sig").Header().Get("ETag")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v2/groups/java-sig", nil)
	r.Header.Set("If-None-Match", tag)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	if tag == "" || w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("tag %q: status %d with %d bytes", tag, w.Code, w.Body.Len())
	}
}

// Every mistake is told as problem details in one sentence, and nothing is changed.
func TestV2Mistakes(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	server := browse(t, acting(db))
	root := server.as(db, "root", true)
	before := logged(t, db)
	const maven = "/api/v2/packages/f44/maven"
	for _, m := range []struct {
		method, path, body string
		status             int
		detail             string
	}{
		{"GET", "/api/v2/nosuch", "", 404, "There is no page at this address."},
		{"GET", "/api/v2/packages/f44/mavn", "", 404, `There is no package named "mavn"; near: maven`},
		{"GET", "/api/v2/packages/f99/maven", "", 404, `There is no collection named "f99".`},
		{"GET", "/api/v2/packages?limit=0", "", 400, `Argument limit: "0" is not a whole number from 1 to 2000.`},
		{"GET", "/api/v2/packages?limit=1&limit=2", "", 400, "Argument limit: it is there twice."},
		{"GET", "/api/v2/packages?colour=red", "", 400, `There is no argument "colour" here.`},
		{"GET", "/api/v2/packages?state=red", "", 400, `Argument state: "red" is none of`},
		{"GET", "/api/v2/updates?collection=f44&since=yesterday", "", 400, `Argument since: "yesterday" is not a time such as`},
		{"GET", "/api/v2/updates", "", 400, "Say which collection"},
		{"GET", "/api/v2/builds/x", "", 400, `Id in the address: "x" is not a whole number`},
		{"GET", "/api/v2/compare?a=1&b=x", "", 400, `Argument b: "x" is neither`},
		{"GET", "/api/v2/changes?after=x", "", 400, `Argument after: "x" is not`},
		{"PATCH", maven, `{`, 400, "The body ends too early."},
		{"PATCH", maven, `[]`, 400, "The body is a JSON array and not an object."},
		{"PATCH", maven, `{"revision":0}x`, 400, "The body goes on after its end."},
		{"PATCH", maven, `{"revision":"0"}`, 400, "Revision in the body cannot be a JSON string."},
		{"PATCH", maven, `{"revision":0,"colour":1}`, 400, `The body has a field "colour", which is not known here.`},
		{"PATCH", maven, `{"tracked":true}`, 400, "The body does not say which revision."},
		{"PATCH", maven, `{"revision":0,"arch_override":"a\u0000"}`, 400, "Arch_override has the character 0 in it"},
		{"PATCH", maven, `{"revision":0,"manual_priority":99999999999}`, 400, ""},
		{"POST", "/api/v2/groups", `{"name":"a b"}`, 400, ""},
		{"POST", "/api/v2/tokens", `{"name":"x","scopes":["all"],"days":1}`, 400, `There is no scope "all"`},
		{"PUT", "/api/v2/users/bob/role", `{}`, 400, "The body does not say which admin."},
		{"DELETE", "/api/v2/openapi.json", "", 405, ""},
	} {
		w := root.sendJSON(m.method, m.path, m.body)
		var problem web.ProblemDetails
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %s: no problem details but %s", m.method, m.path, m.body, w.Body)
			continue
		}
		if w.Code != m.status || problem.Status != m.status || !strings.HasPrefix(problem.Detail, m.detail) || strings.ContainsAny(problem.Detail, "\n") {
			t.Errorf("%s %s %s: status %d, %q, want %d, %q", m.method, m.path, m.body, w.Code, problem.Detail, m.status, m.detail)
		}
	}
	if after := logged(t, db); after != before {
		t.Errorf("%d changes were made", after-before)
	}
	if w := root.send(http.MethodPatch, maven, url.Values{"revision": {"0"}}); w.Code != 400 || !strings.Contains(w.Body.String(), "must be JSON") {
		t.Errorf("a form: status %d: %s", w.Code, w.Body)
	}
}

// A request with a key is done once, whoever sends it how often at the same time.
func TestV2Once(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	server := browse(t, acting(db))
	root := server.as(db, "root", true)
	answers := make(chan *httptest.ResponseRecorder)
	for range 5 {
		go func() {
			answers <- root.sendJSON(http.MethodPost, "/api/v2/groups", `{"name":"once"}`, "Idempotency-Key", "k1")
		}()
	}
	for range 5 {
		made := decoded[v2.Changed](t, <-answers, http.StatusCreated)
		if len(made.Changes) != 1 || made.Changes[0] != "group once created" {
			t.Errorf("changes: %q", made.Changes)
		}
	}
	if w := root.sendJSON(http.MethodPost, "/api/v2/groups", `{"name":"once"}`); w.Code != http.StatusConflict {
		t.Errorf("without the key: status %d", w.Code)
	}
	if w := root.sendJSON(http.MethodPost, "/api/v2/groups", `{"name":"other"}`, "Idempotency-Key", "k1"); w.Code != http.StatusConflict {
		t.Errorf("another request with the key: status %d", w.Code)
	}
	if w := server.as(db, "carl", false).sendJSON(http.MethodPost, "/api/v2/groups", `{"name":"carl/his"}`, "Idempotency-Key", "k1"); w.Code != http.StatusCreated {
		t.Errorf("somebody else's key: status %d: %s", w.Code, w.Body)
	}
	n := 0
	entries, err := db.People.Audit(t.Context(), "", 1000)
	for _, e := range entries {
		if e.Message == "group once created" {
			n++
		}
	}
	if err != nil || n != 1 {
		t.Errorf("it was done %d times, %v", n, err)
	}
}

// The API and the command line leave the same in the record.
func TestV2DoTheSame(t *testing.T) {
	t.Parallel()
	cfgAPI, cfgCommand := seededConfig(t), seededConfig(t)
	byAPI, byCommand := pgtest.Open(t, cfgAPI), pgtest.Open(t, cfgCommand)
	worldAPI, worldCommand := pgtest.WorldOf(t, cfgAPI), pgtest.WorldOf(t, cfgCommand)
	worldAPI.Doubted("f43")
	worldCommand.Doubted("f43")
	server := browse(t, acting(byAPI))
	root := server.tokens(byAPI)["all"]
	asRoot := audit.Act{Actor: koschei.Actor{Name: "root", From: koschei.FromFrontend, Admin: true}, Now: now}
	browse(t, acting(byCommand)).tokens(byCommand) // the same users and tokens
	ctx, db := t.Context(), byCommand
	christmas := time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)
	seven, yes, no, arches, revision := 7, true, false, "x86_64 i386", int64(0)
	thegroup, members := "thegroup", []string{"ant"}
	for _, step := range []struct {
		method, path, body string
		do                 func(context.Context) ([]string, error)
	}{
		{"PATCH", "/api/v2/packages/f44/maven", `{"revision":0,"manual_priority":7,"static_priority":7,"arch_override":"x86_64, i386"}`, func(ctx context.Context) ([]string, error) {
			return db.EditPackage(ctx, asRoot, edit.PackageEdit{
				Collection: "f44", Name: "maven", Revision: &revision, ManualPriority: &seven, StaticPriority: &seven, ArchOverride: &arches,
			})
		}},
		{"PATCH", "/api/v2/packages/f44/ant", `{"revision":0,"tracked":false,"skip_resolution":true}`, func(ctx context.Context) ([]string, error) {
			return db.EditPackage(ctx, asRoot, edit.PackageEdit{Collection: "f44", Name: "ant", Tracked: &no, SkipResolution: &yes})
		}},
		{"POST", "/api/v2/packages/f44/gtk+/build-again", "", func(ctx context.Context) ([]string, error) {
			return db.RetryPackages(ctx, asRoot, "f44", []string{"gtk+"}, edit.Turn{Rules: koschei.DefaultPriorityRules()})
		}},
		{"POST", "/api/v2/groups", `{"name":"ann/tea","packages":["maven","ant"],"maintainers":["bob"]}`, func(ctx context.Context) ([]string, error) {
			return db.CreateGroup(ctx, asRoot, "ann/tea", []string{"maven", "ant"}, []string{"bob"})
		}},
		{"PATCH", "/api/v2/groups/ann/tea", `{"revision":1,"name":"thegroup","packages":["ant"]}`, func(ctx context.Context) ([]string, error) {
			return db.EditGroup(ctx, asRoot, "ann/tea", edit.GroupEdit{FullName: &thegroup, Packages: &members})
		}},
		{"PUT", "/api/v2/notice", `{"text":"an outage"}`, func(ctx context.Context) ([]string, error) { return db.SetNotice(ctx, asRoot, "an outage") }},
		{"PUT", "/api/v2/users/bob/role", `{"admin":true}`, func(ctx context.Context) ([]string, error) { return db.Accounts.SetAdmin(ctx, asRoot, "bob", true) }},
		{"PATCH", "/api/v2/collections/f43", `{"max_builds":3}`, func(ctx context.Context) ([]string, error) {
			return db.EditCollection(ctx, asRoot, "f43", func(c *koschei.Collection) error { c.MaxBuilds = 3; return nil })
		}},
		{"PATCH", "/api/v2/collections/f43", `{"paused":true}`, func(ctx context.Context) ([]string, error) {
			return db.EditCollection(ctx, asRoot, "f43", func(c *koschei.Collection) error { c.Paused = true; return nil })
		}},
		{"POST", "/api/v2/collections/f43/fork", `{"name":"f43-ruby","display_name":"A fork","target":"r","dest_tag":"r","build_tag":"r-build"}`, func(ctx context.Context) ([]string, error) {
			return db.ForkCollection(ctx, asRoot, "f43", koschei.Collection{Name: "f43-ruby", DisplayName: "A fork", Target: "r", DestTag: "r", BuildTag: "r-build"})
		}},
		{"POST", "/api/v2/collections/f43/branch", `{"new_name":"f97","display_name":"Old","target":"n","dest_tag":"n","build_tag":"n-build"}`, func(ctx context.Context) ([]string, error) {
			return db.BranchCollection(ctx, asRoot, edit.Branch{Master: "f43", NewName: "f97", DisplayName: "Old", Target: "n", DestTag: "n", BuildTag: "n-build"})
		}},
		{"POST", "/api/v2/collections/f97/accept", "", func(ctx context.Context) ([]string, error) { return db.AcceptNews(ctx, asRoot, "f97") }},
		{"POST", "/api/v2/retry-pinning", "", func(ctx context.Context) ([]string, error) { return db.RetryPinning(ctx, asRoot) }},
		{"PUT", "/api/v2/users/bob/address", `{"address":"bob@example.org"}`, func(ctx context.Context) ([]string, error) {
			return db.Accounts.SetAddress(ctx, asRoot, "bob", "bob@example.org")
		}},
		{"POST", "/api/v2/subscriptions", `{"scope":"group","name":"java-sig","pace":"weekly"}`, func(ctx context.Context) ([]string, error) {
			return db.Accounts.Subscribe(ctx, asRoot, koschei.Subscription{
				User: "root", Sink: koschei.SinkMail, Scope: koschei.ScopeGroup, Name: "java-sig", Tell: koschei.TellMended, Pace: koschei.Weekly, Together: true,
			})
		}},
		{"PUT", "/api/v2/silences", `{"what":"cause","name":"nothing provides x","until":"2026-12-24T00:00:00Z"}`, func(ctx context.Context) ([]string, error) {
			return db.Accounts.Silence(ctx, asRoot, koschei.Silence{User: "root", What: koschei.SilenceCause, Name: "nothing provides x", Until: christmas})
		}},
		{"PUT", "/api/v2/silences", `{"what":"package","name":"ant","until":"2026-12-24T00:00:00Z"}`, func(ctx context.Context) ([]string, error) {
			return db.Accounts.Silence(ctx, asRoot, koschei.Silence{User: "root", What: koschei.SilencePackage, Name: "ant", Until: christmas})
		}},
		{"DELETE", "/api/v2/silences?what=package&name=ant", "", func(ctx context.Context) ([]string, error) {
			return db.Accounts.Silence(ctx, asRoot, koschei.Silence{User: "root", What: koschei.SilencePackage, Name: "ant"})
		}},
		{"DELETE", "/api/v2/collections/epel10?force=true", "", func(ctx context.Context) ([]string, error) {
			return db.DeleteCollection(ctx, asRoot, "epel10", true)
		}},
	} {
		w := root.sendJSON(step.method, step.path, step.body)
		if w.Code != 200 && w.Code != 201 {
			t.Errorf("%s: status %d: %s", step.path, w.Code, w.Body)
			continue
		}
		said, err := step.do(ctx)
		if err != nil {
			t.Error(err)
		}
		if told := decoded[v2.Changed](t, w, w.Code); !slices.Equal(told.Changes, append([]string{}, said...)) {
			t.Errorf("%s: told %q, want %q", step.path, told.Changes, said)
		}
	}
	if got, want := decided(t, byAPI), decided(t, byCommand); got != want {
		t.Errorf("by the API:\n%s\nby commands:\n%s", got, want)
	}
	if got, want := worldAPI.Refusals(), worldCommand.Refusals(); len(got) != 1 || !slices.Equal(got, want) {
		t.Errorf("refusals by the API %q, by commands %q", got, want)
	}
}

// A token that somebody made by the API opens what it is for, until it is revoked.
func TestV2Tokens(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	c := acting(db)
	c.SignIn.Real = time.Now
	server := browse(t, c)
	sessions := session.New(db.PG, session.Limits{Idle: time.Hour, Absolute: time.Hour})
	cookie, err := sessions.Begin(t.Context(), session.Login{User: "carl", Way: session.Development}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	carl := visitor{browser: server, token: cookie}
	made := decoded[v2.MadeToken](t, carl.sendJSON(http.MethodPost, "/api/v2/tokens", `{"name":"nightly","scopes":["read"],"days":1}`, "Idempotency-Key", "k"), http.StatusCreated)
	if w := carl.sendJSON(http.MethodPost, "/api/v2/tokens", `{"name":"nightly","scopes":["read"],"days":1}`, "Idempotency-Key", "k"); w.Code != http.StatusConflict {
		t.Errorf("the same again: status %d: %s", w.Code, w.Body)
	}
	program := visitor{browser: server, bearer: made.Token}
	me := decoded[v2.Me](t, program.send(http.MethodGet, "/api/v2/me", nil), 200)
	if me.Name != "carl" || me.Admin || len(me.Scopes) != 1 {
		t.Errorf("me: %+v", me)
	}
	if w := program.send(http.MethodGet, "/api/v2/tokens", nil); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "scope admin") {
		t.Errorf("tokens: status %d: %s", w.Code, w.Body)
	}
	listed := decoded[v2.ListOf[v2.Token]](t, carl.send(http.MethodGet, "/api/v2/tokens", nil), 200)
	if len(listed.Items) != 1 || strings.Contains(fmt.Sprint(listed), made.Token) {
		t.Errorf("listed: %+v", listed)
	}
	if w := carl.send(http.MethodDelete, fmt.Sprintf("/api/v2/tokens/%d", listed.Items[0].ID), nil); w.Code != 200 {
		t.Errorf("revoking: status %d: %s", w.Code, w.Body)
	}
	if w := program.send(http.MethodGet, "/api/v2/me", nil); w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("revoked: status %d", w.Code)
	}
}
