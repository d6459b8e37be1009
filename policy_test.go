package koschei

import (
	"errors"
	"testing"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	p := Policy{RightTrack: Users, RightPriority: Maintainers, RightCancel: Admins}
	nobody, user, admin := Actor{}, Actor{Name: "ann"}, Actor{Name: "root", Admin: true}
	for _, tt := range []struct {
		actor               Actor
		right               Right
		given, ifMaintainer bool
	}{
		{nobody, RightTrack, false, false},
		{nobody, RightPriority, false, false},
		{user, RightTrack, true, false},
		{user, RightPriority, false, true},
		{user, RightCancel, false, false},
		{user, RightBuildAgain, false, false}, // of which it says nothing
		{admin, RightCancel, true, false},
		{admin, RightBuildAgain, true, false},
	} {
		if given, ifMaintainer := p.Gives(tt.actor, tt.right); given != tt.given || ifMaintainer != tt.ifMaintainer {
			t.Errorf("%q, %s: got %t, %t, want %t, %t", tt.actor.Name, tt.right, given, ifMaintainer, tt.given, tt.ifMaintainer)
		}
	}
	if err := DefaultPolicy().Validate(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(Policy){
		`right cancel is given to "", it must be users, maintainers or admins: invalid`:   func(p Policy) { delete(p, RightCancel) },
		`right track is given to "all", it must be users, maintainers or admins: invalid`: func(p Policy) { p[RightTrack] = "all" },
		`there is no right "fly": invalid`:                                                func(p Policy) { p["fly"] = Users },
	} {
		p := DefaultPolicy()
		spoil(p)
		if err := p.Validate(); !errors.Is(err, ErrInvalid) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
