package notifier_test

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	tables "github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
)

// How long it takes from a repo to a message is counted for what the repo made, and not
// for what builds did, nor for what was held back.
func TestFromRepoToMessage(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "foo", "bar", "held")
	s := &sink{name: "bus"}
	service := p.service(s)
	service.Quiet = 0
	p.pass(service)
	p.Repo("f44", 1, noon.Add(-10*time.Minute))
	for _, name := range []string{"foo", "held"} {
		p.Unresolvable(name, noon.Add(-time.Minute), "nothing provides libcup.so.3")
	}
	p.state("foo", "ok", "unresolved", 0)
	p.state("bar", "ok", "failing", 0)
	p.pass(service)
	service.Quiet = 30 * time.Minute
	p.state("held", "ok", "unresolved", 0)
	p.pass(service)
	p.SetDeliveriesDue()
	p.pass(service)
	if n := p.UnsentDeliveries(); n > 0 || len(s.sent) != 3 {
		t.Fatalf("%d wait, %q were sent, want all 3", n, s.sent)
	}
	status, err := p.db.Status(t.Context(), tables.Ranking{Rules: koschei.DefaultPriorityRules(), Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	if len(status.Sinks) != 1 || len(status.Sinks[0].Lately) != 1 || !status.Sinks[0].Lately[0].Ready.Equal(noon.Add(-10*time.Minute)) {
		t.Errorf("sinks are %+v", status.Sinks)
	}
	real := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	told := view.SinkStatus{Lately: []view.Told{
		{Ready: real, Sent: real.Add(time.Minute)}, {Ready: real, Sent: real.Add(3 * time.Minute)}, {Ready: real, Sent: real.Add(2 * time.Minute)},
	}}
	fast := koschei.Clock{Speed: 60, Start: real, Epoch: real}
	for _, test := range []struct {
		clock koschei.Clock
		share float64
		want  time.Duration
	}{{koschei.Clock{}, 0.5, 2 * time.Minute}, {koschei.Clock{}, 0.95, 3 * time.Minute}, {koschei.Clock{}, 1, 3 * time.Minute}, {fast, 0.5, 2 * time.Hour}} {
		if got, known := told.Took(test.clock, test.share); !known || got != test.want {
			t.Errorf("%v of it took %v, want %v", test.share, got, test.want)
		}
	}
	if _, known := (&view.SinkStatus{}).Took(koschei.Clock{}, 0.5); known {
		t.Error("nothing was told, and it is known how long that took")
	}
}
