package koschei

import "testing"

func TestRights(t *testing.T) {
	t.Parallel()
	global, own, others := Group{Name: "minimal"}, Group{Namespace: "ann", Name: "java"}, Group{Namespace: "bob", Name: "java"}
	tests := []struct {
		name        string
		actor       Actor
		packages    bool
		groups      []Group // that it may edit, of the three
		collections bool
	}{
		{"nobody", Actor{From: FromFrontend}, false, nil, false},
		{"nobody, with groups by mistake", Actor{From: FromFrontend, Groups: []string{"minimal"}}, false, nil, false},
		{"user", Actor{Name: "ann", From: FromFrontend}, true, []Group{own}, false},
		{"maintainer", Actor{Name: "ann", From: FromFrontend, Groups: []string{"minimal", "bob/java"}}, true, []Group{global, own, others}, false},
		{"maintainer of a group of that name elsewhere", Actor{Name: "carl", From: FromFrontend, Groups: []string{"java"}}, true, nil, false},
		{"service", Actor{Name: string(ServiceScheduler), From: FromBackend}, true, nil, false},
		{"admin", Actor{Name: "dora", From: FromFrontend, Admin: true}, true, []Group{global, own, others}, true},
		{"operator", Actor{Name: "root", From: FromAdmin, Admin: true}, true, []Group{global, own, others}, true},
	}
	for _, test := range tests {
		if got, _ := DefaultPolicy().Gives(test.actor, RightTrack); got != test.packages {
			t.Errorf("%s: may edit packages: %v, want %v", test.name, got, test.packages)
		}
		if got := test.actor.CanEditCollections(); got != test.collections {
			t.Errorf("%s: may edit collections: %v, want %v", test.name, got, test.collections)
		}
		may := map[Group]bool{}
		for _, g := range test.groups {
			may[g] = true
		}
		for _, g := range []Group{global, own, others} {
			if got := test.actor.CanEditGroup(g); got != may[g] {
				t.Errorf("%s: may edit group %s: %v, want %v", test.name, g.FullName(), got, may[g])
			}
		}
	}
}
