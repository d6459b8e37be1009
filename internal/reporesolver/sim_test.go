package reporesolver

import (
	"testing"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/scenario"
)

// A sim is the service under test on a stage.
type sim struct {
	*Service
	*scenario.Stage
}

func newSim(t testing.TB, world *kojisim.World) *sim {
	t.Helper()
	stage := scenario.New(t, world)
	sync := stage.Sync
	return &sim{
		Stage: stage,
		Service: &Service{
			DB: sync.DB, Koji: sync.Primary, Log: sync.Log, Now: sync.Now, Holder: "test", Rules: sync.Rules,
			Repos: stage.Repositories(),
		},
	}
}

// troubles are those with collections.
func (s *sim) troubles() []loop.Trouble {
	var troubles []loop.Trouble
	for _, m := range s.memories {
		if m.trouble.Failures > 0 {
			troubles = append(troubles, m.trouble)
		}
	}
	return troubles
}

// mustPass runs a pass in which nothing goes wrong.
func (s *sim) mustPass() {
	s.T.Helper()
	if err := s.pass(s.T.Context()); err != nil {
		s.T.Fatal(err)
	}
	if troubles := s.troubles(); len(troubles) > 0 {
		s.T.Fatalf("troubles: %v", troubles)
	}
}
