package koschei_test

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
)

func TestFreshness(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		f      koschei.Freshness
		behind time.Duration
		events int64
		moved  bool
	}{
		{"nothing known", koschei.Freshness{}, 0, 0, false},
		{
			"newest",
			koschei.Freshness{
				Verdicts: koschei.Repo{RepoID: 7, CreateEvent: 70},
				Newest:   koschei.Repo{RepoID: 7, CreateEvent: 70, EndEvent: 71},
			},
			0, 0, true,
		},
		{
			"behind",
			koschei.Freshness{
				Verdicts: koschei.Repo{RepoID: 7, CreateEvent: 70},
				Newest:   koschei.Repo{RepoID: 9, CreateEvent: 95}, Newer: 2, Since: now.Add(-3 * time.Hour),
			},
			3 * time.Hour, 25, false,
		},
		{
			"a clock that is behind the hub's",
			koschei.Freshness{Newest: koschei.Repo{RepoID: 9, CreateEvent: 95}, Newer: 1, Since: now.Add(time.Minute)},
			0, 95, false,
		},
	} {
		if got := tt.f.Behind(now); got != tt.behind {
			t.Errorf("%s: behind by %v, want %v", tt.name, got, tt.behind)
		}
		if got := tt.f.EventsBehind(); got != tt.events {
			t.Errorf("%s: behind by %d events, want %d", tt.name, got, tt.events)
		}
		if got := tt.f.TagMoved(); got != tt.moved {
			t.Errorf("%s: the tag moved: %v, want %v", tt.name, got, tt.moved)
		}
	}
}

func TestTroubles(t *testing.T) {
	f := koschei.Freshness{Services: []koschei.ServiceReport{{Service: "polling"}, {Service: "scheduler", Trouble: "no tag"}}}
	if got := f.Troubles(); len(got) != 1 || got[0].Service != "scheduler" {
		t.Errorf("troubles %v, want that of the scheduler", got)
	}
	if got := f.Report("scheduler").Trouble; got != "no tag" {
		t.Errorf("trouble of the scheduler %q", got)
	}
	if got := f.Report("repo-resolver"); got != (koschei.ServiceReport{Service: "repo-resolver"}) {
		t.Errorf("report %v of a service that never looked", got)
	}
}
