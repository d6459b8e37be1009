package site_test

import (
	stdhtml "html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// config serves the record as it is in the tests.
func config(v *view.View) site.Config {
	return site.Config{
		View: v, Log: slog.New(slog.DiscardHandler), Clock: koschei.Clock{Read: func() time.Time { return now }},
		Rules: koschei.DefaultPriorityRules(), Registry: prometheus.NewRegistry(), Version: "1.2.3", Bugzilla: "https://bugs.test", Address: "https://koschei.test",
		Health: web.Health{Ready: v.Ready, Failing: func() []string { return nil }},
		Koji:   html.Links{koschei.Primary: {WebURL: "https://koji.test/koji", TopURL: "https://koji.test/files"}},
	}
}

// A browser asks a server as people do.
type browser struct {
	t       testing.TB
	handler *web.Server
}

func browse(t testing.TB, c site.Config) browser {
	t.Helper()
	server, err := site.New(c, true)
	if err != nil {
		t.Fatal(err)
	}
	return browser{t, server}
}

func (b browser) get(url string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, url, nil))
	return w
}

// read returns the text of a page as a reader sees it.
func (b browser) read(url string) string {
	b.t.Helper()
	w := b.get(url)
	if w.Code != http.StatusOK {
		b.t.Errorf("%s: status %d, want 200", url, w.Code)
	}
	return plain(w.Body.String())
}

var element = regexp.MustCompile(`<[^>]*>`)

func plain(page string) string {
	text := stdhtml.UnescapeString(element.ReplaceAllString(page, " "))
	return strings.Join(strings.Fields(text), " ")
}

// find returns what the first group of pattern matches on a page.
func (b browser) find(url, pattern string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(b.get(url).Body.String(), -1) {
		found = append(found, stdhtml.UnescapeString(m[1]))
	}
	return found
}

// rows returns the names of the packages on a list.
func (b browser) rows(url string) []string {
	return b.find(url, `<th scope="row"[^>]*><a href="[^"]*">([^<]*)`)
}
