package chaos

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/postgres/cluster"
)

// A server is the PostgreSQL that the record is in.
type server struct {
	t   *testing.T
	dir string
	url string

	settings []string

	mu      sync.Mutex
	cluster *cluster.Cluster
}

func startServer(t *testing.T, dir string, settings ...string) *server {
	t.Helper()
	s := &server{t: t, dir: dir, settings: append(settings, "max_connections=200")}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.startLocked()
	where := url.Values{"host": {s.cluster.SocketDir()}, "user": {"koschei"}}
	s.url = "postgres:///" + cluster.Database + "?" + where.Encode()
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = s.cluster.Stop(context.WithoutCancel(t.Context())) // its files go away
	})
	return s
}

func (s *server) startLocked() {
	c, err := cluster.Start(context.WithoutCancel(s.t.Context()), s.dir, slog.New(slog.DiscardHandler), s.settings...)
	if err != nil {
		s.t.Errorf("starting PostgreSQL: %v", err)
		panic(err)
	}
	s.cluster = c
}

// restart stops the server, in an orderly way or at once, and starts it again
// after a while.
func (s *server) restart(atOnce bool, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 10*time.Second)
	defer cancel()
	if atOnce {
		cancel()
	}
	if err := s.cluster.Stop(ctx); err != nil && !atOnce {
		s.t.Errorf("stopping PostgreSQL: %v", err)
	}
	pause(s.t.Context(), after)
	s.startLocked()
}

// runHub keeps the hub's world going until the test is over.
func runHub(t *testing.T, hub *kojihub.Hub) {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- hub.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the hub ended: %v", err)
		}
	})
}
