package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestBadUsage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args string
		want string
	}{
		{"-packages 7", "kojisim: a distribution has from 100 to 100000 packages\n"},
		{"-speed 0", "kojisim: the speed must be above 0 and at most 1000000\n"},
		{"-from a -world b", "kojisim: -from and -world exclude each other\n"},
		{"-amqp http://x/", "kojisim: -amqp: url: AMQP scheme must be either 'amqp://' or 'amqps://'\n"},
		{"-amqp amqp://x/ -lose 2", "kojisim: -lose 2: a probability is from 0 to 1\n"},
		{"-amqp amqp://x/ -amqp-cert a", "kojisim: -amqp: certificate and key: one is of no use without the other\n"},
		{"x", "kojisim: unexpected argument \"x\"\n"},
		{"-world testdata/nothing", "kojisim: open testdata/nothing: no such file or directory\n"},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(tc.args), io.Discard, &stderr); code != exitUsage || stderr.String() != tc.want {
			t.Errorf("%s: got %d, %q, want %d, %q", tc.args, code, stderr.String(), exitUsage, tc.want)
		}
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"-listen", "127.0.0.1:0", "-truth", "127.0.0.1:0", "-packages", "120", "-speed", "3600"}, w, io.Discard)
		_ = w.Close()
	}()
	lines := bufio.NewScanner(r)
	for _, want := range []string{"Not Allowed", "breakages"} {
		if !lines.Scan() {
			t.Fatal("no address printed")
		}
		if got := fetch(t, lines.Text()); !strings.Contains(got, want) {
			t.Errorf("%s: got %.200q, want it to have %q", lines.Text(), got, want)
		}
		if root, isHub := strings.CutSuffix(lines.Text(), "kojihub"); isHub {
			if got := fetch(t, root); !strings.Contains(got, "f44-build") {
				t.Errorf("status page: got %.300q", got)
			}
		}
	}
	cancel()
	if code := <-done; code != exitDone {
		t.Errorf("got exit code %d, want %d", code, exitDone)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
