package buildpage

import (
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
)

// A build that ended otherwise than one of the same source with the same packages says
// that neither is to blame.
func TestNoteOfSameInput(t *testing.T) {
	side := func(id int64, outcome koschei.Outcome) *view.Side {
		return &view.Side{BuildRecord: &view.BuildRecord{Build: koschei.Build{ID: id, Outcome: outcome}}}
	}
	same := view.BuildRef{ID: 7, Outcome: koschei.OutcomeComplete}
	const sentence = "Build 7 was of the same source with the same packages, and completed: what differs is not in the buildroot."
	for _, test := range []struct {
		name string
		page view.Comparison
		want string
	}{
		{"another outcome", view.Comparison{A: side(8, koschei.OutcomeComplete), B: side(9, koschei.OutcomeFailed), Same: &same}, sentence},
		{"nothing to compare with", view.Comparison{B: side(9, koschei.OutcomeFailed), Same: &same}, sentence},
		{"the same outcome", view.Comparison{A: side(8, koschei.OutcomeComplete), B: side(9, koschei.OutcomeComplete), Same: &same}, ""},
		{"under way", view.Comparison{A: side(8, koschei.OutcomeComplete), B: side(9, koschei.OutcomeRunning), Same: &same}, ""},
		{"the one compared with", view.Comparison{A: side(7, koschei.OutcomeComplete), B: side(9, koschei.OutcomeFailed), Same: &same}, "The same 4 packages in both: what differs is not in the buildroot."},
	} {
		test.page.Changes = view.Changes{Known: true, Size: 4}
		if test.want == "" {
			test.page.Changes.List = []koschei.Change{{}}
		}
		if got := note(&test.page); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
