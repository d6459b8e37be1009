package site_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/web"
)

func TestPages(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	compared := b.find("/package/maven", `href="(/compare[^"]+)"`)[0]
	_, id, _ := strings.Cut(compared, "b=")
	failed := "/build/" + id
	for _, tt := range []struct {
		url  string
		want []string
	}{
		{"/", []string{
			"Package summary", "Fedora Rawhide 10 broken Fedora 43 5 broken EPEL 10 0 broken", "1 hour yesterday last week",
			"The base buildroot of EPEL 10 cannot be installed", "As of repo 5210, made 20 minutes ago: ", "All that broke, by cause", "Koschei 1.2.3",
		}},
		{"/packages", []string{
			"Package Running Fedora Rawhide Fedora 43 Groups", // EPEL 10 has none of them
			"all 135 failing 9 unresolved 1 ok 124 unknown 2 untracked 1 running 1", "gtk+ running ok", "maven failing unknown java-sig", "Packages 1 to 100 of 135",
		}},
		{"/?page=1", []string{"Package summary", "Packages 1 to 100 of 135"}},
		{"/packages?q=mav&collection=f44", []string{"all 1 failing 1", "maven failing 15 hours ago [ERROR] cannot find symbol: class Gone 1:3.9.11-1.fc44"}},
		{"/packages?group=java-sig&collection=f44", []string{"all 2 failing 1", "maven failing", "ant"}},
		{"/packages?collection=f44&since=2026-11-23T06:00", []string{"all 3 failing 1", "maven failing", "Packages 1 to 3 of 3"}},
		{"/packages?collection=f44&since=1h", []string{"The state of no such package has changed since then. Show all packages"}},
		{"/packages?since=2026-11-01&state=unresolved", []string{"rust-ripgrep", "Packages 1 to 1 of 1"}},
		{"/packages?cause=xmvn/0-1", []string{"No package that is broken now is known to have been broken by xmvn/0-1. Show all packages"}},
		{"/packages?cause=failure:nothing", []string{"No package that is broken now is known to have been broken by failure:nothing."}},
		{"/packages?q=mavne", []string{"Nothing is named like “mavne”. Near: maven . Show all packages"}},
		{"/overview?collection=f44", []string{
			"Package summary Fedora Rawhide", "10 packages broke and 0 were mended since yesterday.", "124 build 9 · 6.7 % fail 1 cannot be installed 1 being built", "maven failing 15 hours ago", "For 10 no update is known to be at fault.",
		}},
		{"/overview?collection=f44&since=1h", []string{"Nothing broke in the last hour. The last was maven , 15 hours ago.", "Not building for longer, those that broke last"}},
		{"/overview?collection=f44&since=2026-11-01", []string{"since 1 November 00:00"}},
		{"/overview?collection=epel10", []string{"It has no package yet."}},
		{"/packages?collection=f44", []string{
			"all 135", "failing 9", "unresolved 1", "ok 124", "unknown 1", "running 1", "held due, 849", "untracked 1",
			"Packages 1 to 100 of 135",
		}},
		{"/packages?collection=f44&page=2", []string{"Packages 101 to 135 of 135"}},
		{"/packages?collection=f44&state=unknown", []string{"never built – No build of it is tagged."}},
		{"/packages?collection=f44&untracked=1", []string{"all 136", "untracked 1"}},
		{"/packages?collection=f44&state=untracked", []string{"untracked-thing untracked"}},
		{"/packages?collection=epel10", []string{"nothing provides <libfoo.so.3()(64bit)>", "No packages"}},
		{"/package/maven", []string{
			"failing in Fedora Rawhide for 15 hours", "Fedora 43 unknown", "Groups: java-sig",
			"About repo 5210 , made 20 minutes ago . 1 newer repo: resolution is under way, behind by 5 min.",
			"One of 5 updates may have broken it , most likely one of the 4 that it requires: java-devel, plexus-utils4, xmvn and 2 more. It last built on 14 November ( build 2 ) and first failed on 21 November ( build 4 ).",
			"Nearest of what changed in between: 1 java-devel", "Compare the two builds",
			"%build on x86_64, line 1,482 of 1,501 of build.log", "[ERROR] cannot find symbol: class Gone",
		}},
		{"/package/maven?", []string{
			"Held back. No builder for aarch64 is free. It is tried again after 2026-11-23 22:20:00 UTC",
			"Manual priority 7", "Static priority -30", "Dependencies 512 2 changes since the last build", "Last build 200",
			"Priority 849 built from 256 on",
			"2 changes since 1:3.9.11-1.fc44", "java-devel 1:25.0. 1 .0.8-2.fc44 → 1:25.0. 2 .0.1-1.fc44", "downgraded xmvn",
		}},
		{"/package/maven?last_seen=", []string{
			"Could not init mock buildroot, mock exited with status 30. It does not count.",
			"unresolved 15 days ago 5160 Nothing provides <mvn(org.example:gone)>", "Its dependencies can be installed again, after 24 hours.",
			"1 java-devel 1:25.0. 0 .0.36-1.fc44 → 1:25.0. 1 .0.8-2.fc44 and 4 more", "nothing: same packages as the build before",
			"aarch64 canceled after 23 min · x86_64 failed after 23 min", "build 4 of maven-1:3.9.11-1.fc44: failed, 4 near and 1 far changes before it", "Build time median aarch64 23 min x86_64 23 min",
			"Submitted for priority 296, dependencies 256, time 40", "There is no earlier build to compare",
		}},
		{"/package/maven?collection=f43", []string{
			"unknown in Fedora 43", "Never built. No build of it is known.",
			"About repo 5190 , made 20 minutes ago . 1 newer repo: resolution is behind by 5 min and 100 events because the repo cannot be read: repomd.xml",
			"repo-resolver has trouble for 3 hours : the repo cannot be read: repomd.xml: it is no XML.",
		}},
		{"/package/ant?collection=f44", []string{"Not due yet"}},
		{"/package/maven?collection=f43,f44", []string{"unknown in Fedora 43"}},
		{"/package/rust-ripgrep", []string{
			"Its build dependencies cannot be installed since repo 5210", "crate(regex/default) >= 1.12.0",
			"Not scheduled. Its build dependencies cannot be installed",
		}},
		{"/package/rust-ripgrep?collection=f43", []string{"Fedora 43 does not have it. Fedora Rawhide does: unresolved"}},
		{"/package/gtk%2B", []string{"a build is under way", "A build is already running"}},
		{"/package/untracked-thing", []string{"Not tracked. It is not built until somebody asks for that."}},
		{"/package/ant", []string{"Builds. Last on 23 November in 23 min"}},
		{"/package/blocked-thing", []string{"blocked in Fedora Rawhide", "The package is blocked in Koji"}},
		{failed, []string{
			"What made maven fail", "complete 1:3.9.11-1.fc44 build 2", "7 days 5 changes failed 1:3.9.11-1.fc44 build 4", "Repo 5207 of event 520700",
			"5 of 11 packages, nearest first all 5 required 4 far 1", "The other 7 packages, the same in both",
			"removed plexus-utils 4.0.2-3.fc44", "aarch64 canceled", "x86_64 failed", "build.log", "koji download-task --arch=src 91040",
			"4 and what a build would get now",
		}},
		{failed + "/log", []string{
			"Where build 4 stopped failed 1:3.9.11-1.fc44", "cannot find symbol %build on x86_64, line 1,482 of 1,501 of build.log",
			"[INFO] Compiling 7 files … [ERROR] cannot find symbol: class Gone error: Bad exit status",
		}},
		{"/build/2/log", []string{"It did not fail, so nothing is kept of its log."}},
		{compared, []string{"What made maven fail", "2, the last that built", "4, the first that failed"}},
		{compared + "&distance=far", []string{"all 5 required 4 far 1", "B − removed plexus-utils"}},
		{"/compare?a=" + id + "&b=now", []string{"What a build of maven would get now", "2 changes now Repo 5209", "↓ downgraded xmvn"}},
		{"/collections", []string{"Fedora Rawhide about f44", "124 ok 9 failing 1 unresolved 1 unknown", "Repo 5210, made 20 minutes ago", "base buildroot broken"}},
		{"/collection/f44", []string{"f44-build", "Fedora rawhide", "5211", "5210 latest", "2 source packages differ", "xmvn-api", "Groups Fedora"}},
		{"/collection/f43", []string{
			"How fresh this is About repo 5190", "for 3 hours , 177 failures; it last succeeded 2 minutes ago",
			"scheduler 2 minutes ago : the collection has as many builds under way as it may, 5", "Builds at once 5 at most",
		}},
		{"/collection/epel10", []string{
			"About repo 5149", "2 newer repos: resolution is behind by 20 min and 200 events because no repo-resolver has looked at the collection.",
			"No service has looked at it yet.",
		}},
		{"/status", []string{
			"not resolved f43: All is known that is needed to resolve 12 packages", "3 hours ago just now",
			"held too long f43: The reason is gone", "The self-check mended it: they are held no longer.",
			"Fedora 43 About repo 5190", "polling 23", "held now: scheduler",
		}},
		{"/stats", []string{
			"scratch builds ended in the last 7 days, and took", "Fedora Rawhide 138 135 1 2", "aarch64", "x86_64",
			"What took most time of builders", "Builds that ended",
		}},
		{"/documentation", []string{"Its build dependencies cannot be installed from the newest repo.", "built when that reaches 256", "after 7 days it is enough alone"}},
		{"/collection/epel10?", []string{"unresolved", "nothing provides <libfoo.so.3()(64bit)>"}},
		{"/groups", []string{"java-sig 2", "empty 0"}},
		{"/groups/java-sig", []string{"Group java-sig", "Maintained by alice , bob .", "maven", "ant"}},
		{"/groups/alice/mine", []string{"Group alice/mine", "gtk+"}},
		{"/search?q=perl", []string{"Packages named like “perl”", "perl-000"}},
		{"/robots.txt", []string{"Crawl-delay: 1"}},
		{"/livez", []string{"ok"}},
		{"/readyz", []string{"ok"}},
		{"/metrics", []string{"koschei_http_request_seconds"}},
	} {
		text := b.read(tt.url)
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q, but:\n%s", tt.url, want, text)
			}
		}
	}
}

