package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/web"
	v2 "github.com/koschei-ci/koschei/internal/web/api/v2"
	"github.com/koschei-ci/koschei/internal/web/site"
)

// served is the address of a site with a package that failed and one that was never
// built, and the number of the build.
func served(t *testing.T) (address string, build int64) {
	t.Helper()
	w := pgtest.NewWorld(t)
	w.Collection("f43")
	w.Package("f43", "foo")
	w.Package("f43", "foobar")
	build = w.Build("foo", time.Now().Add(-time.Hour), pgtest.Task(1))
	db := w.Open()
	server, err := site.New(site.Config{
		View: db.View, Log: slog.New(slog.DiscardHandler), Clock: koschei.Clock{Read: time.Now}, Rules: koschei.DefaultPriorityRules(),
		Registry: prometheus.NewRegistry(), Health: web.Health{Ready: db.Ready, Failing: func() []string { return nil }},
	}, true)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(server)
	t.Cleanup(s.Close)
	return s.URL, build
}

// clientSays runs a command line of the client and returns what it prints.
func clientSays(ctx context.Context, args ...string) (string, error) {
	root := newRootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return out.String(), err
}

// The client tells what the server knows, in each form.
func TestClient(t *testing.T) {
	t.Parallel()
	server, _ := served(t)
	for _, test := range []struct {
		args string
		want string
	}{
		{"package foo", "foo\tf43\t"},
		{"package foo", "impossible: a build is already running"},
		{"package foo -o json", `"collection": "f43"`},
		{"package foo -o yaml", "collection: f43\n"},
		{"package foo -o name", "foo\n"},
		{"why foo", "impossible: a build is already running"},
		{"packages --prefix foob -o name", "foobar\n"},
		{"packages", "foobar\tf43\t"},
		{"packages --state ok -o json", "[]\n"},
		{"queue", "1 built now, 0 wait."},
		{"updates --since 1h -o json", "[]\n"},
		{"__complete package foo", "foo\nfoobar\n"},
		{"__complete package foo --collection f", "f43\n"},
		{"__complete package foo --output j", "json\n"},
	} {
		args := strings.Fields(test.args)
		if args[0] == "__complete" {
			args = append(args[:2:2], append([]string{"--server", server}, args[2:]...)...)
		} else {
			args = append(args, "--server", server)
		}
		said, err := clientSays(t.Context(), args...)
		if err != nil || !strings.Contains(said, test.want) {
			t.Errorf("%s: %v, said %q, want %q in it", test.args, err, said, test.want)
		}
		if strings.Contains(said, "\x1b") {
			t.Errorf("%s: colours where there is no terminal: %q", test.args, said)
		}
	}
}

// A build is told as the API has it, and one that is not there is an answer of no.
func TestClientBuilds(t *testing.T) {
	t.Parallel()
	server, build := served(t)
	var compared v2.Comparison
	number := strconv.FormatInt(build, 10)
	said, err := clientSays(t.Context(), "build", number, "--server", server, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(said), &compared); err != nil || compared.B.Build.ID != build || compared.Package != "foo" {
		t.Errorf("%v: %s", err, said)
	}
	if said, err = clientSays(t.Context(), "compare", number, "now", "--server", server); err != nil || !strings.Contains(said, "foo\tnow\t") {
		t.Errorf("%v: %s", err, said)
	}
	var exit *exitError
	if _, err = clientSays(t.Context(), "build", "999", "--server", server); err == nil || errors.As(err, &exit) {
		t.Errorf("a build that is not there: %v", err)
	}
	if _, err = clientSays(t.Context(), "package", "fooo", "--server", server); err == nil || !strings.Contains(err.Error(), "near: foo") {
		t.Errorf("a name that is nearly right: %v", err)
	}
}

// What is wrong with how the client is called is said in a sentence, and a token goes
// nowhere that others could read it.
func TestClientMistakes(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("koschei_1_x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "" && got != "Bearer koschei_1_x" {
			t.Errorf("the token is sent as %q", got)
		}
		http.Error(w, "not Koschei", http.StatusTeapot)
	}))
	t.Cleanup(server.Close)
	for _, test := range []struct {
		args, want string
		code       int
	}{
		{"package foo --server ", "which server?", exitUsage},
		{"package foo --server ftp://x", "which server?", exitUsage},
		{"package foo -o xml --server http://127.0.0.1:1", "--output xml: it must be one of", exitUsage},
		{"package foo --server http://127.0.0.1:1", "the server does not answer", exitMissing},
		{"package foo --server " + server.URL, "the server answers with status 418", exitMissing},
		{"package foo --server " + server.URL + " --token-file " + token, "others can read", exitUsage},
		{"package foo --server http://koschei.test --token-file " + token, "https:// addresses only", exitUsage},
		{"build x --server http://127.0.0.1:1", `build "x": it must be a whole number`, exitUsage},
		{"follow --every 1ms --server http://127.0.0.1:1", "--every: it must be a second at least", exitUsage},
	} {
		args := strings.Split(test.args, " ")
		_, err := clientSays(t.Context(), args...)
		var exit *exitError
		if !errors.As(err, &exit) || exit.code != test.code || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q with exit code %d", test.args, err, test.want, test.code)
		}
	}
	if err := os.Chmod(token, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := clientSays(t.Context(), "package", "foo", "--server", server.URL, "--token-file", token); err == nil || !strings.Contains(err.Error(), "418") {
		t.Errorf("with a token of ours alone: %v", err)
	}
}
