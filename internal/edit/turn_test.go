package edit_test

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// A package that a user has built again is due and no more: it passes nobody. One
// that an administrator has built first passes all.
func TestTurns(t *testing.T) {
	t.Parallel()
	rules := koschei.DefaultPriorityRules()
	for _, tt := range []struct {
		name    string
		turn    edit.Turn
		options []pgtest.PackageOption
		least   float64
		most    float64
	}{
		{"nothing speaks for it", edit.Turn{Rules: rules}, nil, 256, 257},
		{"it is held back", edit.Turn{Rules: rules}, []pgtest.PackageOption{pgtest.ManualPriority(-500)}, 256, 257},
		{"it is due anyway", edit.Turn{Rules: rules}, []pgtest.PackageOption{pgtest.ManualPriority(1000)}, 1000, 1100},
		{"first", edit.Turn{Rules: rules, First: true}, nil, 999_000, 1_001_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := pgtest.NewWorld(t)
			w.Collection("f43")
			w.Package("f43", "foo", tt.options...)
			w.Build("foo", pgtest.SampleTime().Add(-10*time.Hour), pgtest.Task(1), pgtest.Outcome(koschei.OutcomeComplete), pgtest.Finished(pgtest.SampleTime()))
			db, act := w.Open(), someone()
			changes, err := db.RetryPackages(t.Context(), act, "f43", []string{"foo"}, tt.turn)
			if err != nil {
				t.Fatal(err)
			}
			packages, err := db.Packages.Named(t.Context(), "f43", []string{"foo"})
			if err != nil {
				t.Fatal(err)
			}
			c, err := db.View.Collection(t.Context(), "f43")
			if err != nil {
				t.Fatal(err)
			}
			if p := rules.Of(&packages[0], c, act.Now).Total(); p < tt.least || p > tt.most {
				t.Errorf("priority %.1f, want %.0f to %.0f (%q)", p, tt.least, tt.most, changes)
			}
		})
	}
}
