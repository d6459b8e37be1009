package kojihub

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// A station is a hub under test and a client of it.
type station struct {
	t     *testing.T
	hub   *Hub
	clock *kojisim.Clock
	url   string

	user    string // for sslLogin
	session xmlrpc.Struct
	callnum int
}

// newStation serves a world in step time.
func newStation(t *testing.T, w *kojisim.World) *station {
	t.Helper()
	clock := kojisim.NewStepClock(w.Now())
	hub := New(w, clock, slog.New(slog.DiscardHandler))
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	return &station{t: t, hub: hub, clock: clock, url: server.URL}
}

// smallWorld is a world of the generator without weeks of history.
func smallWorld(t *testing.T, o distro.Options) *kojisim.World {
	t.Helper()
	if o.Packages == 0 {
		o.Packages = 150
	}
	if o.History == 0 {
		o.History = 3 * 24 * time.Hour
	}
	if o.Rules == nil {
		o.Rules = &kojisim.Rules{RepoEvery: 3 * time.Hour, RepoKeep: 3}
	}
	w, err := distro.Generate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (s *station) login(user string) {
	s.t.Helper()
	s.user = user
	s.session, _ = s.must("sslLogin").(xmlrpc.Struct)
	s.callnum = 0
}

// post sends a body with the headers of the session.
func (s *station) post(path string, body []byte, callnum int) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml")
	if s.session != nil {
		id, _ := s.session.Get("session-id")
		key, _ := s.session.Get("session-key")
		req.Header.Set("Koji-Session-Id", strconv.FormatInt(id.(int64), 10))
		req.Header.Set("Koji-Session-Key", key.(string))
		if callnum >= 0 {
			req.Header.Set("Koji-Session-Callnum", strconv.Itoa(callnum))
		}
	}
	if s.user != "" {
		req.Header.Set("Koji-Sim-User", s.user)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

func (s *station) callAs(callnum int, method string, params ...any) (any, error) {
	s.t.Helper()
	body, err := xmlrpc.AppendCall(nil, xmlrpc.Call{Method: method, Params: params})
	if err != nil {
		s.t.Fatal(err)
	}
	path := hubPath
	if method == "sslLogin" {
		path = loginPath
	}
	resp := s.post(path, body, callnum)
	defer func() { _ = resp.Body.Close() }()
	policy := s.hub.world.Lock().Policy
	s.hub.world.Unlock()
	if told := resp.Header.Get("Koji-Version"); resp.StatusCode != http.StatusOK || told != versionOf(policy) && !policy.Before(35) {
		s.t.Fatalf("%s: status %d, Koji-Version %q", method, resp.StatusCode, resp.Header.Get("Koji-Version"))
	}
	return xmlrpc.NewDecoder(resp.Body, xmlrpc.Limits{}).Response()
}

func (s *station) call(method string, params ...any) (any, error) {
	s.t.Helper()
	s.callnum++
	return s.callAs(s.callnum, method, params...)
}

func (s *station) must(method string, params ...any) any {
	s.t.Helper()
	v, err := s.call(method, params...)
	if err != nil {
		s.t.Fatalf("%s: %v", method, err)
	}
	return v
}

func (s *station) fault(method string, params ...any) *xmlrpc.Fault {
	s.t.Helper()
	v, err := s.call(method, params...)
	var f *xmlrpc.Fault
	if !errors.As(err, &f) {
		s.t.Fatalf("%s: got %v, %v, want a fault", method, v, err)
	}
	return f
}

func (s *station) get(path string) (string, int) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b), resp.StatusCode
}

func member(t *testing.T, v any, name string) any {
	t.Helper()
	s, ok := v.(xmlrpc.Struct)
	if !ok {
		t.Fatalf("got %T, want a struct with %s", v, name)
	}
	m, ok := s.Get(name)
	if !ok {
		t.Fatalf("no member %s in %v", name, s)
	}
	return m
}

// finish steps until the task has ended and returns its state.
func (s *station) finish(task any) int64 {
	s.t.Helper()
	for range 2000 {
		s.clock.Step(time.Minute)
		switch state := member(s.t, s.must("getTaskInfo", task), "state").(int64); state {
		case kojisim.TaskClosed, kojisim.TaskFailed, kojisim.TaskCanceled:
			return state
		}
	}
	s.t.Fatalf("task %v does not end", task)
	return 0
}

