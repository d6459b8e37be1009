package site_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// What is asked wrongly, or for what is not there, gets one sentence.
func TestWrongRequests(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	for _, tt := range []struct {
		url    string
		status int
		want   string
	}{
		{"/nope", 404, "There is no page at this address."},
		{"/static/nope.css", 404, "There is no page at this address."},
		{"/package/a%00b", 400, "The address is not text in UTF-8."},
		{"/package/%ff", 400, "The address is not text in UTF-8."},
		{"/search?q=%00", 400, "The address is not text in UTF-8."},
		{"/api/v1/packages?name=%00", 400, `{"error":"The address is not text in UTF-8."}`},
		{"/search?q=" + strings.Repeat("a", 256), 400, "No package has a name of more than 255 characters."},
		{"/packages?page=abc", 400, `Page "abc" is not a number.`},
		{"/packages?page=3", 404, "There is no page 3, the last one is 2."},
		{"/packages?after=7", 400, `"7" is no place in a list.`},
		{"/packages?after=0~1~x~y&order_by=-started&collection=f44", 400, `"x" is not what the list is sorted by.`},
		{"/packages?after=9~1~~y", 400, `"9~1~~y" is no place in this list.`},
		{"/packages?since=then", 400, `Since "then" is neither 1h, 24h, 7d or 30d nor a time as 2026-11-24T13:02.`},
		{"/packages?page=0", 404, "There is no page 0."},
		{"/packages?page=99999999999999999999", 400, `Page "99999999999999999999" is not a number.`},
		{"/packages?state=broken", 400, `There is no state "broken"`},
		{"/packages?collection=f99", 404, `There is no collection named "f99".`},
		{"/packages?collection=f44,f99", 404, `There is no collection named "f99".`},
		{"/package/nope", 404, `There is no package named "nope".`},
		{"/package/%3Cscript%3E", 404, `There is no package named "<script>".`},
		{"/package/maven?last_seen=abc", 400, `Last_seen "abc" is not the number of an event.`},
		{"/package/maven?last_seen_ts=1.5", 400, `Last_seen_ts "1.5" is not a time in seconds since 1970.`},
		{"/build/999999", 404, "There is no build 999999."},
		{"/build/x", 404, `There is no build "x".`},
		{"/build/1?compare=x", 400, `Build "x" to compare with is not a number.`},
		{"/build/999999/log", 404, "There is no build 999999."},
		{"/build/x/log", 404, `There is no build "x".`},
		{"/compare", 400, "Say which two builds to compare"},
		{"/compare?a=1&b=999999", 404, "There is no build 999999."},
		{"/compare?a=999999&b=1", 404, "there is no build 999999"},
		{"/compare?a=1&b=2&distance=9", 400, `Distance is near or far, not "9".`},
		{"/compare?a=999999&b=now", 404, "There is no build 999999."},
		{"/collection/f99", 404, `There is no collection named "f99".`},
		{"/groups/nope", 404, `There is no group named "nope".`},
		{"/groups/bob/mine", 404, `There is no group named "bob/mine".`},
		{"/badge/f44/maven.gif", 404, "Badges are pictures of type svg or png."},
		{"/overview?since=never", 400, "Since \"never\" is neither 1h, 24h, 7d, 30d or repo nor a time as 2026-11-24T13:02."},
		{"/package/mavne", 404, `There is no package named "mavne". Near: maven .`},
		{"/bugreport/nope", 404, `There is no package named "nope".`},
		{"/packages?group=" + strings.Repeat("a", 256), 400, "No package and no group has a name of more than 255 characters."},
		{"/badge/f44/nope.svg", 404, `There is no package named "nope" in f44.`},
		{"/badge/f99/maven.svg", 404, `There is no collection named "f99".`},
		{"/api/v1/packages?collection=f99", 404, `{"error":"There is no collection named \"f99\"."}`},
		{"/api/v2/nope", 404, `"status":404,"detail":"There is no page at this address."`},
		{"/api/v1/collections/diff/f44/f99", 404, `{"error":"There is no collection named \"f99\"."}`},
	} {
		w := b.get(tt.url)
		if text := plain(w.Body.String()); w.Code != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s: status %d, want %d with %q, got:\n%s", tt.url, w.Code, tt.status, tt.want, text)
		}
		if strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s: what was asked for is not escaped", tt.url)
		}
	}
}

func TestOnlyReading(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	for method, status := range map[string]int{http.MethodPost: 405, http.MethodDelete: 405, http.MethodHead: 200} {
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/packages", nil))
		if w.Code != status {
			t.Errorf("%s: status %d, want %d", method, w.Code, status)
		}
		if allow := w.Header().Get("Allow"); status == 405 && allow != "GET, HEAD" {
			t.Errorf("%s: Allow %q", method, allow)
		}
	}
}