// Only what is passed over now is held; a reason may be left from before.
func TestHeldInList(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	if got := b.find("/packages?collection=f44", `title="([^"]*)">held<`); !slices.Equal(got, []string{"no builder for aarch64 is free"}) {
		t.Errorf("held for %q, want maven alone", got)
	}
}

func TestListOrder(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	for _, tt := range []struct {
		url  string
		want []string // the first rows
	}{
		{"/packages?collection=f44", []string{"maven", "lib-037", "lib-122"}},
		{"/packages?collection=f44&order_by=running,state,name", []string{"gtk+", "rust-ripgrep", "golang-003"}},
		{"/packages?collection=f44&order_by=name", []string{"ant", "golang-003", "golang-008"}},
		{"/packages?collection=f44&order_by=-name", []string{"texlive-129", "texlive-124"}},
		{"/packages?collection=f44&order_by=nonsense,name", []string{"ant", "golang-003"}},
		{"/packages?collection=f44&order_by=-started", []string{"gtk+", "ant", "perl-000"}},
		{"/packages?collection=f44&order_by=current_priority", []string{"maven", "texlive-129"}},
		{"/packages?collection=f44&order_by=task_id", []string{"maven", "rust-ripgrep", "gtk+"}},
		{"/packages?collection=f44&order_by=running,-name", []string{"gtk+", "texlive-129"}},
		{"/packages?collection=f44&state=failing", []string{"maven", "lib-037", "lib-122"}},
		{"/packages?collection=f44&running=1", []string{"gtk+"}},
		{"/packages?order_by=name", []string{"ant", "golang-003"}},
		{"/packages?order_by=state-f44,-name", []string{"rust-ripgrep", "texlive-054", "python-071"}},
		{"/packages?order_by=failing", []string{"golang-003", "golang-088"}},
		{"/packages?state=unresolved", []string{"rust-ripgrep"}},
		{"/search?q=P*-0*1", []string{"python-071", "perl-010"}},
	} {
		rows := b.rows(tt.url)
		if got := rows[:min(len(rows), len(tt.want))]; !slices.Equal(got, tt.want) {
			t.Errorf("%s begins with %q, want %q", tt.url, got, tt.want)
		}
	}
	if rows := b.rows("/search?q=%25"); len(rows) != 0 {
		t.Errorf("a percent sign finds %q", rows)
	}
	for url, want := range map[string]string{
		"/search?q=+": "/", "/search?q=&collection=f44": "/?collection=f44", "/search?collection=f44,f43": "/?collection=f44%2Cf43",
	} {
		if w := b.get(url); w.Code != http.StatusFound || w.Header().Get("Location") != want {
			t.Errorf("%s: status %d, Location %q, want %q", url, w.Code, w.Header().Get("Location"), want)
		}
	}
}

