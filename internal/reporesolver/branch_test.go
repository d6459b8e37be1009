package reporesolver

import (
	"context"
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/scenario"
)

// What is kept of a collection goes with it.
func TestDeletedCollection(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	s.mustPass()
	if len(s.memories) != 1 || len(s.lastNeeds) != 1 {
		t.Fatalf("%d memories and requires of %d collections, want one each", len(s.memories), len(s.lastNeeds))
	}
	author := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: s.Clock.Now()}
	if _, err := s.Store.DeleteCollection(t.Context(), author, "f44", true); err != nil {
		t.Fatal(err)
	}
	s.mustPass()
	if len(s.memories) != 0 || len(s.lastNeeds) != 0 {
		t.Errorf("%d memories and requires of %d collections are left", len(s.memories), len(s.lastNeeds))
	}
}

// A collection is branched after a pass has read it: its name is another's now.
// The work goes on with the collection whose lease was taken.
func TestBranchedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSim(t, scenario.World(t, small))
	c, err := s.DB.Collection(t.Context(), "f44")
	if err != nil {
		t.Fatal(err)
	}
	author := audit.Act{Actor: koschei.Actor{Name: "operator", From: koschei.FromAdmin, Admin: true}, Now: s.Clock.Now()}
	_, err = s.Store.BranchCollection(t.Context(), author, edit.Branch{
		Master: "f44", NewName: "f45", Target: "f45", DestTag: "f44", BuildTag: "f45-build", DisplayName: "44",
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.alone(t.Context(), c, func(_ context.Context, _ *record.Fenced, now *koschei.Collection) error {
		if now.ID != c.ID || now.Name != "f45" {
			t.Errorf("under the lease of collection %d the work is on %d (%s), want the same, f45 by now", c.ID, now.ID, now.Name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
