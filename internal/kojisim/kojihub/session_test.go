package kojihub

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
)

// recordedWorld is the world of the recordings with a repo.
func recordedWorld(t *testing.T) *station {
	t.Helper()
	w, err := worldtext.Parse([]byte(simpleWorld), 1)
	if err != nil {
		t.Fatal(err)
	}
	return newStation(t, w)
}

const simpleWorld = `
-- world --
user kojiadmin password=adminpw perms=admin
user koschei
user other
channel default
host builder1 arches=x86_64,aarch64 capacity=8 channels=default
tag f40
tag f40-build arches=x86_64,aarch64 parents=f40
target f40 build=f40-build dest=f40
group f40-build build
member f40-build build mandatory bash
package bash tag=f40
package foo tag=f40
build bash-5-1 tag=f40
 binary bash
build foo-1-1 tag=f40
 requires bash
 binary foo
repo f40-build
rules build_time=1
`

// scratchFoo submits a scratch build of foo.
func (s *station) scratchFoo(opts ...xmlrpc.Member) any {
	s.t.Helper()
	return s.must("build", "../packages/foo/1/1/src/foo-1-1.src.rpm", "f40", append(xmlrpc.Struct{{Name: "scratch", Value: true}}, opts...))
}

func TestCallnumIsStoredOnCommit(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	s.login("koschei")
	check := func(callnum, code int, method string, params ...any) {
		t.Helper()
		_, err := s.callAs(callnum, method, params...)
		got := 0
		if f, ok := err.(*xmlrpc.Fault); ok { //nolint:errorlint // the decoder returns it as it is
			got = f.Code
		}
		if got != code {
			t.Errorf("%s with number %d: got fault %d (%v), want %d", method, callnum, got, err, code)
		}
	}
	check(100, 0, "getLoggedInUser")
	check(100, 0, "getLoggedInUser") // a call that reads leaves no trace
	check(50, 0, "getLoggedInUser")
	check(90, fault.CodeNotAllowed, "createTag", "x") // nor does one that faults
	check(80, 0, "build", "foo", "f40")
	check(80, fault.CodeRetry, "build", "foo", "f40")
	check(80, fault.CodeRetry, "getLoggedInUser")
	check(79, fault.CodeSequence, "getLoggedInUser")
	check(-1, 0, "getLoggedInUser") // without a number nothing is checked
	if got := s.hub.world.Status().Tasks; got != 1 {
		t.Errorf("got %d tasks, want 1", got)
	}
}

func TestRenewalKeepsTheCallnum(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	s.login("koschei")
	s.must("build", "foo", "f40")
	s.clock.Step(25 * time.Hour)
	if got := s.fault("getLoggedInUser"); got.Code != fault.CodeAuthExpired {
		t.Fatalf("got %v, want AuthExpired", got)
	}
	renewed, _ := s.must("sslLogin", xmlrpc.Named(xmlrpc.Struct{{Name: "renew", Value: true}})).(xmlrpc.Struct)
	s.session = renewed
	if _, err := s.callAs(0, "getLoggedInUser"); !strings.Contains(err.Error(), "1008") {
		t.Errorf("number 0 after a renewal: got %v, want a SequenceError", err)
	}
	if got := member(t, s.must("getLoggedInUser"), "name"); got != "koschei" {
		t.Errorf("got %v", got)
	}
}

func TestMulticallRollsBackAlone(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	s.login("kojiadmin")
	call := func(method string, params ...any) xmlrpc.Struct {
		return xmlrpc.Struct{{Name: "methodName", Value: method}, {Name: "params", Value: params}}
	}
	got := s.must("multiCall", []any{call("createTag", "a"), call("createTag", "f40"), call("getTag", "a"), call("getTag", "nosuch")}).([]any)
	if len(got) != 4 {
		t.Fatalf("got %d answers, want 4", len(got))
	}
	if f, ok := xmlrpc.FaultOf(got[1].(xmlrpc.Struct)); !ok || f.Code != fault.CodeGeneric || len(f.Traceback) == 0 {
		t.Errorf("a tag that exists: got %v", got[1])
	}
	if tag := got[2].([]any); member(t, tag[0], "name") != "a" {
		t.Errorf("the tag made before: got %v", tag)
	}
	if none := got[3].([]any); len(none) != 1 || none[0] != nil {
		t.Errorf("no such tag: got %v, want [nil]", none)
	}
}

func TestPasswordLogin(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	if got := s.fault("login", "kojiadmin", "wrong"); got.Code != fault.CodeAuth {
		t.Errorf("wrong password: got %v", got)
	}
	s.session, _ = s.must("login", "kojiadmin", "adminpw").(xmlrpc.Struct)
	if got := s.must("getPerms").([]any); len(got) != 1 || got[0] != "admin" {
		t.Errorf("got %v, want [admin]", got)
	}
	s.must("logout")
	if got := s.fault("getPerms"); got.Code != fault.CodeAuth {
		t.Errorf("after logout: got %v", got)
	}
}

func TestFaultsOfTheHub(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	s.login("koschei")
	s.hub.SetFaults(Faults{Offline: "planned outage"})
	if got := s.fault("getAPIVersion"); got.Code != fault.CodeServerOffline || got.String != "planned outage" {
		t.Errorf("offline: got %v", got)
	}
	s.hub.SetFaults(Faults{LockOut: true})
	if got := s.fault("getAPIVersion"); got.Code != fault.CodeServerOffline {
		t.Errorf("locked out: got %v", got)
	}
	body, err := xmlrpc.AppendCall(nil, xmlrpc.Call{Method: "getAPIVersion"})
	if err != nil {
		t.Fatal(err)
	}
	s.hub.SetFaults(Faults{HTML503: true})
	resp := s.post(hubPath, body, -1)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Errorf("503: got %d, %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	s.hub.SetFaults(Faults{Expire: 1})
	if got := s.fault("getLoggedInUser"); got.Code != fault.CodeAuthExpired {
		t.Errorf("expired: got %v", got)
	}
}

// TestCutAfterCommit loses an answer: the call has happened, and repeating it
// with its number says so.
func TestCutAfterCommit(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	s.login("koschei")
	body, err := xmlrpc.AppendCall(nil, xmlrpc.Call{Method: "build", Params: []any{"foo", "f40"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		faults Faults
		tasks  int
	}{
		{"before", Faults{CutBefore: 1}, 0},
		{"after", Faults{CutAfter: 1}, 1},
	} {
		s.hub.SetFaults(tc.faults)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+hubPath, strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		id, _ := s.session.Get("session-id")
		key, _ := s.session.Get("session-key")
		req.Header.Set("Koji-Session-Id", pythonText(id))
		req.Header.Set("Koji-Session-Key", key.(string))
		req.Header.Set("Koji-Session-Callnum", "5")
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: got an answer, want a cut connection", tc.name)
		}
		if got := s.hub.world.Status().Tasks; got != tc.tasks {
			t.Errorf("%s: got %d tasks, want %d", tc.name, got, tc.tasks)
		}
	}
	s.hub.SetFaults(Faults{})
	if _, err := s.callAs(5, "build", "foo", "f40"); !strings.Contains(err.Error(), "unable to retry call 5") {
		t.Errorf("repeated: got %v, want a RetryError", err)
	}
}