// Going from page to page through a history shows each entry once.
func TestHistoryPages(t *testing.T) {
	t.Parallel()
	c := config(seeded(t).View)
	c.BuildsPerPage = 2
	b := browse(t, c)
	var entries []string
	url := "/package/maven"
	for range 10 {
		entries = append(entries, b.find(url, `<tr class="o-(\w+)`)...)
		older := b.find(url, `href="([^"]*)" rel="next"`)
		if len(older) == 0 {
			break
		}
		url = older[0]
	}
	want := []string{"failed", "infrastructure", "complete", "resolved", "unresolved", "complete"}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	const longAgo = "1779000000"
	if text := b.read("/package/maven?last_seen_ts=" + longAgo); !strings.Contains(text, "Nothing is known of it yet.") {
		t.Errorf("history before its beginning: %s", text)
	}
}

func TestNoticeIsOnEveryPageAsText(t *testing.T) {
	t.Parallel()
	db := seeded(t)
	b := browse(t, config(db.View))
	author := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: now}
	if _, err := db.SetNotice(t.Context(), author, `<b>Koji</b> is "down"`); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"/", "/packages?collection=f44", "/package/maven", "/build/1", "/collections", "/collection/f44", "/groups", "/groups/java-sig", "/search?q=perl", "/nope"} {
		if page := b.get(url).Body.String(); !strings.Contains(page, "&lt;b&gt;Koji&lt;/b&gt; is") {
			t.Errorf("%s does not show the notice, or not escaped", url)
		}
	}
}

