package web

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"
)

// Whatever somebody sends, in the address or in a header, is one line of the log and
// nothing else: no second line, and nothing that a terminal obeys.
func TestLogsAreNotForged(t *testing.T) {
	t.Parallel()
	const evil = "x\nlevel=ERROR msg=forged\r\n\x1b[2J\x00\u202e\u2028{\"level\":\"ERROR\"}"
	for name, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			s := serverOf(t, get("/x/{name}", func(r *Request) (Answer, error) {
				return Answer{}, errors.New("it failed for " + r.PathValue("name") + r.Header.Get("User-Agent"))
			}))
			s.Log = slog.New(handler(&out))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x/"+url.PathEscape(strings.ReplaceAll(evil, "\x00", "")), nil)
			for _, header := range []string{"User-Agent", "Referer", "X-Forwarded-For", "X-Request-Id", "Authorization", "X-Forwarded-User", "Last-Event-ID", "Origin", "Cookie"} {
				r.Header.Set(header, evil)
			}
			if w := ask(s, r); w.Code != http.StatusInternalServerError {
				t.Fatalf("status %d", w.Code)
			}
			said := out.String()
			if strings.Count(said, "\n") != 1 || !strings.Contains(said, "forged") {
				t.Errorf("want one line that has it all, not %q", said)
			}
			for _, c := range strings.TrimSuffix(said, "\n") {
				if unicode.IsControl(c) || name == "text" && !unicode.IsPrint(c) {
					t.Errorf("the log has %q: %q", c, said)
				}
			}
		})
	}
}
