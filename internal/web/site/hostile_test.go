package site_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostileNames are what a distribution's packages may be called by somebody who
// means harm.
func hostileNames() []string {
	return []string{
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "' onmouseover='alert(1)", "abc\u202Etxt.exe", strings.Repeat("a", 5000),
		"javascript:alert(1)", "a/b", "a b", "a%2fb", "%00", "a?b#c", "a&collection=x", "\U0001F4A9", "zero\u200bwidth", "{{.}}", "$(id)",
		"'; drop table package; --", "a,b", "-x", "@grp", "</title><script>1</script>", "new\nline", "tab\tx", "\u2028sep", `a"b`, "--><script>",
		"é", "e\u0301", "UPPER", "__proto__", "null", "a;b", "<!--", "]]>", "&lt;script&gt;", "state=failing", "*", "%", "_", `back\slash`,
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
	b := browse(t, config(hostile(t, hostileNames()).View))
	elements := map[string]bool{}
	for _, url := range []string{"/?collection=f44", "/packages", "/packages?collection=f44", "/package/maven", "/build/4", "/collections", "/collection/epel10", "/collection/f44", "/groups", "/status", "/nope"} {
		for _, tag := range aTag.FindAllStringSubmatch(b.get(url).Body.String(), -1) {
			elements[tag[1]] = true
		}
	}
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
	for _, url := range pages {
		checkPage(t, b, url, elements)
	}
}

func checkPage(t *testing.T, b browser, url string, elements map[string]bool) {
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
		return
	case !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html"):
		return
	}
	for _, tag := range aTag.FindAllStringSubmatch(body, -1) {
		if !elements[tag[1]] && !slices.Contains([]string{"details", "/details", "summary", "/summary", "mark", "/mark", "abbr", "/abbr"}, tag[1]) {
			t.Errorf("%.100s has an element %.100s that no page has", url, tag[0])
		}
		if anyHandler.MatchString(unquoted(tag[2])) {
			t.Errorf("%.100s has a handler: %.200s", url, tag[0])
		}
	}
	for _, link := range aLink.FindAllStringSubmatch(body, -1) {
		if !strings.HasPrefix(link[1], "/") && !strings.HasPrefix(link[1], "#") && !strings.HasPrefix(link[1], "https://koji.test/") && !strings.HasPrefix(link[1], "?") {
			t.Errorf("%.100s has a link to %.100q", url, link[1])
		}
	}
}

// unquoted is a tag without the values of its attributes.
func unquoted(tag string) string { return regexp.MustCompile(`"[^"]*"`).ReplaceAllString(tag, `""`) }