// Every link on every page leads to a page, and every page is led to.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	link := regexp.MustCompile(`(?:href|<script src|<form class="find" action)="(/[^"#]*)"`)
	filler := regexp.MustCompile(`-0[1-9]|-1`) // one of them stands for all
	queue := []string{
		"/", "/badge/f44/maven.svg", "/groups/alice/mine", "/robots.txt",
		"/affected-by/gcc?collection=f44&version1=1&release1=1&version2=2&release2=1",
	} // all but the first are led to from elsewhere
	seen, patterns := map[string]bool{}, map[string]bool{}
	patterns["GET /update/{collection}/{source}/{version}"] = true // of updates here no version is known; see TestUpdatePages
	for _, url := range queue {
		seen[url] = true
	}
	for len(queue) > 0 {
		url := queue[0]
		queue = queue[1:]
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		b.handler.ServeHTTP(w, r)
		patterns[r.Pattern] = true
		if w.Code != http.StatusOK && w.Code != http.StatusFound {
			t.Errorf("%s: status %d", url, w.Code)
		}
		for _, m := range link.FindAllStringSubmatch(w.Body.String(), -1) {
			// Lists lead to each other with all arguments combined: a few do.
			next := html.UnescapeString(m[1])
			if !seen[next] && strings.Count(next, "&") < 2 && !filler.MatchString(next) && len(seen) < 400 {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d links were found", len(seen))
	}
	patterns["GET /unsubscribe/{token}"] = true // letters lead there
	for _, r := range b.handler.Routes {
		if r.Method == http.MethodGet && r.Errors == web.HTML && !patterns[r.Method+" "+r.Pattern] {
			t.Errorf("nothing leads to %s", r.Pattern)
		}
	}
}
