package site_test

import (
	"encoding/json"
	"fmt"
	stdhtml "html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/koschei-ci/koschei/internal/web/html"
)

// hostileNames are what a distribution's packages may be called by somebody who
// means harm.
func hostileNames() []string {
	return []string{
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "' onmouseover='alert(1)", "abc\u202Etxt.exe", strings.Repeat("a", 5000),
		"javascript:alert(1)", "a/b", "a b", "a%2fb", "%00", "a?b#c", "a&collection=x", "\U0001F4A9", "zero\u200bwidth", "{{.}}", "$(id)",
		"'; drop table package; --", "a,b", "-x", "@grp", "</title><script>1</script>", "new\nline", "tab\tx", "\u2028sep", `a"b`, "--><script>",
		"é", "e\u0301", "UPPER", ".", "..", "~", "~.", "__proto__", "null", "a;b", "<!--", "]]>", "&lt;script&gt;", "state=failing", "*", "%", "_", `back\slash`,
	}
}

var (
	aTag       = regexp.MustCompile(`<(/?[a-zA-Z!?-][^\s>/]*)([^>]*)>`)
	anyHandler = regexp.MustCompile(`(?i)\son[a-z]+\s*=`)
	aLink      = regexp.MustCompile(`(?:href|src|action)="([^"]*)"`)
)

// Names that mean harm are text wherever they are shown: there is no element, no
// handler and no kind of link on a page with them that is not on one without.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	elements := honestElements(browse(t, config(seeded(t).View)))
	b := browse(t, config(hostile(t, hostileNames()).View))
	pages := []string{"/", "/packages?collection=evil&untracked=1", "/collection/evil", "/collections", "/api/v1/packages?collection=evil"}
	for page := 1; page <= 3; page++ {
		pages = append(pages, fmt.Sprintf("/packages?untracked=1&page=%d", page))
	}
	for _, name := range hostileNames() {
		escaped := url.PathEscape(name)
		query := url.QueryEscape(name)
		pages = append(pages, "/package/"+escaped, "/package/"+escaped+"?collection=evil", "/search?q="+query, "/packages?collection="+query,
			"/packages?order_by="+query, "/badge/evil/"+escaped+".svg", "/api/v1/packages?name="+query, "/groups/"+escaped)
	}
	crawl(t, b, pages, elements)
	for _, name := range hostileNames() {
		if w := b.get(html.PackageURL(name, "evil")); w.Code != http.StatusOK && len(name) <= 255 {
			t.Errorf("package %q: its link leads to status %d", name, w.Code)
		}
	}
}

// honestElements are those on pages of a record in which nobody means harm, and on
// the pages that these link to.
func honestElements(b browser) map[string]bool {
	elements := map[string]bool{}
	pages, seen := []string{"/?collection=f44", "/packages", "/package/maven?collection=f44", "/build/4", "/collections", "/groups", "/status", "/queue", "/updates", "/nope"}, map[string]bool{}
	for n := 0; n < len(pages) && len(seen) < 150; n++ {
		if seen[pages[n]] {
			continue
		}
		seen[pages[n]] = true
		body := b.get(pages[n]).Body.String()
		for _, tag := range aTag.FindAllStringSubmatch(body, -1) {
			elements[tag[1]] = true
		}
		for _, link := range aLink.FindAllStringSubmatch(body, -1) {
			if strings.HasPrefix(link[1], "/") {
				pages = append(pages, stdhtml.UnescapeString(link[1]))
			}
		}
	}
	return elements
}

// crawl checks pages, and those that they link to, as a browser finds them.
func crawl(t *testing.T, b browser, pages []string, elements map[string]bool) {
	t.Helper()
	most := len(pages) + 50
	if besieged() {
		most = 2500
	}
	seen := map[string]bool{}
	for n := 0; n < len(pages) && len(seen) < most; n++ {
		if seen[pages[n]] {
			continue
		}
		seen[pages[n]] = true
		for _, link := range checkPage(t, b, pages[n], elements) {
			link = stdhtml.UnescapeString(link)
			path, _, _ := strings.Cut(link, "?")
			for part := range strings.SplitSeq(strings.ToLower(path), "/") {
				if slices.Contains([]string{".", "..", "%2e", "%2e%2e", ".%2e", "%2e."}, part) {
					t.Errorf("%.100s has a link to %.100s, which browsers take for another", pages[n], link)
				}
			}
			if strings.HasPrefix(link, "/") && !seen[link] {
				pages = append(pages, link)
			}
		}
	}
	t.Logf("%d pages", len(seen))
}

// checkPage returns where the page links to.
func checkPage(t *testing.T, b browser, url string, elements map[string]bool) (links []string) {
	t.Helper()
	w := b.get(url)
	body := w.Body.String()
	switch {
	case w.Code >= http.StatusInternalServerError:
		t.Errorf("%.100s: status %d", url, w.Code)
	case !utf8.ValidString(body):
		t.Errorf("%.100s: no UTF-8", url)
	case strings.HasPrefix(w.Header().Get("Content-Type"), "application/json"):
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%.100s: no JSON: %.300s", url, body)
		}
		return nil
	case !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html"):
		return nil
	}
	for _, tag := range aTag.FindAllStringSubmatch(body, -1) {
		if !elements[tag[1]] {
			t.Errorf("%.100s has an element %.100s that no page has", url, tag[0])
		}
		if anyHandler.MatchString(unquoted(tag[2])) {
			t.Errorf("%.100s has a handler: %.200s", url, tag[0])
		}
	}
	for _, link := range aLink.FindAllStringSubmatch(body, -1) {
		links = append(links, link[1])
		if !strings.HasPrefix(link[1], "/") && !strings.HasPrefix(link[1], "#") && !strings.HasPrefix(link[1], "https://koji.test/") && !strings.HasPrefix(link[1], "?") {
			t.Errorf("%.100s has a link to %.100q", url, link[1])
		}
	}
	return links
}

// unquoted is a tag without the values of its attributes.
func unquoted(tag string) string { return regexp.MustCompile(`"[^"]*"`).ReplaceAllString(tag, `""`) }
