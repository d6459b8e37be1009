package kojihub

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/recordings"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
)

// TestReplay sends every recorded request to the simulated hub, whose world is
// that of the recordings, in the order of the recording. The answer must have
// the recorded answer's shape: types, members, what is nil, fault codes, HTTP
// status. What the recordings do not hold (other logins, what an administrator
// did in between) is made up for where a recording shows its effect; and time
// moves on until an answer about something that is under way has its shape.
func TestReplay(t *testing.T) {
	t.Parallel()
	list, own := readRecordings(t)
	skipped, replayed := map[string]int{}, 0
	for _, world := range []string{"recorded", "fresh"} {
		r := newReplay(t, world, list)
		for _, failed := range r.playAll(skipped) {
			text := fmt.Sprintf("%s (%s)\n got  %.1500s\n want %.1500s", failed.rec.Name, failed.call.Method, failed.got, failed.want)
			if own[failed.rec.Name] {
				t.Error(text)
			} else {
				t.Log(text)
				skipped["another answer"]++
			}
		}
		replayed += r.done
	}
	fmt.Printf("%d recordings, %d decoded, %d replayed, %d skipped: %s\n", len(list), len(list), replayed, sum(skipped), reasons(skipped))
	if replayed*100 < len(list)*95 {
		t.Errorf("replayed %d of %d recordings, want 95 %%", replayed, len(list))
	}
}

// readRecordings returns all recordings and which of them are the project's
// own. All are of one hub: they are put together, each name once.
func readRecordings(t *testing.T) ([]recordings.Recording, map[string]bool) {
	t.Helper()
	var all []recordings.Recording
	own, seen := map[string]bool{}, map[string]bool{}
	for i, source := range recordings.Sources("../../koji/testdata/recordings.zip", os.Getenv("KOJI_RECORDINGS")) {
		list, err := recordings.Read(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range list {
			if !seen[rec.Name] {
				seen[rec.Name] = true
				own[rec.Name] = i == 0
				all = append(all, rec)
			}
		}
	}
	return all, own
}

func sum(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

func reasons(m map[string]int) string {
	var out []string
	for reason, n := range m {
		out = append(out, fmt.Sprintf("%s (%d)", reason, n))
	}
	slices.Sort(out)
	return cmp.Or(strings.Join(out, ", "), "none")
}

// unplayable says why a recording cannot be replayed.
func unplayable(rec recordings.Recording) string {
	switch {
	case rec.Request == nil && rec.HTTP.Method == http.MethodPost:
		return "the request was not kept"
	case strings.HasPrefix(rec.Name, "rawUpload"), strings.HasPrefix(rec.Name, "checkUpload"):
		return "uploads are not simulated"
	case rec.Name == "scratch-canceled-after--child-buildArch-aarch64--listTaskOutput-stat":
		return "whether a canceled task had sent its first log is a matter of moments"
	case rec.Name == "getRPMHeaders-default":
		return "packages have no files, so not all headers"
	}
	return ""
}

// fresh reports whether a recording is of the hub with the second database.
func fresh(name string) bool {
	for _, prefix := range []string{"scratch-failed-buildroot", "getTaskInfo-maybe-ASSIGNED", "login-krbLogin-gone", "login-sslLogin-over-plain-http", "rawUpload", "checkUpload"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// An exchange is a recording prepared for being replayed.
type exchange struct {
	rec  recordings.Recording
	at   time.Time
	call xmlrpc.Call
	want string
	got  string
	resp any
}

type replay struct {
	t     *testing.T
	world *kojisim.World
	w     *kojisim.System // of world
	hub   *Hub
	clock *kojisim.Clock
	url   string
	list  []*exchange
	done  int // replayed

	sessions map[string]*session     // by recorded id
	tasks    map[int64]*kojisim.Task // by recorded id
	known    map[int64]xmlrpc.Struct
	repos    map[int64]xmlrpc.Struct // by recorded id
	scripted []scripted
}

func newReplay(t *testing.T, world string, list []recordings.Recording) *replay {
	t.Helper()
	data, err := os.ReadFile("testdata/" + world + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	made, err := worldtext.Parse(data, 1)
	if err != nil {
		t.Fatal(err)
	}
	clock := kojisim.NewStepClock(made.Now())
	hub := New(made, clock, slog.New(slog.DiscardHandler))
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	r := &replay{
		t: t, world: made, w: made.Lock(), hub: hub, clock: clock, url: server.URL, sessions: map[string]*session{},
		tasks: map[int64]*kojisim.Task{}, known: map[int64]xmlrpc.Struct{}, repos: map[int64]xmlrpc.Struct{},
	}
	made.Unlock()
	for _, rec := range list {
		if fresh(rec.Name) == (world == "fresh") {
			r.add(rec)
		}
	}
	return r
}

// add prepares a recording and notes the tasks and repos that it shows.
func (r *replay) add(rec recordings.Recording) {
	e := &exchange{rec: rec, want: fmt.Sprintf("HTTP %d", rec.HTTP.Status)}
	e.at, _ = http.ParseTime(rec.HTTP.ResponseHeader["Date"])
	e.call, _ = xmlrpc.NewDecoder(bytes.NewReader(rec.Request), xmlrpc.Limits{}).Call()
	if rec.HTTP.Status == http.StatusOK && rec.HTTP.Method == http.MethodPost {
		v, err := xmlrpc.NewDecoder(bytes.NewReader(rec.Response), xmlrpc.Limits{}).Response()
		e.resp = v
		e.want = outcomeShape(v, err)
		r.harvest(v)
	}
	r.list = append(r.list, e)
}

func outcomeShape(v any, err error) string {
	var f *xmlrpc.Fault
	switch {
	case errors.As(err, &f):
		return faultShape(f)
	case err != nil:
		return "undecodable: " + err.Error()
	}
	return shapeOf(v)
}

// harvest notes what an answer tells of tasks and repos.
func (r *replay) harvest(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			r.harvest(e)
		}
	case xmlrpc.Struct:
		id, _ := v.Get("id")
		number, _ := id.(int64)
		_, hasMethod := v.Get("method")
		_, hasCreate := v.Get("create_ts")
		if hasMethod && hasCreate {
			r.note(number, v)
		}
		if taskID, _ := v.Get("task_id"); taskID != nil && has(v, "creation_ts") && has(v, "tag_id") && has(v, "task_state") {
			r.repos[number] = v
		}
		for _, m := range v {
			r.harvest(m.Value)
		}
	}
}

func has(s xmlrpc.Struct, name string) bool {
	_, ok := s.Get(name)
	return ok
}

// note keeps what is known of a recorded task; its request may be XML text.
func (r *replay) note(id int64, s xmlrpc.Struct) {
	request, _ := s.Get("request")
	if text, ok := request.(string); ok {
		call, err := xmlrpc.NewDecoder(strings.NewReader(text), xmlrpc.Limits{}).Call()
		if err != nil {
			r.t.Fatal(err)
		}
		s = slices.Clone(s)
		request = call.Params
		s = append(s, xmlrpc.Member{Name: "request", Value: request}) // the last one counts
	}
	if request != nil || r.known[id] == nil {
		r.known[id] = s
	}
}

// order sorts the recordings as they were made: by second, in a session by the
// number of the call.
func (r *replay) order() []*exchange {
	out := slices.Clone(r.list)
	slices.SortStableFunc(out, func(a, b *exchange) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.session(), b.session()),
			cmp.Compare(a.number(), b.number()), cmp.Compare(a.rec.Name, b.rec.Name))
	})
	return out
}

