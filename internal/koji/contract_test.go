package koji

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji/recordings"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

func recorded(t *testing.T) []recordings.Recording {
	t.Helper()
	var all []recordings.Recording
	for _, source := range recordings.Sources("testdata/recordings.zip", os.Getenv("KOJI_RECORDINGS")) {
		list, err := recordings.Read(source)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			t.Errorf("%s holds no recordings", source)
		}
		all = append(all, list...)
	}
	return all
}

// Every recorded answer is understood, encodes to the same bytes again, and
// says what Python's decoder has made of it.
func TestRecordings(t *testing.T) {
	t.Parallel()
	all := recorded(t)
	decoded, requests, skipped := 0, 0, map[string]int{}
	for _, r := range all {
		t.Run(r.Name, func(t *testing.T) {
			if r.HTTP.Status == http.StatusOK && bytes.Contains(r.Response, []byte("<methodResponse>")) {
				checkResponse(t, r)
			} else {
				checkRefusal(t, r)
			}
			decoded++
			if reason := notACall(r); reason != "" {
				skipped[reason]++
				return
			}
			checkRequest(t, r)
			requests++
		})
	}
	t.Logf("%d recordings, %d decoded, 0 replayed (that is for package kojisim), %d skipped", len(all), decoded, len(all)-decoded)
	t.Logf("%d of their requests decoded; the others: %v", requests, skipped)
}

func checkResponse(t *testing.T, r recordings.Recording) {
	value, err := xmlrpc.NewDecoder(bytes.NewReader(r.Response), xmlrpc.Limits{}).Response()
	var fault *xmlrpc.Fault
	var again []byte
	var plain any
	switch {
	case errors.As(err, &fault):
		plain = map[string]any{"!fault": asJSON(fault.Struct())}
		again, err = xmlrpc.AppendFault(nil, fault)
	case err == nil:
		plain = asJSON(value)
		again, err = xmlrpc.AppendResponse(nil, value)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, r.Response) {
		t.Errorf("encoded again (-recorded +ours):\n%s", cmp.Diff(string(r.Response), string(again)))
	}
	if diff := cmp.Diff(r.Decoded.Response, plain); diff != "" {
		t.Errorf("decoded (-Python +ours):\n%s", diff)
	}
}

// checkRefusal is checkResponse for what is not the hub's XML-RPC: the client
// must say so, and with the status.
func checkRefusal(t *testing.T, r recordings.Recording) {
	c := replay(t, r)
	e, err := c.newExchange(c.config.Server, xmlrpc.Call{Method: "anything"})
	if err != nil {
		t.Fatal(err)
	}
	var value any
	err = e.value(t.Context(), nil, &value)
	var status *HTTPError
	var transport *TransportError
	switch {
	case errors.As(err, &status):
		if status.Status != r.HTTP.Status {
			t.Errorf("status %d, recorded %d", status.Status, r.HTTP.Status)
		}
	case errors.As(err, &transport):
		if r.HTTP.Status != http.StatusOK {
			t.Errorf("got %v, recorded status %d", err, r.HTTP.Status)
		}
	default:
		t.Errorf("got %v, %v for a page that is not XML-RPC", value, err)
	}
}

// notACall says why a recorded request is none that a client could send.
func notACall(r recordings.Recording) string {
	switch {
	case r.HTTP.Method != http.MethodPost:
		return "no XML-RPC"
	case r.Request == nil || strings.HasPrefix(string(r.Request), "(echo of"):
		return "request body not kept"
	case r.HTTP.Status == http.StatusBadRequest:
		return "malformed on purpose"
	default:
		return ""
	}
}

func checkRequest(t *testing.T, r recordings.Recording) {
	call, err := xmlrpc.NewDecoder(bytes.NewReader(r.Request), xmlrpc.Limits{}).Call()
	if err != nil {
		t.Fatal(err)
	}
	plain := map[string]any{"methodName": call.Method, "params": asJSON(call.Params)}
	if diff := cmp.Diff(r.Decoded.Request, any(plain)); diff != "" {
		t.Errorf("request (-Python +ours):\n%s", diff)
	}
	again, err := xmlrpc.AppendCall(nil, call)
	if err != nil {
		t.Fatal(err)
	}
	byHand := !bytes.HasPrefix(r.Request, []byte("<?xml version='1.0'?>\n"))
	if !byHand && !bytes.Equal(again, r.Request) {
		t.Errorf("encoded again (-recorded +ours):\n%s", cmp.Diff(string(r.Request), string(again)))
	}
}

