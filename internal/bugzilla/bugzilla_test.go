package bugzilla_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei/internal/bugzilla"
	"github.com/koschei-ci/koschei/internal/bugzilla/bugsim"
)

func serve(t *testing.T, sim *bugsim.Server) *bugzilla.Client {
	t.Helper()
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return &bugzilla.Client{URL: server.URL, Key: "key", HTTP: server.Client()}
}

// A bug is filed, found, commented on and closed.
func TestClient(t *testing.T) {
	t.Parallel()
	sim := &bugsim.Server{Key: "key", Components: []string{"teapot"}, PageLimit: 2}
	tracker := sim.Add(bugsim.Bug{Product: "Fedora", Component: "distribution", Alias: "F99FTBFS"})
	for range 5 {
		sim.Add(bugsim.Bug{Product: "Fedora", Component: "teapot"})
	}
	c, ctx := serve(t, sim), t.Context()
	if v, err := c.Version(ctx); err != nil || v == "" {
		t.Errorf("version %q, %v", v, err)
	}
	if _, err := c.Bug(ctx, "koschei-1"); !errors.Is(err, bugzilla.ErrNotFound) {
		t.Errorf("a bug that is not there: %v", err)
	}
	b := bugzilla.New{
		Product: "Fedora", Component: "teapot", Version: "rawhide", Summary: "it fails", Description: "look", Alias: "koschei-1", Whiteboard: "koschei:f99/teapot",
		Blocks: []string{"F99FTBFS"}, Fields: map[string]string{"op_sys": "Unspecified"},
	}
	id, err := c.File(ctx, &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.File(ctx, &b); !errors.Is(err, bugzilla.ErrAliasTaken) {
		t.Errorf("filed twice: %v", err)
	}
	want := bugzilla.Bug{ID: id, Summary: "it fails", Status: "NEW", Whiteboard: "koschei:f99/teapot", Blocks: []int64{tracker}}
	got, err := c.Bug(ctx, "koschei-1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if open, err := c.Open(ctx, "Fedora", "teapot"); err != nil || len(open) != 6 {
		t.Errorf("%d bugs are open (%v), want 6", len(open), err)
	}
	if err := c.Comment(ctx, id, "it builds: m1", "RAWHIDE"); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]bool{"m1": true, "m2": false} {
		if said, err := c.Said(ctx, id, text); err != nil || said != want {
			t.Errorf("%s was said: %t, %v", text, said, err)
		}
	}
	if open, err := c.Open(ctx, "Fedora", "teapot"); err != nil || len(open) != 5 {
		t.Errorf("%d bugs are open (%v), want 5", len(open), err)
	}
	b.Component, b.Alias = "teapott", "koschei-2"
	if _, err := c.File(ctx, &b); !bugzilla.Refused(err) || !strings.Contains(err.Error(), "no component named 'teapott'") {
		t.Errorf("a component that is not there: %v", err)
	}
	c.Key = "other"
	if _, err := c.File(ctx, &b); err == nil || bugzilla.Refused(err) {
		t.Errorf("a wrong key: %v", err)
	}
}

// What is no answer of a Bugzilla is told as what it is, and never as a bug that is
// not there.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status       int
		header, body string
		want         string
	}{
		"a page":           {200, "text/html", "<html>hello", `answers with "text/html" and status 200 instead of JSON`},
		"a page of errors": {404, "text/html", "<html>hello", `answers with "text/html" and status 404 instead of JSON`},
		"nothing":          {200, "application/json", "", "JSON that cannot be read"},
		"half":             {200, "application/json", `{"bugs": [{"id"`, "JSON that cannot be read"},
		"a list":           {200, "application/json", `[]`, "JSON that cannot be read"},
		"no bugs":          {200, "application/json", `{"bugs": []}`, "answers with 0 bugs"},
		"other things":     {200, "application/json", `{"bugs": 7}`, "JSON of another form"},
		"no reason":        {500, "application/json", `{}`, "status 500 and does not say why"},
		"a reason":         {401, "application/json", `{"error": 1, "code": 410, "message": "log in"}`, "Bugzilla says (code 410): log in"},
		"too much":         {429, "text/html", "<html>slow down", "asked too much"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", test.header)
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		}))
		c := &bugzilla.Client{URL: server.URL, Key: "key", HTTP: server.Client()}
		_, err := c.Bug(t.Context(), "1")
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, bugzilla.ErrNotFound) || strings.Contains(fmt.Sprint(err), "Bearer") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		var busy *bugzilla.BusyError
		if errors.As(err, &busy) && busy.After != 7*time.Second {
			t.Errorf("%s: come again after %v", name, busy.After)
		}
		server.Close()
	}
}
