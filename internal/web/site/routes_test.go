package site_test

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jba/templatecheck"

	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// Everything is decided about every route. That templates and routes can be
// served at all is checked when the server is made.
func TestRoutes(t *testing.T) {
	t.Parallel()
	server, err := site.New(config(nil), true)
	if err != nil {
		t.Fatal(err)
	}
	operations, err := site.Operations(config(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(server.Routes, operations.Routes...) {
		name := r.Method + " " + r.Pattern
		if r.Label == "" || r.Access == "" {
			t.Errorf("%s: label %q, access %q", name, r.Label, r.Access)
		}
		switch r.Method {
		case http.MethodGet, "":
		default:
			if r.CSRF != web.SameOrigin {
				t.Errorf("%s may be sent from other sites", name)
			}
		}
		want := web.Format("")
		switch {
		case strings.HasPrefix(r.Pattern, "/api/v2/"):
			want = web.Problem
		case strings.HasPrefix(r.Pattern, "/api/"):
			want = web.JSON
		}
		if want != "" && r.Errors != want || want == "" && (r.Errors == web.JSON || r.Errors == web.Problem) {
			t.Errorf("%s tells errors as %s", name, r.Errors)
		}
		if r.Method == "" && r.Pattern != "/" && r.Pattern != "/api/" && r.Pattern != "/api/v2/" {
			t.Errorf("%s takes every method", name)
		}
	}
}

// Every template fits the view that its handler gives it.
func TestTemplatesFitTheirViews(t *testing.T) {
	t.Parallel()
	server, err := site.New(config(nil), true)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	server.Templates.Each(func(name string, tmpl *template.Template, view any) {
		n++
		if err := templatecheck.CheckHTML(tmpl, view); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	if n < 10 {
		t.Errorf("only %d templates were checked", n)
	}
}

// With a listener for operators, metrics are there and pages are not; the site
// keeps what asks how the process is.
func TestOperations(t *testing.T) {
	t.Parallel()
	c := config(seeded(t).View)
	public, err := site.New(c, false)
	if err != nil {
		t.Fatal(err)
	}
	operations, err := site.Operations(c)
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string][2]int{
		"/metrics": {404, 200}, "/livez": {200, 200}, "/readyz": {200, 200}, "/packages": {200, 404}, "/": {200, 404}, "/api/v1/packages": {200, 404},
	} {
		for i, handler := range []http.Handler{public, operations} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
			if w.Code != want[i] {
				t.Errorf("%s of server %d: status %d, want %d", url, i, w.Code, want[i])
			}
		}
	}
}
