package kojihub

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// TestSplitFailure fails one architecture: the parent notices a moment later,
// and what still runs then is canceled.
func TestSplitFailure(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	s.hub.world.SetRules(kojisim.Rules{BuildTime: 0.05})
	s.hub.world.Break(kojisim.Breakage{Package: "foo", Arch: "aarch64", Message: "no such instruction"})
	s.login("koschei")
	id := s.scratchFoo()
	moment := false
	for range 100_000 {
		s.clock.Step(100 * time.Millisecond)
		parent := member(t, s.must("getTaskInfo", id), "state")
		states := map[any]any{}
		for _, c := range s.must("getTaskChildren", id).([]any) {
			states[member(t, c, "label")] = member(t, c, "state")
		}
		if states["aarch64"] == int64(kojisim.TaskFailed) && parent == int64(kojisim.TaskOpen) {
			moment = true
		}
		if parent == int64(kojisim.TaskOpen) || parent == int64(kojisim.TaskFree) || parent == int64(kojisim.TaskAssigned) {
			continue
		}
		if !moment {
			t.Error("the parent failed in the same moment as its child")
		}
		if parent != int64(kojisim.TaskFailed) || states["aarch64"] != int64(kojisim.TaskFailed) || states["x86_64"] != int64(kojisim.TaskCanceled) {
			t.Errorf("got parent %v and children %v", parent, states)
		}
		return
	}
	t.Error("the build does not end")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	s.login("koschei")
	id := s.scratchFoo()
	s.clock.Step(10 * time.Minute)
	mine := s.session
	s.session = nil
	s.login("other")
	if got := s.fault("cancelTask", id); got.Code != fault.CodeNotAllowed {
		t.Errorf("of another's task: got %v", got)
	}
	s.session = mine
	s.callnum = 100
	s.must("cancelTask", id)
	s.must("cancelTask", id)
	if got := s.fault("getTaskResult", id, false); !strings.Contains(got.String, "is canceled") {
		t.Errorf("result: got %v", got)
	}
	for _, h := range s.must("listHosts").([]any) {
		if got := member(t, h, "task_load"); got != 0.0 {
			t.Errorf("load after all is canceled: %v", got)
		}
	}
}

func TestFreedTaskRunsAgain(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	s.hub.world.SetRules(kojisim.Rules{FreedTasks: 1})
	s.login("koschei")
	id := s.scratchFoo()
	freed := 0
	for i := 0; i < 6000 && freed == 0; i++ {
		s.clock.Step(100 * time.Millisecond)
		info := s.must("getTaskInfo", id)
		if member(t, info, "state") == int64(kojisim.TaskFree) && member(t, info, "start_ts") != nil {
			freed++
		}
	}
	if got := s.finish(id); got != kojisim.TaskClosed || freed == 0 {
		t.Errorf("got state %d, seen free again %d times", got, freed)
	}
}

func TestRepoDecidesWhatABuildMeets(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	s.login("koschei")
	for _, tc := range []struct {
		repo int64
		code int
		text string
	}{
		{9, fault.CodeBuild, "No such repo: 9"},
		{2, fault.CodeBuild, "Bad repo: 2 (DELETED)"},
		{3, fault.CodeBuild, "error building package (arch x86_64), mock exited with status 30"},
	} {
		if tc.repo == 2 {
			w := s.hub.world.Lock()
			tag := w.TagByName("f40-build")
			w.ReadyRepo(w.InitRepo(tag, nil, 0))
			w.DeleteRepo(w.RepoByID(2))
			w.UntagBuild(w.TagByName("f40"), w.BuildByNVR("bash-5-1"), w.Users[0])
			w.ReadyRepo(w.InitRepo(tag, nil, 0))
			s.hub.world.Unlock()
		}
		id := s.scratchFoo(xmlrpc.Member{Name: "repo_id", Value: tc.repo})
		s.finish(id)
		if got := s.fault("getTaskResult", id); got.Code != tc.code || !strings.HasPrefix(strings.Replace(got.String, "aarch64", "x86_64", 1), tc.text) {
			t.Errorf("repo %d: got %v, want %d %s", tc.repo, got, tc.code, tc.text)
		}
	}
	if id := s.scratchFoo(xmlrpc.Member{Name: "repo_id", Value: int64(1)}); s.finish(id) != kojisim.TaskClosed {
		t.Error("a build in the repo of the past, where bash still was, failed")
	}
}

func TestRepoAtEvent(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	w := s.hub.world.Lock()
	w.Rules.RepoEvery = time.Hour
	event := w.LastEvent()
	w.UntagBuild(w.TagByName("f40"), w.BuildByNVR("bash-5-1"), w.Users[0])
	w.AddUser(kojisim.User{Name: "kojira", Perms: []string{"repo"}})
	s.hub.world.Unlock()
	s.login("koschei")
	at := xmlrpc.Named(xmlrpc.Struct{{Name: "at_event", Value: event - 1}})
	if got := member(t, s.must("repo.request", "f40-build", at), "repo"); got != nil {
		t.Fatalf("got repo %v, want none yet", got)
	}
	if got := member(t, s.must("repo.request", "f40-build", at), "duplicate"); got != true {
		t.Errorf("asked again: duplicate is %v", got)
	}
	for range 60 {
		s.clock.Step(time.Minute)
		r := member(t, s.must("repo.request", "f40-build", at), "repo")
		if r == nil {
			continue
		}
		if got := member(t, r, "create_event"); got != int64(event-1) {
			t.Errorf("got event %v, want %d", got, event-1)
		}
		id := s.scratchFoo(xmlrpc.Member{Name: "repo_id", Value: member(t, r, "id")})
		if s.finish(id) != kojisim.TaskClosed {
			t.Error("a build in the repo of the past failed")
		}
		return
	}
	t.Error("no repo was made")
}

func TestMessages(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	var states []string
	seen := map[string]int{}
	s.hub.Subscribe(func(m Message) {
		seen[m.ID]++
		var body struct{ Old, New string }
		if err := json.Unmarshal(m.Body, &body); err == nil && m.Topic == "task.state.change" {
			states = append(states, body.Old+" "+body.New)
		}
	})
	s.login("koschei")
	s.finish(s.scratchFoo())
	if got, want := strings.Join(states, ", "), "FREE ASSIGNED, ASSIGNED OPEN, OPEN CLOSED"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.hub.SetMessageFaults(MessageFaults{Lose: 1})
	before := len(seen)
	s.finish(s.scratchFoo())
	if len(seen) != before {
		t.Errorf("%d messages came through that should be lost", len(seen)-before)
	}
	s.hub.SetMessageFaults(MessageFaults{Repeat: 1})
	s.finish(s.scratchFoo())
	twice := 0
	for _, n := range seen {
		if n == 2 {
			twice++
		}
	}
	if twice == 0 {
		t.Error("no message came twice")
	}
}
