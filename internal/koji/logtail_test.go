package koji_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
)

// TestLogTail asks for the end of a log where files are served in several ways, and
// where they are not.
func TestLogTail(t *testing.T) {
	t.Parallel()
	const text = "one\ntwo\nthree\n"
	served := func(size int, how func(http.ResponseWriter, *http.Request)) (string, bool, int) {
		t.Helper()
		asked := 0
		mux := http.NewServeMux()
		mux.HandleFunc("/files/work/tasks/12/10012/build.log", how)
		mux.HandleFunc("/kojihub", func(w http.ResponseWriter, r *http.Request) {
			asked++
			body, err := io.ReadAll(r.Body)
			switch {
			case err != nil:
				t.Error(err)
			case bytes.Contains(body, []byte("other.log")):
				_, _ = io.WriteString(w, `<?xml version='1.0'?><methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1000</int></value></member>`+
					`<member><name>faultString</name><value><string>no file</string></value></member></struct></value></fault></methodResponse>`)
			default: // "from the hub"
				_, _ = io.WriteString(w, `<?xml version='1.0'?><methodResponse><params><param><value><string>ZnJvbSB0aGUgaHVi</string></value></param></params></methodResponse>`)
			}
		})
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		c, err := koji.New(koji.Config{Server: server.URL + "/kojihub", TopURL: server.URL + "/files"})
		if err != nil {
			t.Fatal(err)
		}
		tail, err := c.LogTail(t.Context(), 10012, "build.log", int64(size))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.LogTail(t.Context(), 10012, "other.log", int64(size)); !errors.Is(err, koschei.ErrNotFound) {
			t.Errorf("a log that is not there: %v", err)
		}
		return string(tail.Text), tail.Cut, asked - 1
	}
	ranges := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "build.log", time.Time{}, strings.NewReader(text))
	}
	whole := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	for _, test := range []struct {
		name string
		size int
		how  func(http.ResponseWriter, *http.Request)
		want string
		cut  bool
		hub  int // questions to it
	}{
		{"ranges", 6, ranges, "three\n", true, 0},
		{"ranges, a short log", 600, ranges, text, false, 0},
		{"no ranges", 600, whole, text, false, 0},
		{"no ranges, a long log", 6, whole, "from the hub", true, 1},
		{"not served", 600, http.NotFound, "from the hub", false, 1},
	} {
		got, cut, hub := served(test.size, test.how)
		if got != test.want || cut != test.cut || hub != test.hub {
			t.Errorf("%s: %q, cut %v, %d calls of the hub; want %q, %v, %d", test.name, got, cut, hub, test.want, test.cut, test.hub)
		}
	}
}
