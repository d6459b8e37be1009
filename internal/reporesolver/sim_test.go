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
	Clock *kojisim.Clock // the stage's
}

func newSim(t testing.TB, world *kojisim.World) *sim {
	t.Helper()
	stage := scenario.New(t, world)
	sync := stage.Sync
	return &sim{
		Stage: stage,
		Clock: stage.Clock,
		Service: &Service{
			DB: sync.DB, Hubs: sync.Hubs, Log: sync.Log, Clock: sync.Clock, Holder: "test", Rules: sync.Rules,
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