// scratch submits a scratch build of the newest build of a package.
func (s *station) scratch(pkg string, opts ...xmlrpc.Member) any {
	s.t.Helper()
	list := s.must("listTagged", distro.DestTagName, xmlrpc.Named(xmlrpc.Struct{{Name: "latest", Value: true}, {Name: "package", Value: pkg}})).([]any)
	nvr := member(s.t, list[0], "nvr").(string)
	v, r := member(s.t, list[0], "version").(string), member(s.t, list[0], "release").(string)
	src := "../packages/" + pkg + "/" + v + "/" + r + "/src/" + nvr + ".src.rpm"
	o := append(xmlrpc.Struct{{Name: "scratch", Value: true}}, opts...)
	return s.must("build", src, distro.TargetName, o, xmlrpc.Named(xmlrpc.Struct{{Name: "priority", Value: 30}}))
}

func TestScratchBuild(t *testing.T) {
	t.Parallel()
	s := newStation(t, smallWorld(t, distro.Options{}))
	s.login(distro.KoscheiUser)
	id := s.scratch("zlib")
	if got := member(t, s.must("getTaskInfo", id), "state"); got != int64(kojisim.TaskFree) {
		t.Errorf("state of a new task: got %v, want FREE", got)
	}
	if got := s.fault("getTaskResult", id); got.Code != fault.CodeGeneric || !strings.Contains(got.String, "is not finished") {
		t.Errorf("result of a running task: got %v", got)
	}
	if got := s.finish(id); got != kojisim.TaskClosed {
		t.Fatalf("got state %d, want CLOSED", got)
	}
	if got := s.must("getTaskResult", id); got != nil {
		t.Errorf("result of a build: got %v, want nil", got)
	}
	children := s.must("getTaskChildren", id, xmlrpc.Named(xmlrpc.Struct{{Name: "request", Value: true}})).([]any)
	methods := map[string]int{}
	for _, c := range children {
		methods[member(t, c, "method").(string)]++
		if member(t, c, "label") != "x86_64" {
			continue
		}
		request := member(t, c, "request").([]any)
		if repo := member(t, request[4], "repo_id"); repo == int64(0) {
			t.Errorf("no repo in %v", request)
		}
		child := strconv.FormatInt(member(t, c, "id").(int64), 10)
		log, status := s.get("/kojifiles/work/tasks/" + child + "/" + child + "/build.log")
		if status != http.StatusOK || !strings.Contains(log, "Wrote: ") {
			t.Errorf("build.log: status %d, %.60q", status, log)
		}
	}
	if methods["rebuildSRPM"] != 1 || methods["buildArch"] != 2 || len(methods) != 2 {
		t.Errorf("got children %v, want 1 rebuildSRPM and 2 buildArch", methods)
	}
}

func TestBuildFailsForItsCause(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		breakage kojisim.Breakage
		cause    kojisim.Cause
		text     string
	}{
		{"source", kojisim.Breakage{Package: "zlib", Message: "static assertion failed"}, kojisim.CauseSource, "error: static assertion failed"},
		{"dependency", kojisim.Breakage{Package: "zlib", Dependency: "gcc", Message: "gcc is too new"}, kojisim.CauseDependency, "error: gcc is too new"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := smallWorld(t, distro.Options{})
			w.Break(tc.breakage)
			s := newStation(t, w)
			s.login(distro.KoscheiUser)
			id := s.scratch("zlib")
			if got := s.finish(id); got != kojisim.TaskFailed {
				t.Fatalf("got state %d, want FAILED", got)
			}
			f := s.fault("getTaskResult", id)
			if f.Code != fault.CodeBuild || !strings.Contains(f.String, "exited with status 1;") {
				t.Errorf("got %v", f)
			}
			v, ok := w.Verdict(int(id.(int64)))
			if !ok || v.Cause != tc.cause {
				t.Errorf("truth: got %+v", v)
			}
			for _, c := range s.must("getTaskChildren", id).([]any) {
				if member(t, c, "method") != "buildArch" || member(t, c, "state") != int64(kojisim.TaskFailed) {
					continue
				}
				log, err := base64.StdEncoding.DecodeString(s.must("downloadTaskOutput", member(t, c, "id"), "build.log").(string))
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(string(log), tc.text) {
					t.Errorf("the log does not say %q: %.3000s", tc.text, log)
				}
				return
			}
			t.Error("no buildArch failed")
		})
	}
}
