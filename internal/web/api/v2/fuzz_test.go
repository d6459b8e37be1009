package v2

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/web"
)

// Whatever is asked of any operation is read, or refused in one sentence.
func FuzzRead(f *testing.F) {
	for _, body := range []string{
		`{"revision":0,"tracked":true,"manual_priority":7}`, `{"name":"a","packages":["b"],"maintainers":null}`, `{"name":"x","scopes":["read"],"days":1}`,
		`{"weight":1e999}`, `[]`, `null`, `{"revision":null}`, `{"name":"\u0000"}`, "{\"name\":\"\xff\"}", `{"revision":0}{`, ``,
	} {
		f.Add(body, "limit=3&state=ok&collection=f44&after=7&since=2026-12-24T18:00:00Z")
	}
	f.Add(`{}`, "limit=99999999999999999999&a=-1&b=&force=maybe&revision")
	operations := New(Config{Rules: koschei.DefaultPriorityRules(), SignIn: true}).operations
	f.Fuzz(func(t *testing.T, body, query string) {
		for i := range operations {
			o := &operations[i]
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
			r.URL = &url.URL{Path: "/", RawQuery: query}
			r.Header.Set("Content-Type", "application/json")
			err := read(&web.Request{Request: r}, reflect.New(o.in).Interface())
			if err != nil && (!errors.Is(err, koschei.ErrInvalid) || strings.ContainsAny(err.Error(), "\n\x00")) {
				t.Errorf("%s %s: %q", o.Method, o.Pattern, err)
			}
		}
	})
}
