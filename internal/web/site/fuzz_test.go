package site_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/web"
)

// argumentTag is how the name of an argument is declared.
var argumentTag = regexp.MustCompile("`[^`]*\\b(?:form|query):\"([a-z_]+)\"")

// queryArguments are the names of all arguments that anything served reads.
func queryArguments(t testing.TB) []string {
	t.Helper()
	names := map[string]bool{"collection": true}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path) //nolint:gosec // of our own sources
		for _, found := range argumentTag.FindAllSubmatch(source, -1) {
			names[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

var (
	pathPart     = regexp.MustCompile(`\{([a-z]+)(\.\.\.)?\}`)
	textSentence = regexp.MustCompile(`^\S[^\n]*[.…]\n?$`)
)

// addressOf is an address of a route: name stands where the pattern has a name.
func addressOf(route *web.Route, name string) string {
	return pathPart.ReplaceAllStringFunc(strings.TrimSuffix(route.Pattern, "{$}"), func(part string) string {
		if strings.HasPrefix(part, "{collection") {
			return "f44"
		}
		return url.PathEscape(name)
	})
}

// Whatever is asked of any address is answered, or refused in one sentence.
func FuzzArguments(f *testing.F) {
	b := browse(f, config(seeded(f).View))
	var routes []*web.Route
	for i := range b.handler.Routes {
		if r := &b.handler.Routes[i]; r.Method == http.MethodGet {
			routes = append(routes, r)
		}
	}
	arguments := queryArguments(f)
	if len(routes) < 50 || len(arguments) < 20 {
		f.Fatalf("%d routes and %d arguments are no test", len(routes), len(arguments))
	}
	for i := range max(len(routes), len(arguments)) {
		f.Add(uint16(i), uint16(i), "maven", "3~7~1~a")
		f.Add(uint16(i), uint16(i+1), "4", "-1")
		f.Add(uint16(i), uint16(i+2), "..", "99999999999999999999,\xff")
		f.Add(uint16(i), uint16(i+3), "lib-037", "2026-11-23T21:00")
	}
	f.Fuzz(func(t *testing.T, route, argument uint16, name, value string) {
		r := routes[int(route)%len(routes)]
		query := url.Values{arguments[int(argument)%len(arguments)]: {value}}
		if argument >= 1<<15 {
			query.Set("collection", "f44")
		}
		checkAnswer(t, b, r, addressOf(r, name)+"?"+query.Encode())
	})
}

// checkAnswer asks a route for an address.
func checkAnswer(t *testing.T, b browser, r *web.Route, address string) {
	t.Helper()
	if _, err := url.ParseRequestURI(address); err != nil {
		return // nobody can ask for it
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	if r.Pattern == "/events" {
		cancel() // it has no end
	}
	defer cancel()
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, address, nil))
	switch {
	case r.Pattern == "/events" && w.Code == http.StatusServiceUnavailable:
	case w.Code >= 500:
		t.Errorf("%s: status %d: %.300s", address, w.Code, w.Body)
	case w.Code >= 400:
		if said := refusal(w); !textSentence.MatchString(said) {
			t.Errorf("%s: status %d, and says %q", address, w.Code, said)
		}
	}
}

// refusal is the sentence in which something is refused.
func refusal(w *httptest.ResponseRecorder) string {
	var told struct{ Error, Detail string }
	kind := w.Header().Get("Content-Type")
	switch {
	case strings.Contains(kind, "json"):
		if err := json.Unmarshal(w.Body.Bytes(), &told); err != nil {
			return err.Error()
		}
		return told.Error + told.Detail
	case strings.HasPrefix(kind, "text/html"):
		_, body, _ := strings.Cut(w.Body.String(), `<p class="lede">`)
		body, _, _ = strings.Cut(body, "</p>")
		return strings.Join(strings.Fields(plain(body)), " ")
	}
	return w.Body.String()
}
