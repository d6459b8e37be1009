package buildresolver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/scenario"
)

var past = strings.Replace(small, "user root", `user maker password=secret perms=regen-repo
channel createrepo
rules requests=on
user root`, 1)

// newPast has foo built in repo 1, which had gcc 1 and is deleted; repo 2 has
// gcc 2.
func newPast(t *testing.T, user string) *sim {
	t.Helper()
	s := newSim(t, scenario.World(t, strings.Replace(past, "channels=default", "channels=default,createrepo", 1)))
	if user == "" {
		s.LogIn("", "")
	} else {
		s.LogIn(user, "secret")
	}
	s.Hubs, s.RemakeRepos = s.Sync.Hubs, 14*24*time.Hour
	s.Administer("tagBuildBypass", "f44", "gcc-2-1")
	s.NewRepo()
	s.Administer("repoDelete", 1)
	s.build("foo", "1", "complete", 1001, 1)
	s.TrackAll()
	return s
}

// passes lets the hub and the service work by turns.
func (s *sim) passes(n int) {
	s.T.Helper()
	for range n {
		if err := s.pass(s.T.Context()); err != nil {
			s.T.Fatal(err)
		}
		s.Clock.Step(5 * time.Minute)
	}
}

// newRepos are the newRepo tasks for f44-build, with their events, the oldest first.
func (s *sim) newRepos() []string {
	s.T.Helper()
	tasks, err := s.Sync.Primary.ListTasks(s.T.Context(), koji.TaskQuery{Method: "newRepo", Limit: 100})
	if err != nil {
		s.T.Fatal(err)
	}
	got := []string{}
	for i := len(tasks) - 1; i >= 0; i-- {
		got = append(got, fmt.Sprintf("%s %s", tasks[i].Source(), tasks[i].State))
	}
	return got
}

func (s *sim) cancelNewRepos() {
	s.T.Helper()
	tasks, err := s.Sync.Primary.ListTasks(s.T.Context(), koji.TaskQuery{Method: "newRepo", Limit: 100})
	if err != nil {
		s.T.Fatal(err)
	}
	for i := range tasks {
		s.Administer("cancelTask", tasks[i].ID) // one that has ended stays as it is
	}
}

func (s *sim) buildroot() []string {
	s.T.Helper()
	var id int64
	for _, b := range s.ScratchBuilds() {
		id = max(id, b.SetID)
	}
	contents, err := s.DB.Sets.SetContents(s.T.Context(), []int64{id})
	if err != nil {
		s.T.Fatal(err)
	}
	sets, err := s.DB.Sets.DecodeSets(contents)
	if err != nil {
		s.T.Fatal(err)
	}
	got := []string{}
	for _, m := range sets[id] {
		got = append(got, s.Binaries(m.ID)...)
	}
	return got
}

func TestAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		user     string
		prepare  func(*sim)
		want     string
		tasks    int // newRepo tasks besides that of repo 2
		refusals []string
	}{
		{"any user may", "koschei", nil, "1001 resolved 2", 1, nil},
		{"nobody is logged in", "", nil, "1001 unavailable 0", 0, []string{"newRepo", "repo.request"}},
		{"an old hub, without the permission", "koschei", func(s *sim) {
			s.Hub.World().SetPolicy(kojisim.Policy{Version: "1.34.1"})
		}, "1001 unavailable 0", 0, []string{"newRepo", "repo.request"}},
		{"an old hub, with the permission", "maker", func(s *sim) {
			s.Hub.World().SetPolicy(kojisim.Policy{Version: "1.34.1"})
		}, "1001 resolved 2", 1, []string{"repo.request"}},
		{"refused an hour ago", "koschei", func(s *sim) {
			for _, what := range []string{"repo.request", "newRepo"} {
				s.Refusal(koschei.Primary, what, s.Clock.Now().Add(-time.Hour))
			}
		}, "1001 unavailable 0", 0, []string{"newRepo", "repo.request"}},
		{"refused two days ago", "koschei", func(s *sim) {
			s.Refusal(koschei.Primary, "repo.request", s.Clock.Now().Add(-48*time.Hour))
		}, "1001 resolved 2", 1, []string{"repo.request"}},
		{"turned off", "koschei", func(s *sim) { s.RemakeRepos = 0 }, "1001 unavailable 0", 0, nil},
		{"too old", "koschei", func(s *sim) { s.Clock.Step(15 * 24 * time.Hour) }, "1001 unavailable 0", 0, nil},
		{"nobody looks after the package", "koschei", func(s *sim) { s.SetPackages(pgtest.Tracked(false)) }, "1001 unavailable 0", 0, nil},
		{"not the last build", "koschei", func(s *sim) { s.SetPackages(pgtest.WithoutLastBuilds()) }, "1001 unavailable 0", 0, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newPast(t, test.user)
			if test.prepare != nil {
				test.prepare(s)
			}
			s.passes(6)
			s.Expect("builds", s.deps(), test.want)
			if strings.Contains(test.want, "resolved 2") {
				s.Expect("buildroot", s.buildroot(), "bash 5", "gcc 1")
				s.Expect("repo of the build", s.repos(), "1")
			}
			if got := len(s.newRepos()) - 1; got != test.tasks {
				t.Errorf("%d newRepo tasks, want %d: %v", got, test.tasks, s.newRepos())
			}
			s.Expect("refusals", append([]string{}, s.Refusals()...), test.refusals...)
		})
	}
}

// TestAgainKilled forgets what came of the call that was under way.
func TestAgainKilled(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"koschei", "maker"} {
		s := newPast(t, user)
		s.Hub.World().SetPolicy(kojisim.Policy{Version: map[bool]string{true: "1.34.1"}[user == "maker"]})
		s.passes(1)
		s.LoseRequestTasks()
		s.troubles = nil
		s.passes(6)
		s.Expect("builds", s.deps(), "1001 resolved 2")
		if got := s.newRepos(); len(got) != 2 {
			t.Errorf("as %s: newRepo tasks %v, want one for the repo of the past", user, got)
		}
	}
}

// TestAgainFails has the hub not come to making the repo.
func TestAgainFails(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"koschei", "maker"} {
		s := newPast(t, user)
		s.Hub.World().SetPolicy(kojisim.Policy{Version: map[bool]string{true: "1.34.1"}[user == "maker"]})
		for range 40 {
			if err := s.pass(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.Clock.Step(2 * time.Minute)
			s.cancelNewRepos()
		}
		s.Expect("builds", s.deps(), "1001 unavailable 0")
		s.Expect("request", s.requests(), "failed")
	}
}

// TestAgainFewAtATime has builds in more deleted repos than are asked for at a time.
func TestAgainFewAtATime(t *testing.T) {
	t.Parallel()
	s := newPast(t, "koschei")
	for i := range int64(4) {
		s.NewRepo()
		s.Administer("repoDelete", 3+i)
		name := fmt.Sprint("more", i)
		s.Package("f44", name)
		s.SRPM(name)
		s.build(name, "1", "complete", 2000+i, 3+i)
	}
	if err := s.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	requests := s.RepoRequests()
	if len(requests) != 3 { // which of them come first is left to chance: repos are looked at side by side
		t.Errorf("requests at a time %+v, want 3", requests)
	}
	s.passes(30)
	s.Expect("in the end", s.requests(), "made", "made", "made", "made", "made")
	var deps []string
	for _, b := range s.ScratchBuilds() {
		deps = append(deps, string(b.Deps))
	}
	s.Expect("builds", deps, "resolved", "resolved", "resolved", "resolved", "resolved")
}

// requests are the states of the requests for repos of the past.
func (s *sim) requests() []string {
	s.T.Helper()
	var states []string
	for _, r := range s.RepoRequests() {
		states = append(states, r.State)
	}
	return states
}

// repos are those that the scratch builds were made in.
func (s *sim) repos() []string {
	s.T.Helper()
	var repos []string
	for _, b := range s.ScratchBuilds() {
		repos = append(repos, fmt.Sprint(b.RepoID))
	}
	return repos
}
