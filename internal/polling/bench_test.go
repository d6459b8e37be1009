package polling

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
)

// A meter counts what goes to a hub and back.
type meter struct {
	hub          http.Handler
	calls, bytes atomic.Int64
}

// between puts the meter before a hub.
func (m *meter) between(hub http.Handler) http.Handler {
	m.hub = hub
	return m
}

func (m *meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.calls.Add(1)
	r.Body = &meteredBody{r.Body, m}
	m.hub.ServeHTTP(&meteredWriter{w, m}, r)
}

type meteredBody struct {
	io.ReadCloser
	m *meter
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.m.bytes.Add(int64(n))
	return n, err
}

type meteredWriter struct {
	http.ResponseWriter
	m *meter
}

func (w *meteredWriter) Write(p []byte) (int, error) {
	w.m.bytes.Add(int64(len(p)))
	return w.ResponseWriter.Write(p)
}

func (m *meter) take() string {
	return fmt.Sprintf("%d exchanges, %.3f MB", m.calls.Swap(0), float64(m.bytes.Swap(0))/1e6)
}

// BenchmarkCycle polls four collections of 34,230 packages, each with a
// destination tag of its own that inherits from one, and tells what a cycle asks
// of the hub: the first, one in which nothing has happened, and one in which 100
// new builds were tagged in the tag that all inherit from. No package is tracked, so
// what recording new builds takes is not in it.
func BenchmarkCycle(b *testing.B) {
	const dir = "../../../shared/data/bookworm"
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			b.Fatal(err)
		}
		b.Skip("the metadata of a whole distribution is not there: ", err)
	}
	w, err := distro.Load(b.Context(), dir, distro.Options{})
	if err != nil {
		b.Fatal(err)
	}
	m := &meter{}
	stage := scenario.New(b, w, scenario.Empty(), scenario.As("", ""), scenario.Through(m.between))
	hub, client := stage.Hub, stage.Sync.Primary
	for i := range 4 {
		name := fmt.Sprint("branch", i)
		if err := worldtext.Amend(hub, "tag "+name+" parents="+distro.DestTagName); err != nil {
			b.Fatal(err)
		}
		stage.Collection(name, pgtest.BuildTag(name), pgtest.OnlyTracked())
	}
	stage.Sync.Log = slog.New(slog.DiscardHandler)
	s := &Service{DB: stage.Sync.DB, Log: stage.Sync.Log, Sync: stage.Sync}
	cycle := func(what string) {
		b.Helper()
		m.take()
		began := time.Now()
		if err := s.pass(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.Logf("%s: %s, %s", what, m.take(), time.Since(began).Round(time.Millisecond))
	}
	for range b.N {
		stage.ForgetTags()
		cycle("everything")
		cycle("quiet")
		update(b, hub, client, 100)
		cycle("busy")
	}
}

// update tags new builds of some packages.
func update(b *testing.B, hub *kojihub.Hub, client *koji.Client, n int) {
	b.Helper()
	tagged, err := client.ListTagged(b.Context(), koji.TagQuery{Tag: distro.DestTagName, Latest: true})
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		line := fmt.Sprintf("build %s-999-%d tag=%s", tagged[i*len(tagged)/n].Name, b.N, distro.DestTagName)
		if err := worldtext.Amend(hub, line); err != nil {
			b.Fatal(err)
		}
	}
}
