package web

import (
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
	read := func(path string) (*http.Response, string) {
		t.Helper()
		resp, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	end := Starting(l, "the database is made ready.")
	resp, body := read("/packages")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "is starting: the database is made ready.") {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	if resp, _ := read("/livez"); resp.StatusCode != 200 {
		t.Errorf("/livez: %d", resp.StatusCode)
	}
	end()
	s := &http.Server{Handler: serverOf(t, get("/packages", line)), ReadHeaderTimeout: readTimeout}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	if resp, body := read("/packages"); resp.StatusCode != 200 || body != "ok\n" {
		t.Errorf("then: %d %s", resp.StatusCode, body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-served
}
