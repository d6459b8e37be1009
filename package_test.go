package koschei

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestState(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pkg  PackageStatus
		want State
	}{
		{
			PackageStatus{Package: Package{Blocked: true, Tracked: true}, Resolution: Unresolved, LastCompleteOutcome: OutcomeFailed},
			StateBlocked,
		},
		{PackageStatus{Resolution: Unresolved, LastCompleteOutcome: OutcomeFailed}, StateUntracked},
		{PackageStatus{Package: Package{Tracked: true}, Resolution: Unresolved, LastCompleteOutcome: OutcomeComplete}, StateUnresolved},
		{PackageStatus{Package: Package{Tracked: true}, Resolution: Resolved, LastCompleteOutcome: OutcomeComplete}, StateOK},
		{PackageStatus{Package: Package{Tracked: true}, LastCompleteOutcome: OutcomeFailed}, StateFailing},
		{PackageStatus{Package: Package{Tracked: true}, Resolution: Resolved}, StateUnknown},
	}
	for _, test := range tests {
		if got := test.pkg.State(); got != test.want {
			t.Errorf("%+v: state %s, want %s", test.pkg, got, test.want)
		}
	}
}

func TestMessageState(t *testing.T) {
	t.Parallel()
	tests := map[State]State{
		StateOK: StateOK, StateFailing: StateFailing, StateUnresolved: StateUnresolved,
		StateBlocked: StateIgnored, StateUntracked: StateIgnored, StateUnknown: StateIgnored,
	}
	for state, want := range tests {
		if got := state.Message(); got != want {
			t.Errorf("%s is told as %s, want %s", state, got, want)
		}
	}
}

func TestObstacles(t *testing.T) {
	t.Parallel()
	type change func(*PackageStatus, *Collection)
	tests := []struct {
		name   string
		change change
		want   []Obstacle
	}{
		{"none", func(*PackageStatus, *Collection) {}, nil},
		{"failing", func(p *PackageStatus, _ *Collection) { p.LastCompleteOutcome = OutcomeFailed }, nil},
		{"untracked", func(p *PackageStatus, _ *Collection) { p.Tracked = false }, []Obstacle{ObstacleUntracked}},
		{"blocked", func(p *PackageStatus, _ *Collection) { p.Blocked = true }, []Obstacle{ObstacleBlocked}},
		{"unresolved", func(p *PackageStatus, _ *Collection) { p.Resolution = Unresolved }, []Obstacle{ObstacleUnresolved}},
		{"running", func(p *PackageStatus, _ *Collection) { p.LastBuildID = 8 }, []Obstacle{ObstacleRunning}},
		{"no build", func(p *PackageStatus, _ *Collection) { p.LastBuildID, p.LastCompleteBuildID = 0, 0 }, []Obstacle{ObstacleNoBuild}},
		{"not attempted", func(p *PackageStatus, _ *Collection) { p.Resolution = Unattempted }, []Obstacle{ObstacleUnattempted}},
		{"an image", func(p *PackageStatus, _ *Collection) { p.Resolution, p.NoSource = Unattempted, true }, []Obstacle{ObstacleNoSource}},
		{"resolution skipped", func(p *PackageStatus, _ *Collection) { p.Resolution, p.SkipResolution = Unattempted, true }, nil},
		{
			"resolution skipped, first build running", func(p *PackageStatus, _ *Collection) {
				p.Resolution, p.SkipResolution, p.LastCompleteBuildID = Unattempted, true, 0
			},
			[]Obstacle{ObstacleRunning},
		},
		{"buildroot", func(_ *PackageStatus, c *Collection) { c.LatestRepoResolved = Unresolved }, []Obstacle{ObstacleBuildroot}},
		{"no repo yet", func(_ *PackageStatus, c *Collection) { c.LatestRepoResolved = Unattempted }, []Obstacle{ObstacleBuildrootLate}},
		{
			"several", func(p *PackageStatus, c *Collection) {
				p.Blocked, p.Resolution, c.LatestRepoResolved = true, Unresolved, Unresolved
			},
			[]Obstacle{ObstacleBlocked, ObstacleUnresolved, ObstacleBuildroot},
		},
	}
	for _, test := range tests {
		p := PackageStatus{Package: Package{Tracked: true}, Resolution: Resolved, LastBuildID: 7, LastCompleteBuildID: 7}
		c := Collection{LatestRepoResolved: Resolved}
		test.change(&p, &c)
		if diff := cmp.Diff(test.want, p.Obstacles(&c)); diff != "" {
			t.Errorf("%s: obstacles (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestHeldAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name  string
		until time.Time
		want  bool
	}{
		{"no hold", time.Time{}, false},
		{"the time has passed", now.Add(-time.Second), false},
		{"the time has come", now, false},
		{"the time is to come", now.Add(time.Second), true},
	}
	for _, test := range tests {
		p := PackageStatus{HoldReason: "no builder is free", HoldUntil: test.until}
		if got := p.HeldAt(now); got != test.want {
			t.Errorf("%s: held %v, want %v", test.name, got, test.want)
		}
	}
}

func TestValidateArchOverride(t *testing.T) {
	t.Parallel()
	ours := []string{"i386", "x86_64"}
	for _, good := range []string{"", "x86_64", "i686 x86_64", "^x86_64", "^i386 x86_64"} {
		if err := ValidateArchOverride(good, ours); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"x86_64 vax", "^vax", "x86_64,i386", "x86_64 ^i386"} {
		if err := ValidateArchOverride(bad, ours); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: error %v, want %v", bad, err, ErrInvalid)
		}
	}
}

func TestValidateName(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"f43", "gcc-c++", "python3.14", "0ad", "a_b", "_x", "+gtk", strings.Repeat("a", 255)} {
		if err := ValidateName("package", good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-a", ".", "..", "a b", "a/b", "a@b", "ä", "<b>", strings.Repeat("a", 256)} {
		if err := ValidateName("package", bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: error %v, want %v", bad, err, ErrInvalid)
		}
	}
	if err := ValidateName("user", "someone@EXAMPLE.ORG"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"@EXAMPLE.ORG", "host/example.org@EXAMPLE.ORG"} {
		if err := ValidateName("user", bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("user %q: error %v, want %v", bad, err, ErrInvalid)
		}
	}
}

func TestGroupNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		full, namespace, name string
		bad                   bool
	}{
		{"minimal", "", "minimal", false},
		{"mizdebsk/java", "mizdebsk", "java", false},
		{"", "", "", true},
		{"/java", "", "", true},
		{"a/", "", "", true},
		{"a/b/c", "", "", true},
	}
	for _, test := range tests {
		namespace, name, err := ParseGroupName(test.full)
		if test.bad {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%q: error %v, want %v", test.full, err, ErrInvalid)
			}
			continue
		}
		if err != nil || namespace != test.namespace || name != test.name {
			t.Errorf("%q is %q, %q (%v), want %q, %q", test.full, namespace, name, err, test.namespace, test.name)
		}
		if got := (Group{Namespace: namespace, Name: name}).FullName(); got != test.full {
			t.Errorf("full name %q, want %q", got, test.full)
		}
	}
}
