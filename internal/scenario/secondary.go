package scenario

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/mirror"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// AddSecondary puts a second hub on the stage, from whose files the first one's
// builders take what they do not have themselves, and returns it. A collection
// in secondary mode is read from it.
func (s *Stage) AddSecondary(world *kojisim.World) *Second {
	s.T.Helper()
	hub := kojihub.New(world, s.Clock, slog.New(slog.DiscardHandler))
	server := httptest.NewServer(hub)
	s.T.Cleanup(server.Close)
	s.Hub.World().Link(server.URL+"/kojifiles", world)
	s.Sync.Secondary = s.client(server.URL, koji.Login{})
	return &Second{T: s.T, Hub: hub, URL: server.URL}
}

// A Second is the secondary hub of a stage.
type Second struct {
	T   testing.TB
	Hub *kojihub.Hub
	URL string // of its web server
}

// Administer makes a call at the secondary hub in the name of its user root.
func (s *Second) Administer(method string, params ...any) {
	s.T.Helper()
	administer(s.T, s.URL, method, params...)
}

// LogIn has the stage's client of the primary hub log in as a user of its world.
func (s *Stage) LogIn(user, password string) {
	s.T.Helper()
	s.Sync.Primary = s.client(s.URL, koji.Login{User: user, Password: password})
}

// Mirror returns what brings repos of the secondary hub to the primary one.
func (s *Stage) Mirror(second *Second, holder postgres.Holder) *mirror.Mirror {
	return &mirror.Mirror{
		Hubs: koji.Hubs{Primary: s.Sync.Primary, Secondary: s.Sync.Secondary}, Log: s.Sync.Log, Clock: koschei.Clock{Read: s.Clock.Now},
		Holder: holder, Arches: []string{"x86_64"},
		RepoURL: second.URL + "/kojifiles/repos/{build_tag}/{repo_id}/{arch}",
	}
}

func (s *Stage) client(url string, login koji.Login) *koji.Client {
	s.T.Helper()
	client, err := koji.New(koji.Config{
		Server: url + "/kojihub", TopURL: url + "/kojifiles", Login: login,
		Observe: func(method string, _ koji.Class, _ time.Duration) { s.called(method) },
		Retry:   koji.Retry{Attempts: 2, Min: time.Millisecond, Max: time.Millisecond},
	})
	if err != nil {
		s.T.Fatal(err)
	}
	return client
}
