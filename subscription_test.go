package koschei_test

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
)

func TestTell(t *testing.T) {
	t.Parallel()
	const ok, failing, unresolved, ignored = koschei.StateOK, koschei.StateFailing, koschei.StateUnresolved, koschei.StateIgnored
	for _, tt := range []struct {
		before, after       koschei.State
		broken, mended, all bool
	}{
		{ok, failing, true, true, true},
		{ok, unresolved, true, true, true},
		{failing, ok, false, true, true},
		{unresolved, ok, false, true, true},
		{failing, unresolved, false, false, true},
		{ok, ignored, false, false, true},
		{ignored, failing, false, false, true}, // a package that is new, or a whole collection of them
		{ignored, ok, false, false, true},
		{ok, ok, false, false, false},
	} {
		for tell, want := range map[koschei.Tell]bool{koschei.TellBroken: tt.broken, koschei.TellMended: tt.mended, koschei.TellAll: tt.all} {
			if got := tell.Wants(tt.before, tt.after); got != want {
				t.Errorf("%s wants %s to %s: %v, want %v", tell, tt.before, tt.after, got, want)
			}
		}
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC) }
	for _, tt := range []struct {
		pace      koschei.Pace
		now, next time.Time // 23 November 2026 is a Monday
	}{
		{koschei.AtOnce, at(23, 12, 0), at(23, 12, 0)},
		{koschei.Daily, at(23, 5, 59), at(23, 6, 0)},
		{koschei.Daily, at(23, 6, 0), at(24, 6, 0)},
		{koschei.Weekly, at(23, 5, 0), at(23, 6, 0)},
		{koschei.Weekly, at(23, 6, 0), at(30, 6, 0)},
		{koschei.Weekly, at(25, 12, 0), at(30, 6, 0)},
	} {
		if got := tt.now.Add(tt.pace.Wait(tt.now)); !got.Equal(tt.next) {
			t.Errorf("%s at %v: %v, want %v", tt.pace, tt.now, got, tt.next)
		}
	}
}

func TestCauseOf(t *testing.T) {
	t.Parallel()
	for _, problems := range [][]string{
		{"nothing provides libcup.so.3()(64bit) needed by teapot-devel-1-1.x86_64", "something else"},
		{"nothing provides libcup.so.3()(64bit)"},
	} {
		if got, want := koschei.CauseOf(problems), "nothing provides libcup.so.3()(64bit)"; got != want {
			t.Errorf("cause of %q is %q, want %q", problems, got, want)
		}
	}
	if got := koschei.CauseOf(nil); got != "" {
		t.Errorf("cause of nothing is %q", got)
	}
}