// rank puts logins first and what ends a session last.
func (e *exchange) rank() int {
	switch {
	case strings.Contains(e.call.Method, "ogin") && e.number() < 0:
		return 0
	case e.call.Method == "logout" && e.want == "nil":
		return 2
	}
	return 1
}

func (e *exchange) session() string { return e.rec.HTTP.RequestHeader["Koji-Session-Id"] }

func (e *exchange) number() int {
	n, err := strconv.Atoi(e.rec.HTTP.RequestHeader["Koji-Session-Callnum"])
	if err != nil {
		return -1
	}
	return n
}

// playAll replays everything, second by second, and returns what failed.
func (r *replay) playAll(skipped map[string]int) []*exchange {
	var failed []*exchange
	list := slices.DeleteFunc(r.order(), func(e *exchange) bool {
		reason := unplayable(e.rec)
		if reason != "" {
			skipped[reason]++
		}
		return reason != ""
	})
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].at.Equal(list[0].at) {
			n++
		}
		failed = append(failed, r.playSecond(list[:n])...)
		list = list[n:]
	}
	return failed
}

// playSecond replays what was recorded in one second. Which came first is not
// known: what reads is tried before and after each change.
func (r *replay) playSecond(list []*exchange) []*exchange {
	// Reading a little early is safe: time moves on until the shape fits.
	r.stepTo(list[0].at.Add(-25 * time.Second))
	var failed []*exchange
	for len(list) > 0 {
		list = r.read(list)
		next := slices.IndexFunc(list, (*exchange).alters)
		if next < 0 {
			break
		}
		e := list[next]
		list = slices.Delete(list, next, next+1)
		r.awaitTask(e)
		if !r.try(e) {
			failed = append(failed, e)
		}
	}
	for _, e := range list {
		if !r.wait(e) {
			failed = append(failed, e)
		}
	}
	return failed
}