func TestAPI(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	for _, tt := range []struct{ url, want string }{
		{
			"/api/v1/packages?name=maven&name=gtk%2B&name=nope&collection=f44",
			`[{"name":"gtk+","collection":"f44","state":"ok","last_complete_build":{"task_id":91070,"time_started":"2026-11-15T22:00:00",` +
				`"time_finished":"2026-11-15T22:23:00","epoch":1,"version":"1.2.10","release":"99.fc44"}},` +
				`{"name":"maven","collection":"f44","state":"failing","last_complete_build":{"task_id":91040,"time_started":"2026-11-21T22:00:00",` +
				`"time_finished":"2026-11-21T22:23:00","epoch":1,"version":"3.9.11","release":"1.fc44"}}]`,
		},
		{"/api/v1/packages?name=newcomer", `[{"name":"newcomer","collection":"f44","state":"unknown","last_complete_build":null}]`},
		{"/api/v1/packages?name=nope", `[]`},
		{"/api/v1/packages?collection=f44,f43", `[]`},
		{"/api/v1/packages?collection=f43&name=perl-005", `[{"name":"perl-005","collection":"f43","state":"ok","last_complete_build":{"task_id":TASK,` +
			`"time_started":"2026-11-22T11:00:00","time_finished":"2026-11-22T11:23:00","epoch":null,"version":"0.5","release":"1.fc44"}}]`},
		{"/api/v1/collections/diff/f43/f44", `[{"name":"maven","state":{"f43":"unknown","f44":"failing"}}]`},
		{"/api/v1/collections/diff/f44/f44", `[]`},
	} {
		w := b.get(tt.url)
		got := strings.TrimSuffix(w.Body.String(), "\n")
		if before, after, ok := strings.Cut(tt.want, "TASK"); ok {
			if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
				t.Errorf("%s:\ngot  %s\nwant %s", tt.url, got, tt.want)
			}
		} else if got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.url, got, tt.want)
		}
		if got := w.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: Content-Type %q", tt.url, got)
		}
	}
}

// The API tells of all packages, those too that no page lists.
func TestAPITellsEveryState(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	var packages []struct{ Name, State string }
	if err := json.Unmarshal(b.get("/api/v1/packages?collection=f44").Body.Bytes(), &packages); err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, p := range packages {
		if !slices.Contains(states, p.State) {
			states = append(states, p.State)
		}
	}
	slices.Sort(states)
	if diff := cmp.Diff([]string{"blocked", "failing", "ok", "unknown", "unresolved", "untracked"}, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	w := b.get("/")
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'self'; script-src 'self';") || strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("headers %v", w.Header())
	}
	for _, forbidden := range []string{"<script>", "<style", " style=", " onclick="} {
		for _, url := range []string{"/", "/packages?collection=f44", "/package/maven", "/build/4", "/collections", "/collection/f44"} {
			if strings.Contains(b.get(url).Body.String(), forbidden) {
				t.Errorf("%s has %s, which the policy forbids", url, forbidden)
			}
		}
	}
	style := b.find("/", `href="(/static/[^"]*css)"`)[0]
	if w := b.get(style); w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("%s: status %d, Cache-Control %q", style, w.Code, w.Header().Get("Cache-Control"))
	}
	if w := b.get("/badge/f44/maven.svg"); w.Header().Get("Content-Type") != "image/svg+xml" || !strings.Contains(w.Body.String(), "failing") {
		t.Errorf("badge: %v %s", w.Header(), w.Body)
	}
}

// Pages say so when there is no collection yet.
func TestEmptyRecord(t *testing.T) {
	t.Parallel()
	b := browse(t, config(pgtest.New(t).View))
	if text := b.read("/"); !strings.Contains(text, "Package summary") || !strings.Contains(text, "There is no collection yet.") {
		t.Errorf("front page: %s", text)
	}
	if text := b.read("/packages"); !strings.Contains(text, "No package is tracked yet.") || !strings.Contains(text, "No packages") {
		t.Errorf("list: %s", text)
	}
	if text := b.read("/collections"); !strings.Contains(text, "There is no collection yet") {
		t.Errorf("collections: %s", text)
	}
	if w := b.get("/package/x"); w.Code != http.StatusNotFound {
		t.Errorf("package: status %d", w.Code)
	}
}

// A broken database is told as what it is, and without details.
func TestBrokenDatabase(t *testing.T) {
	t.Parallel()
	b := browse(t, config(pgtest.Open(t, pgtest.Empty(t)).View)) // without the schema
	w := b.get("/packages")
	if text := plain(w.Body.String()); w.Code != http.StatusInternalServerError || strings.Contains(text, "relation") || !strings.Contains(text, "Something went wrong here.") {
		t.Errorf("status %d: %s", w.Code, text)
	}
	if w := b.get("/readyz"); w.Body.String() != "Pages cannot be served now: the database does not answer, or has not the right schema yet.\n" {
		t.Errorf("/readyz says %q", w.Body)
	}
	for url, status := range map[string]int{"/readyz": 503, "/livez": 200, "/metrics": 200} {
		if w := b.get(url); w.Code != status {
			t.Errorf("%s: status %d, want %d", url, w.Code, status)
		}
	}
}

