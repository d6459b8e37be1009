package koji

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// A testHub knows a hub's rules for sessions and a handful of calls. The whole
// hub is package kojisim; this one is small enough to be broken at will.
type testHub struct {
	mu         sync.Mutex
	sessions   map[int64]*hubSession
	lastID     int64
	tasks      []xmlrpc.Struct
	logins     int
	renewals   int
	refused    int           // repetitions recognized by their number
	multicalls []int         // their lengths
	fault      *xmlrpc.Fault // answers every call but a login, if set

	// user tells who logs in by sslLogin.
	user func(*http.Request) string
}

type hubSession struct {
	secret  string
	user    string
	callnum int
	expired bool
}

func newTestHub() *testHub {
	return &testHub{
		sessions: map[int64]*hubSession{},
		user:     func(*http.Request) string { return "koschei" },
	}
}

func (h *testHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, err := xmlrpc.NewDecoder(r.Body, xmlrpc.Limits{}).Call()
	if err != nil {
		http.Error(w, "Invalid request: "+err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	value, fault := h.dispatch(r, call)
	h.mu.Unlock()
	var body []byte
	if fault != nil {
		body, err = xmlrpc.AppendFault(nil, fault)
	} else {
		body, err = xmlrpc.AppendResponse(nil, value)
	}
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Koji-Version", "1.35.3")
	_, _ = w.Write(body)
}

func faultf(code int, format string, args ...any) *xmlrpc.Fault {
	return &xmlrpc.Fault{Code: code, String: fmt.Sprintf(format, args...)}
}

func (h *testHub) dispatch(r *http.Request, call xmlrpc.Call) (any, *xmlrpc.Fault) {
	positional, args := xmlrpc.SplitNamed(call.Params)
	if call.Method == "login" || call.Method == "sslLogin" {
		renew, _ := args.Get("renew")
		return h.login(r, renew == true)
	}
	if h.fault != nil {
		return nil, h.fault
	}
	session, callnum, fault := h.check(r, call.Method)
	if fault != nil {
		return nil, fault
	}
	commit := func() {
		if callnum > 0 {
			session.callnum = callnum
		}
	}
	switch call.Method {
	case "build":
		if session == nil {
			return nil, faultf(codeNotAllowed, "you must be logged in for this operation")
		}
		defer commit()
		return h.build(positional), nil
	case "cancelTask":
		defer commit()
		return nil, nil
	case "getLoggedInUser":
		if session == nil {
			return nil, nil
		}
		return xmlrpc.Struct{{Name: "id", Value: 2}, {Name: "name", Value: session.user}}, nil
	case "getTaskInfo":
		return h.taskInfo(positional[0]), nil
	case "listTasks":
		return h.listTasks(positional[0], positional[1]), nil
	case "multiCall":
		return h.multicall(r, positional[0]), nil
	case "logout":
		for id, s := range h.sessions {
			if s == session {
				delete(h.sessions, id)
			}
		}
		return nil, nil
	default:
		return nil, faultf(codeGeneric, "Invalid method: %s", call.Method)
	}
}

func (h *testHub) login(r *http.Request, renew bool) (any, *xmlrpc.Fault) {
	id, _ := strconv.ParseInt(r.Header.Get("Koji-Session-Id"), 10, 64)
	if renew {
		s := h.sessions[id]
		if s == nil || s.secret != r.Header.Get("Koji-Session-Key") {
			return nil, faultf(codeAuth, "Invalid session or bad credentials")
		}
		h.renewals++
		s.expired = false
		s.secret += "r"
		return xmlrpc.Struct{{Name: "session-id", Value: id}, {Name: "session-key", Value: s.secret}}, nil
	}
	user := h.user(r)
	if user == "" {
		return nil, faultf(codeAuth, "could not verify client: NONE")
	}
	h.logins++
	h.lastID++
	secret := fmt.Sprintf("2-%d", h.lastID)
	h.sessions[h.lastID] = &hubSession{secret: secret, user: user}
	return xmlrpc.Struct{{Name: "session-id", Value: h.lastID}, {Name: "session-key", Value: secret}}, nil
}

// check applies the rules for session and number; both may be missing.
func (h *testHub) check(r *http.Request, method string) (*hubSession, int, *xmlrpc.Fault) {
	header := r.Header.Get("Koji-Session-Id")
	if header == "" {
		return nil, 0, nil
	}
	id, _ := strconv.ParseInt(header, 10, 64)
	s := h.sessions[id]
	if s == nil || s.secret != r.Header.Get("Koji-Session-Key") {
		return nil, 0, faultf(codeAuth, "Invalid session or bad credentials")
	}
	if s.expired {
		return nil, 0, faultf(codeAuthExpired, "session \"%d\" has expired", id)
	}
	callnum, _ := strconv.Atoi(r.Header.Get("Koji-Session-Callnum"))
	switch {
	case callnum == 0 || callnum > s.callnum:
		return s, callnum, nil
	case callnum == s.callnum:
		h.refused++
		return nil, 0, faultf(codeRetry, "unable to retry call %d (method %s) for session %d", callnum, method, id)
	default:
		return nil, 0, faultf(codeSequence, "%d > %d (session %d)", s.callnum, callnum, id)
	}
}

func (h *testHub) build(request []any) any {
	id := int64(len(h.tasks) + 1)
	h.tasks = append(h.tasks, xmlrpc.Struct{
		{Name: "id", Value: id},
		{Name: "method", Value: "build"},
		{Name: "state", Value: 0},
		{Name: "owner", Value: 2},
		{Name: "create_ts", Value: float64(time.Now().UnixMicro()) / 1e6},
		{Name: "parent", Value: nil},
		{Name: "request", Value: request},
	})
	return id
}

func (h *testHub) multicall(r *http.Request, calls any) any {
	list, _ := calls.([]any)
	h.multicalls = append(h.multicalls, len(list))
	results := make([]any, len(list))
	for i, c := range list {
		members, _ := c.(xmlrpc.Struct)
		method, _ := members.Get("methodName")
		params, _ := members.Get("params")
		call := xmlrpc.Call{}
		call.Method, _ = method.(string)
		call.Params, _ = params.([]any)
		value, fault := h.dispatch(r, call)
		results[i] = []any{value}
		if fault != nil {
			results[i] = fault.Struct()
		}
	}
	return results
}

func (h *testHub) taskInfo(id any) any {
	if ids, ok := id.([]any); ok {
		list := make([]any, len(ids))
		for i := range ids {
			list[i] = h.taskInfo(ids[i])
		}
		return list
	}
	n, _ := id.(int64)
	if n < 1 || int(n) > len(h.tasks) {
		return nil
	}
	return h.tasks[n-1]
}

// listTasks knows the time and the page only: newest first.
func (h *testHub) listTasks(query, page any) any {
	members, _ := query.(xmlrpc.Struct)
	after, _ := members.Get("createdAfter")
	since, _ := after.(float64)
	options, _ := page.(xmlrpc.Struct)
	limit, _ := options.Get("limit")
	offset, _ := options.Get("offset")
	skip, _ := offset.(int64)
	count, _ := limit.(int64)
	list := []any{}
	for _, task := range slices.Backward(h.tasks) {
		created, _ := task.Get("create_ts")
		switch at, _ := created.(float64); {
		case at < since || len(list) == int(count):
			return list
		case skip > 0:
			skip--
		default:
			list = append(list, task)
		}
	}
	return list
}

// keys returns the ids of the hub's builds by the keys they carry.
func (h *testHub) keys() map[string][]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	keys := map[string][]int64{}
	for _, s := range h.tasks {
		var task Task
		if err := xmlrpc.Unmarshal(decodedAgain(s), &task); err != nil {
			panic(err)
		}
		keys[task.Key()] = append(keys[task.Key()], task.ID)
	}
	return keys
}

// decodedAgain is a value as a client receives it.
func decodedAgain(value any) any {
	xml, err := xmlrpc.AppendResponse(nil, value)
	if err != nil {
		panic(err)
	}
	value, err = xmlrpc.NewDecoder(bytes.NewReader(xml), xmlrpc.Limits{}).Response()
	if err != nil {
		panic(err)
	}
	return value
}

func (h *testHub) expireAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.sessions {
		s.expired = true
	}
}

func (h *testHub) dropAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.sessions)
}

// serve returns a client of the hub behind a handler, usually the hub itself.
func serve(t testing.TB, handler http.Handler, config Config) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	config.Server = server.URL + "/kojihub"
	if config.Login.ways() == 0 {
		config.Login = Login{Negotiator: noTokens{}}
	}
	if config.Retry.Min == 0 {
		config.Retry.Min, config.Retry.Max = time.Millisecond, 2*time.Millisecond
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.http.CloseIdleConnections() })
	return c
}
