package koji

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// A hub, or what stands in front of it, may answer without end. It gets rid of
// no more than the call is worth.
func TestEndlessAnswers(t *testing.T) {
	t.Parallel()
	answers := []struct{ name, head, chunk string }{
		{"a string", "<string>", strings.Repeat("a", 64<<10)},
		{"a string of references", "<string>", strings.Repeat("&amp;", 10<<10)},
		{"a string of pieces", "<string>", strings.Repeat("a<![CDATA[b]]>", 4<<10)},
		{"an array", "<array><data>", strings.Repeat("<value><string>aaaaaaaa</string></value>", 2000)},
		{"structs", "<array><data>", strings.Repeat("<value><struct><member><name>name</name><value><string>a</string></value></member></struct></value>", 1000)},
		{"a comment", "<!--", strings.Repeat("a", 64<<10)},
		{"a tag", "<array", strings.Repeat(" ", 64<<10)},
	}
	calls := []struct {
		name string
		do   func(context.Context, *Client) error
		most int64
	}{
		{"getLastEvent", func(ctx context.Context, c *Client) error { _, err := c.LastEvent(ctx); return err }, 1 << 20},
		{"getRepo", func(ctx context.Context, c *Client) error { _, err := c.Repo(ctx, "f44-build"); return err }, 1 << 20},
		{"getFullInheritance", func(ctx context.Context, c *Client) error { _, err := c.FullInheritance(ctx, "f44"); return err }, 64 << 20},
	}
	for _, answer := range answers {
		for _, call := range calls {
			t.Run(answer.name+" to "+call.name, func(t *testing.T) {
				t.Parallel()
				var taken atomic.Int64
				hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					n, err := w.Write([]byte("<?xml version='1.0'?><methodResponse><params><param><value>" + answer.head))
					for taken.Add(int64(n)); err == nil; taken.Add(int64(n)) {
						n, err = w.Write([]byte(answer.chunk))
					}
				}))
				defer hub.Close()
				c, err := New(Config{Server: hub.URL, Retry: Retry{Attempts: 1}})
				if err != nil {
					t.Fatal(err)
				}
				err = call.do(t.Context(), c)
				var shape *shapeError
				var syntax *xmlrpc.SyntaxError // "<string> instead of <array>"
				if !errors.Is(err, xmlrpc.ErrTooLarge) && !errors.As(err, &shape) && !errors.As(err, &syntax) {
					t.Errorf("got %v, want ErrTooLarge", err)
				}
				hub.Close()
				const buffers = 16 << 20 // of the two sockets
				if n := taken.Load(); n > call.most+buffers {
					t.Errorf("%d bytes were taken, want at most %d", n, call.most)
				}
			})
		}
	}
}

// What is long for good reasons is read.
func TestLongAnswers(t *testing.T) {
	t.Parallel()
	var body []byte
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer hub.Close()
	c, err := New(Config{Server: hub.URL, Retry: Retry{Attempts: 1}, CallLimit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]any, 30_000)
	for i := range list {
		list[i] = xmlrpc.Struct{{Name: "package_name", Value: strings.Repeat("p", 200)}, {Name: "blocked", Value: false}}
	}
	if body, err = xmlrpc.AppendResponse(nil, list); err != nil {
		t.Fatal(err)
	}
	if packages, err := c.ListPackages(t.Context(), "f44"); err != nil || len(packages) != len(list) {
		t.Errorf("%d packages (%v), want %d", len(packages), err, len(list))
	}
	if body, err = xmlrpc.AppendResponse(nil, strings.Repeat("YWFh", 3<<20)); err != nil {
		t.Fatal(err)
	}
	if output, err := c.TaskOutput(t.Context(), 1, "build.log", 0, 9<<20); err != nil || len(output) != 9<<20 {
		t.Errorf("%d bytes of a log (%v)", len(output), err)
	}
}
