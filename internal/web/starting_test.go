package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// What cannot be served yet is said, and on the same address the server follows.
func TestStarting(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) (status int, header http.Header, body string) {
		t.Helper()
		resp, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header, string(text)
	}
	end := Starting(l, "the database is made ready.")
	status, header, body := read("/packages")
	if status != 503 || header.Get("Retry-After") == "" || !strings.Contains(body, "is starting: the database is made ready.") {
		t.Errorf("%d %v %s", status, header, body)
	}
	if status, _, _ := read("/livez"); status != 200 {
		t.Errorf("/livez: %d", status)
	}
	end()
	s := &http.Server{Handler: serverOf(t, get("/packages", line)), ReadHeaderTimeout: readTimeout}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	if status, _, body := read("/packages"); status != 200 || body != "ok\n" {
		t.Errorf("then: %d %s", status, body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