// A server stops when its context ends, and not before.
func TestRun(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := site.New(config(pgtest.New(t).View), true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, l) }()
	res, err := http.Get("http://" + l.Addr().String() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("status %d, %v", res.StatusCode, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if res, err := http.Get("http://" + l.Addr().String() + "/readyz"); err == nil {
		t.Errorf("still serves: status %d, %v", res.StatusCode, res.Body.Close())
	}
}

// Services that fail make a process unready that is there for them; from one
// that serves people they are only told.
func TestReadyTellsOfServices(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var failing []string
	for _, onlyServices := range []bool{false, true} {
		c := config(db.View)
		c.Health = web.Health{OnlyServices: onlyServices, Ready: db.Ready, Failing: func() []string { return failing }}
		b := browse(t, c)
		failing = nil
		if w := b.get("/readyz"); w.Code != 200 || w.Body.String() != "ok\n" {
			t.Errorf("only services: %v: %d %q while all is well", onlyServices, w.Code, w.Body)
		}
		failing = []string{"polling: 7 passes in a row have failed"}
		wantCode, wantBody := 200, "ok\npolling: 7 passes in a row have failed\n"
		if onlyServices {
			wantCode, wantBody = 503, "not ready\npolling: 7 passes in a row have failed\n"
		}
		if w := b.get("/readyz"); w.Code != wantCode || w.Body.String() != wantBody {
			t.Errorf("only services: %v: %d %q, want %d %q", onlyServices, w.Code, w.Body, wantCode, wantBody)
		}
	}
}

// A process that does not get on is to be started again; one that was told to end
// is to be sent nobody, and is still alive.
func TestHealthAtTheEnd(t *testing.T) {
	t.Parallel()
	c := config(pgtest.New(t).View)
	stuck, ending := false, false
	c.Health.Stuck, c.Health.Ending = func() bool { return stuck }, func() bool { return ending }
	b := browse(t, c)
	for _, tt := range []struct {
		stuck, ending bool
		livez, readyz int
	}{{false, false, 200, 200}, {true, false, 503, 200}, {false, true, 200, 503}} {
		stuck, ending = tt.stuck, tt.ending
		if live, ready := b.get("/livez").Code, b.get("/readyz").Code; live != tt.livez || ready != tt.readyz {
			t.Errorf("%+v: /livez %d, /readyz %d", tt, live, ready)
		}
	}
}

// Some addresses lead elsewhere: what is searched for by its whole name, pictures
// of the old type, forms of the bug tracker.
func TestRedirects(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	for from, want := range map[string]string{
		"/search?q=maven":                 "/package/maven",
		"/search?q=maven&collection=f43":  "/package/maven?collection=f43",
		"/search?q=":                      "/",
		"/badge/f44/maven.png":            "/badge/f44/maven.svg",
		"/build/4?compare=2":              "/compare?a=2&b=4",
		"/compare?a=1&other=2&b=4":        "/compare?a=2&b=4",
		"/compare?a=1&other=2&b=now":      "/compare?a=2&b=now",
		"/bugreport/maven?collection=f44": "https://bugs.test/enter_bug.cgi?bug_file_loc=https%3A%2F%2Fkoschei.test%2Fpackage%2Fmaven%3Fcollection%3Df44&comment=Package+maven-3.9.11-1.fc44+fails",
	} {
		if w := b.get(from); w.Code != http.StatusFound || !strings.HasPrefix(w.Header().Get("Location"), want) || !strings.Contains(from, "bug") && w.Header().Get("Location") != want {
			t.Errorf("%s: status %d to %q, want %q", from, w.Code, w.Header().Get("Location"), want)
		}
	}
	if text := b.read("/package/maven?collection=f44"); !strings.Contains(text, "Report a bug…") {
		t.Errorf("no bug can be reported: %s", text)
	}
	for url, want := range map[string]string{
		"/bugreport/maven?collection=f43":    "Bugs of Fedora 43 are not reported from here.",
		"/bugreport/newcomer?collection=f44": `"newcomer" is not broken in Fedora Rawhide as far as is known.`,
	} {
		if w := b.get(url); w.Code != http.StatusNotFound || !strings.Contains(plain(w.Body.String()), want) {
			t.Errorf("%s: status %d: %s", url, w.Code, plain(w.Body.String()))
		}
	}
}
