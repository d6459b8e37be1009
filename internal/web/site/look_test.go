package site_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/web/html"
)

func compressed(t *testing.T, content []byte) int {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

// What a reader loads stays small.
func TestSizes(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	const kb = 1024
	for what, limit := range map[string]int{html.StylePath(): 6 * kb, html.ScriptPath(): 5 * kb} {
		if n := compressed(t, b.get(what).Body.Bytes()); n > limit {
			t.Errorf("%s has %d bytes compressed, more than %d", what, n, limit)
		}
	}
	for url, limit := range map[string]int{
		"/": 12 * kb, "/overview?collection=f44": 12 * kb, "/packages": 9 * kb, "/packages?collection=f44": 9 * kb, "/package/maven": 12 * kb, "/build/1": 12 * kb, "/collections": 12 * kb,
		"/collection/f44": 12 * kb, "/status": 12 * kb, "/groups": 12 * kb, "/groups/java-sig": 9 * kb,
	} {
		w := b.get(url)
		if n := compressed(t, w.Body.Bytes()); n > limit || w.Code != http.StatusOK {
			t.Errorf("%s: status %d, %d bytes compressed, at most %d are allowed", url, w.Code, n, limit)
		}
	}
}

// Whoever uses the keyboard gets to the first row soon.
func TestTabStops(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	closed := regexp.MustCompile(`(?s)</summary>.*?</details>`) // what is folded away takes no stop
	passed := regexp.MustCompile(`<a [^>]*tabindex="-1"`)
	stop := regexp.MustCompile(`<a |<button|<summary|<input type="search"|<select`)
	for _, url := range []string{"/packages", "/overview?collection=f44", "/packages?collection=f44", "/groups/java-sig", "/search?q=perl"} {
		page, _, rows := strings.Cut(b.get(url).Body.String(), "<tbody")
		if n := len(stop.FindAllString(passed.ReplaceAllString(closed.ReplaceAllString(page, ""), ""), -1)); n > 20 || !rows {
			t.Errorf("%s has %d tab stops before its first row", url, n)
		}
	}
}

// A reader may want pages light or dark, and comes back to where that was said.
func TestTheme(t *testing.T) {
	t.Parallel()
	b := browse(t, config(seeded(t).View))
	post := func(theme, back, site string) *httptest.ResponseRecorder {
		body := url.Values{"theme": {theme}, "back": {back}}.Encode()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/theme", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", site)
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		return w
	}
	w := post("dark", "/packages?collection=f44&page=2", "same-origin")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/packages?collection=f44&page=2" {
		t.Fatalf("status %d, Location %q", w.Code, w.Header().Get("Location"))
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/groups", nil)
	r.AddCookie(w.Result().Cookies()[0])
	shown := httptest.NewRecorder()
	b.handler.ServeHTTP(shown, r)
	if !strings.Contains(shown.Body.String(), `<html lang="en" data-theme="dark"`) {
		t.Errorf("the page is not dark: %.200s", shown.Body)
	}
	if cookies := post("system", "/", "same-origin").Result().Cookies(); len(cookies) != 1 || cookies[0].MaxAge >= 0 {
		t.Errorf("as the system: cookies %v", cookies)
	}
	if w := post("dark", "/", "cross-site"); w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 {
		t.Errorf("sent by another site: status %d, cookies %v", w.Code, w.Result().Cookies())
	}
	for _, back := range []string{"", "packages", "//evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test/", "/%2f/evil.test", "javascript:alert(1)", "/\n/evil.test"} {
		if w := post("dark", back, "same-origin"); w.Code != http.StatusBadRequest {
			t.Errorf("back to %q: status %d, Location %q", back, w.Code, w.Header().Get("Location"))
		}
	}
	if w := post("purple", "/", "same-origin"); w.Code != http.StatusBadRequest {
		t.Errorf("theme purple: status %d", w.Code)
	}
	r.Header.Set("Cookie", `theme=purple"><script>`)
	shown = httptest.NewRecorder()
	b.handler.ServeHTTP(shown, r)
	if strings.Contains(shown.Body.String(), "data-theme") {
		t.Errorf("a theme that is none is shown: %.200s", shown.Body)
	}
}