// asJSON turns a value into what encoding/json makes of the recording's own
// decoded form.
func asJSON(value any) any {
	switch v := value.(type) {
	case int64:
		return json.Number(fmt.Sprint(v))
	case float64:
		xml, err := xmlrpc.AppendValue(nil, v)
		if err != nil {
			panic(err)
		}
		_, rest, _ := strings.Cut(string(xml), "<double>")
		number, _, _ := strings.Cut(rest, "</double>")
		return json.Number(number)
	case xmlrpc.DateTime:
		return string(v)
	case []byte: // one character a byte
		runes := make([]rune, len(v))
		for i, b := range v {
			runes[i] = rune(b)
		}
		return string(runes)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = asJSON(v[i])
		}
		return list
	case xmlrpc.Struct:
		object := map[string]any{}
		for _, m := range v {
			object[m.Name] = asJSON(m.Value)
		}
		return object
	default:
		return v
	}
}

// replay returns a client of a hub that lets anybody in and answers everything
// else with the recording.
func replay(t *testing.T, r recordings.Recording) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		if bytes.Contains(body, []byte("<methodName>login</methodName>")) {
			body, err := xmlrpc.AppendResponse(nil, xmlrpc.Struct{{Name: "session-id", Value: 1}, {Name: "session-key", Value: "1-x"}})
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(body)
			return
		}
		w.Header().Set("Content-Type", r.HTTP.ResponseHeader["Content-Type"])
		w.WriteHeader(r.HTTP.Status)
		_, _ = w.Write(r.Response)
	}))
	t.Cleanup(server.Close)
	c, err := New(Config{
		Server: server.URL + "/kojihub",
		Login:  Login{User: "koschei", Password: "secret"},
		Retry:  Retry{Attempts: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// typedMethods has for each method of the hub those of the client that make
// the call. What they are given does not matter: the answer is a recorded one.
func typedMethods() map[string][]func(context.Context, *Client) error {
	all := tagMethods()
	maps.Copy(all, taskMethods())
	return all
}

// tagMethods are those that ask for tags and what is in them.
func tagMethods() map[string][]func(context.Context, *Client) error {
	type call = func(context.Context, *Client) error
	return map[string][]call{
		"getBuildTarget":     {func(ctx context.Context, c *Client) error { _, err := c.BuildTarget(ctx, "x"); return err }},
		"getTag":             {func(ctx context.Context, c *Client) error { _, err := c.Tag(ctx, "x"); return err }},
		"getBuildConfig":     {func(ctx context.Context, c *Client) error { _, err := c.BuildConfig(ctx, "x"); return err }},
		"getTagGroups":       {func(ctx context.Context, c *Client) error { _, err := c.BuildGroup(ctx, "x", "build", 1); return err }},
		"getFullInheritance": {func(ctx context.Context, c *Client) error { _, err := c.InheritedTags(ctx, "x"); return err }},
		"getLastEvent":       {func(ctx context.Context, c *Client) error { _, err := c.LastEvent(ctx); return err }},
		"listPackages":       {func(ctx context.Context, c *Client) error { _, err := c.ListPackages(ctx, "x"); return err }},
		"listTagged": {func(ctx context.Context, c *Client) error {
			_, err := c.ListTagged(ctx, TagQuery{Tag: "x"})
			return err
		}},
		"getBuild": {
			func(ctx context.Context, c *Client) error { _, err := c.BuildByID(ctx, 1); return err },
		},
	}
}

// taskMethods are all others.
func taskMethods() map[string][]func(context.Context, *Client) error {
	type call = func(context.Context, *Client) error
	return map[string][]call{
		"build": {func(ctx context.Context, c *Client) error {
			_, err := c.Build(ctx, ScratchBuild{Key: "1", Source: "x"})
			return err
		}},
		"listRPMs":  {func(ctx context.Context, c *Client) error { _, err := c.SRPM(ctx, 1); return err }},
		"getRepo":   {func(ctx context.Context, c *Client) error { _, err := c.Repo(ctx, "x"); return err }},
		"repoInfo":  {func(ctx context.Context, c *Client) error { _, err := c.RepoInfo(ctx, 1); return err }},
		"newRepo":   {func(ctx context.Context, c *Client) error { _, err := c.NewRepo(ctx, "x"); return err }},
		"listHosts": {func(ctx context.Context, c *Client) error { _, err := c.Hosts(ctx, 1, "x86_64"); return err }},
		"repo.request": {func(ctx context.Context, c *Client) error {
			_, err := c.RequestRepo(ctx, "x", 1)
			return err
		}},
		"getChannel":         {func(ctx context.Context, c *Client) error { _, err := c.Channel(ctx, "x"); return err }},
		"getLoggedInUser":    {func(ctx context.Context, c *Client) error { _, err := c.LoggedInUser(ctx); return err }},
		"cancelTask":         {func(ctx context.Context, c *Client) error { return c.CancelTask(ctx, 1) }},
		"downloadTaskOutput": {func(ctx context.Context, c *Client) error { _, err := c.TaskOutput(ctx, 1, "x", 0, -1); return err }},
		"getExternalRepo":    {func(ctx context.Context, c *Client) error { _, err := c.ExternalRepo(ctx, "x"); return err }},
		"getTagExternalRepos": {func(ctx context.Context, c *Client) error {
			_, err := c.TagExternalRepos(ctx, "x")
			return err
		}},
		"createExternalRepo": {func(ctx context.Context, c *Client) error {
			_, err := c.CreateExternalRepo(ctx, "x", "y")
			return err
		}},
		"addExternalRepoToTag": {func(ctx context.Context, c *Client) error {
			return c.AddExternalRepo(ctx, "x", "y", 1, "bare")
		}},
		"removeExternalRepoFromTag": {func(ctx context.Context, c *Client) error { return c.RemoveExternalRepo(ctx, "x", "y") }},
		"createTag":                 {func(ctx context.Context, c *Client) error { _, err := c.CreateTag(ctx, "x", ""); return err }},
		"createBuildTarget":         {func(ctx context.Context, c *Client) error { return c.CreateBuildTarget(ctx, "x", "y", "z") }},
	}
}

// moreTypedMethods are for calls whose answer depends on how they are made: the
// recording tells that.
func moreTypedMethods(r recordings.Recording) func(context.Context, *Client) error {
	call, err := xmlrpc.NewDecoder(bytes.NewReader(r.Request), xmlrpc.Limits{}).Call()
	if err != nil {
		return nil
	}
	positional, _ := xmlrpc.SplitNamed(call.Params)
	var first any
	if len(positional) > 0 {
		first = positional[0]
	}
	id, _ := first.(int64)
	switch call.Method {
	case "getTaskInfo":
		if list, ok := first.([]any); ok {
			return func(ctx context.Context, c *Client) error {
				_, err := c.Tasks(ctx, make([]int64, len(list)))
				return err
			}
		}
		return func(ctx context.Context, c *Client) error { _, err := c.Task(ctx, id); return err }
	case "getTaskResult":
		return func(ctx context.Context, c *Client) error { _, err := c.TaskResult(ctx, id); return err }
	case "getTaskChildren":
		return func(ctx context.Context, c *Client) error {
			var tasks []Task
			return c.read(ctx, &tasks, "getTaskChildren", id)
		}
	case "listTasks":
		if len(call.Params) > 1 && bytes.Contains(r.Request, []byte("countOnly")) {
			return nil
		}
		return func(ctx context.Context, c *Client) error { _, err := c.ListTasks(ctx, TaskQuery{}); return err }
	case "getRPMDeps", "getRPMHeaders":
		return func(ctx context.Context, c *Client) error {
			var value any
			if err := c.read(ctx, &value, call.Method); err != nil {
				return err
			}
			if call.Method == "getRPMDeps" {
				return buildDeps(xmlrpc.Result{Value: value}, new(BuildDeps))
			}
			return sourceArches(xmlrpc.Result{Value: value}, new(SourceArches))
		}
	}
	return nil
}

// Every typed method makes sense of every recorded answer to its call.
func TestTypedMethodsReadRecordings(t *testing.T) {
	t.Parallel()
	table := typedMethods()
	seen := map[string]bool{}
	calls := 0
	for _, r := range recorded(t) {
		if notACall(r) != "" {
			continue
		}
		call, err := xmlrpc.NewDecoder(bytes.NewReader(r.Request), xmlrpc.Limits{}).Call()
		if err != nil {
			t.Fatal(err)
		}
		methods := table[call.Method]
		if method := moreTypedMethods(r); method != nil {
			methods = append(methods, method)
		}
		if bytes.Contains(r.Request, []byte("multi</name>")) || bytes.Contains(r.Request, []byte("countOnly</name>")) {
			continue // options that change the shape, which the client does not use
		}
		for _, method := range methods {
			seen[call.Method] = true
			calls++
			t.Run(r.Name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				checkTyped(t, r, method(ctx, replay(t, r)))
			})
		}
	}
	for method := range table {
		if !seen[method] {
			t.Errorf("no recording of %s", method)
		}
	}
	t.Logf("%d answers read by typed methods of %d calls", calls, len(seen))
}

func checkTyped(t *testing.T, r recordings.Recording, err error) {
	var fault *xmlrpc.Fault
	switch {
	case err == nil:
	case errors.Is(err, koschei.ErrNotFound), errors.Is(err, ErrNotFinished):
	case errors.As(err, &fault):
		if !bytes.Contains(r.Response, []byte("faultCode")) {
			t.Errorf("a fault that was not recorded: %v", err)
		}
	default:
		t.Error(err)
	}
}