// due reports whether what a refused call repeats, or comes after, has happened.
func (r *replay) due(e *exchange) bool {
	s := r.sessions[e.session()]
	return !e.refused() || s != nil && s.callnum >= e.number()
}

// read tries what reads until the second of the recordings has come, and
// returns what is left.
func (r *replay) read(list []*exchange) []*exchange {
	for {
		list = slices.DeleteFunc(list, func(e *exchange) bool { return !e.alters() && r.due(e) && r.try(e) })
		reads := slices.ContainsFunc(list, func(e *exchange) bool { return !e.alters() })
		if !reads || !r.clock.Now().Before(list[0].at) {
			return list
		}
		r.step(500 * time.Millisecond)
	}
}

// try replays a recording and reports whether the answer has its shape.
func (r *replay) try(e *exchange) bool {
	r.prepare(e)
	defer r.restore()
	e.got = r.send(e)
	if e.got == e.want {
		r.done++
		return true
	}
	return false
}

// wait tries a recording while the world moves on.
func (r *replay) wait(e *exchange) bool {
	for i := range 900 {
		if r.try(e) {
			return true
		}
		switch {
		case i < 400:
			r.step(100 * time.Millisecond)
		case i < 800:
			r.step(time.Second)
		default:
			r.step(10 * time.Second)
		}
	}
	return false
}

// alters reports whether a recording can be replayed only once.
func (e *exchange) alters() bool {
	numbered := e.call.Method == "multiCall" && e.number() >= 0
	return (numbered || changes(e.call.Method)) && !e.refused() || e.want == "fault 1007"
}

// refused reports whether a recording is of a call that came twice or too late.
func (e *exchange) refused() bool { return e.want == "fault 1008" || e.want == "fault 1009" }

// changes reports whether a call must not be repeated.
func changes(method string) bool {
	switch method {
	case "build", "newRepo", "login", "sslLogin", "subsession", "logout", "cancelTask", "freeTask", "resubmitTask", "distRepo",
		"repoDelete", "createTag", "createBuildTarget", "createExternalRepo", "addExternalRepoToTag", "removeExternalRepoFromTag",
		"tagBuild", "tagBuildBypass", "untagBuildBypass", "deleteBuild", "repo.request", "repoExpire", "repoProblem":
		return true
	}
	return false
}

func (r *replay) step(d time.Duration) {
	r.clock.Step(d)
	r.hub.advance()
}

func (r *replay) stepTo(t time.Time) {
	if d := t.Sub(r.clock.Now()); d > 0 {
		r.step(d)
	}
}

// send replays a recording once and returns the shape of the answer.
func (r *replay) send(e *exchange) string {
	req := r.request(e)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || e.rec.HTTP.Method != http.MethodPost {
		return fmt.Sprintf("HTTP %d", resp.StatusCode)
	}
	v, err := xmlrpc.NewDecoder(resp.Body, xmlrpc.Limits{}).Response()
	if err == nil {
		r.learn(e, v)
	}
	return outcomeShape(v, err)
}

// request is the recorded request with the ids that things have here.
func (r *replay) request(e *exchange) *http.Request {
	recorded, err := url.Parse(e.rec.HTTP.URL)
	if err != nil {
		r.t.Fatal(err)
	}
	body := e.rec.Request
	if params, changed := r.translate(e); changed {
		if body, err = xmlrpc.AppendCall(nil, xmlrpc.Call{Method: e.call.Method, Params: params}); err != nil {
			r.t.Fatal(err)
		}
	}
	path := recorded.Path
	if q := recorded.Query(); q.Has("session-id") {
		r.useSession(q)
		path += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(r.t.Context(), e.rec.HTTP.Method, r.url+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range e.rec.HTTP.RequestHeader {
		if strings.HasPrefix(name, "Koji-") || name == "Content-Type" {
			req.Header.Set(name, value)
		}
	}
	if s := r.sessions[e.session()]; s != nil {
		req.Header.Set("Koji-Session-Id", strconv.Itoa(s.id))
		if key := r.key(e.session(), req.Header.Get("Koji-Session-Key")); key != "" && e.want != "fault 1002" {
			req.Header.Set("Koji-Session-Key", key)
		}
	}
	req.Header.Set("Koji-Sim-User", r.client(e))
	return req
}
