package koji

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji/recordings"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// recordingsByName returns the project's own recordings.
func recordingsByName(t *testing.T) func(t *testing.T, name string) recordings.Recording {
	t.Helper()
	list, err := recordings.Read("testdata/recordings.zip")
	if err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, name string) recordings.Recording {
		t.Helper()
		i, found := slices.BinarySearchFunc(list, name, func(r recordings.Recording, name string) int { return strings.Compare(r.Name, name) })
		if !found {
			t.Fatalf("no recording %s", name)
		}
		return list[i]
	}
}

// What typed methods make of single recordings, in full.
func TestTypedValues(t *testing.T) {
	t.Parallel()
	recording := recordingsByName(t)
	for _, test := range slices.Concat(typedValues(t), typedTaskValues(t)) {
		t.Run(test.recording, func(t *testing.T) {
			t.Parallel()
			got, err := test.call(t.Context(), replay(t, recording(t, test.recording)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A typedValue is what the client makes of a recorded answer.
type typedValue struct {
	recording string
	call      func(context.Context, *Client) (any, error)
	want      any
}

// timeAt reads a time as recordings have it.
func timeAt(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// typedValues are of what is built, and of what with.
func typedValues(t *testing.T) []typedValue {
	t.Helper()
	epoch := 2
	return []typedValue{
		{
			"getBuildTarget", func(ctx context.Context, c *Client) (any, error) { return c.BuildTarget(ctx, "f40") },
			&Target{ID: 1, Name: "f40", BuildTagID: 2, BuildTag: "f40-build", DestTagID: 1, DestTag: "f40"},
		},
		{
			"getBuildConfig", func(ctx context.Context, c *Client) (any, error) { return c.BuildConfig(ctx, "f40-build") },
			&Tag{
				ID: 2, Name: "f40-build", Arches: Words{"x86_64", "aarch64"},
				Extra: xmlrpc.Struct{{Name: "mock.package_manager", Value: "dnf5"}, {Name: "rpm.macro.foo", Value: "bar"}},
			},
		},
		{
			// The group requires srpm-build; optionalpkg is not installed.
			"getTagGroups", func(ctx context.Context, c *Client) (any, error) { return c.BuildGroup(ctx, "f40-build", "build", 0) },
			[]string{"bash", "coreutils", "gcc", "redhat-rpm-config", "rpm-build"},
		},
		{
			"getRepo-READY", func(ctx context.Context, c *Client) (any, error) { return c.Repo(ctx, "f40-build") },
			&Repo{
				ID: 1, TagID: 2, Tag: "f40-build", State: RepoReady, Event: 71, TaskID: 3, BeginEvent: 70,
				EventAt: timeAt(t, "2026-11-23T19:36:45.573184Z"), Created: timeAt(t, "2026-11-23T19:36:45.570249Z"),
			},
		},
		{
			"listTagged-bar-latest", func(ctx context.Context, c *Client) (any, error) {
				return c.ListTagged(ctx, TagQuery{Tag: "f40-build"})
			},
			[]TaggedBuild{{
				Build: Build{
					ID: 13, PackageID: 7, Name: "bar", Version: "1.1", Release: "1.fc40", State: BuildComplete,
					Owner: "kojiadmin", Volume: "DEFAULT", Event: 123,
					Created:   timeAt(t, "2026-11-23T19:43:43.323690Z"),
					Started:   timeAt(t, "2026-11-23T19:43:43.321259Z"),
					Completed: timeAt(t, "2026-11-23T19:43:43.321259Z"),
				},
				TagID: 1, Tag: "f40", TaggedEvent: 124,
			}},
		},
		{
			"listRPMs-epoch", func(ctx context.Context, c *Client) (any, error) { return c.SRPM(ctx, 9) },
			&RPM{ID: 28, BuildID: 9, Name: "x86only", Epoch: &epoch, Version: "3.1", Release: "1.fc40", Arch: "src", Size: 6424},
		},
	}
}

// typedTaskValues are of what sources require, and of tasks and what they leave.
func typedTaskValues(t *testing.T) []typedValue {
	t.Helper()
	return []typedValue{
		{
			"multicall-deps", func(ctx context.Context, c *Client) (any, error) {
				list, err := c.BuildDeps(ctx, make([]rpm.NEVRA, 3))
				return []any{list[0].Requires, fmt.Sprint(list[1].Err), list[2].Requires}, err
			},
			[]any{
				[]rpm.Relation{
					{Name: "(coreutils if bash)"},
					{Name: "bar-devel", Op: rpm.Greater | rpm.Equal, EVR: rpm.EVR{Version: "1.0"}},
					{Name: "gcc"},
					{Name: "pkgconfig(bar)"},
				},
				"BuildRequires of -.: the hub has no header of it: not found",
				[]rpm.Relation{{Name: "bash"}},
			},
		},
		{
			"scratch-failed-build--getTaskResult-raise_fault-false", func(ctx context.Context, c *Client) (any, error) { return c.TaskResult(ctx, 10) },
			&TaskResult{State: koschei.TaskFailed, Fault: faultf(1005, "error building package (arch x86_64), mock exited with status 1; see build.log or root.log for more information")},
		},
		{
			"scratch-canceled-after--getTaskResult-raise_fault-false", func(ctx context.Context, c *Client) (any, error) { return c.TaskResult(ctx, 17) },
			&TaskResult{State: koschei.TaskCanceled},
		},
		{
			"scratch-success-closed--getTaskResult", func(ctx context.Context, c *Client) (any, error) { return c.TaskResult(ctx, 6) },
			&TaskResult{State: koschei.TaskClosed},
		},
		{
			"getTaskInfo-list-of-ids", func(ctx context.Context, c *Client) (any, error) {
				tasks, err := c.Tasks(ctx, []int64{6, 9, 99999})
				return []any{tasks[0].Source(), tasks[1].State, tasks[1].RepoID(), tasks[1].Completed, tasks[2] == nil}, err
			},
			[]any{
				"../packages/foo/2.0/4.fc40/src/foo-2.0-4.fc40.src.rpm", koschei.TaskClosed,
				int64(1), timeAt(t, "2026-11-23T19:38:40.288398Z"), true,
			},
		},
		{
			"downloadTaskOutput-tail", func(ctx context.Context, c *Client) (any, error) {
				tail, err := c.TaskOutput(ctx, 9, "build.log", -50, -1)
				return string(tail), err
			},
			"root/builddir/BUILD\n+ RPM_EC=0\n+ jobs -p\n+ exit 0\n",
		},
	}
}

// The client asks as Koji's own client was recorded to ask.
func TestTypedRequests(t *testing.T) {
	t.Parallel()
	recording := recordingsByName(t)
	for _, test := range slices.Concat(typedRequests(), typedTaskRequests()) {
		t.Run(test.recording, func(t *testing.T) {
			t.Parallel()
			r := recording(t, test.recording)
			want, err := xmlrpc.NewDecoder(strings.NewReader(string(r.Request)), xmlrpc.Limits{}).Call()
			if err != nil {
				t.Fatal(err)
			}
			got := captured(t, test.call)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-Koji's client +ours):\n%s", diff)
			}
		})
	}
}

// A typedRequest is what makes the client ask as in a recording.
type typedRequest struct {
	recording string
	call      func(context.Context, *Client) error
}

// typedRequests ask for tags, builds, repos and hosts.
func typedRequests() []typedRequest {
	return []typedRequest{
		{"getBuildTarget", func(ctx context.Context, c *Client) error { _, err := c.BuildTarget(ctx, "f40"); return err }},
		{"getTag", func(ctx context.Context, c *Client) error { _, err := c.Tag(ctx, "f40-build"); return err }},
		{"getBuildConfig", func(ctx context.Context, c *Client) error { _, err := c.BuildConfig(ctx, "f40-build"); return err }},
		{"getFullInheritance", func(ctx context.Context, c *Client) error { _, err := c.FullInheritance(ctx, "f40-build"); return err }},
		{"getTagGroups", func(ctx context.Context, c *Client) error { _, err := c.TagGroups(ctx, "f40-build", 0); return err }},
		{"getTagGroups-event", func(ctx context.Context, c *Client) error { _, err := c.TagGroups(ctx, "f40-build", 71); return err }},
		{"basic-getLastEvent", func(ctx context.Context, c *Client) error { _, err := c.LastEvent(ctx); return err }},
		{"getFullInheritance", func(ctx context.Context, c *Client) error { _, err := c.InheritedTags(ctx, "f40-build"); return err }},
		{"listPackages-tagID-inherited", func(ctx context.Context, c *Client) error { _, err := c.ListPackages(ctx, "f40-build"); return err }},
		{"listTagged-latest-inherit", func(ctx context.Context, c *Client) error {
			_, err := c.ListTagged(ctx, TagQuery{Tag: "f40-build", Latest: true, Inherit: true})
			return err
		}},
		{"getBuild-id", func(ctx context.Context, c *Client) error { _, err := c.BuildByID(ctx, 7); return err }},
		{"listRPMs-buildID-src", func(ctx context.Context, c *Client) error { _, err := c.SRPM(ctx, 7); return err }},
		{"getRepo-state-READY", func(ctx context.Context, c *Client) error { _, err := c.Repo(ctx, "f40-build"); return err }},
		{"repoInfo-READY", func(ctx context.Context, c *Client) error { _, err := c.RepoInfo(ctx, 1); return err }},
		{"listHosts-arches-channel-enabled", func(ctx context.Context, c *Client) error {
			_, err := c.Hosts(ctx, 1, "x86_64", "aarch64")
			return err
		}},
		{"getChannel", func(ctx context.Context, c *Client) error { _, err := c.Channel(ctx, "default"); return err }},
	}
}

// typedTaskRequests ask for tasks, sources and what changes something.
func typedTaskRequests() []typedRequest {
	foo := rpm.NEVRA{Name: "foo", EVR: rpm.EVR{Version: "2.0", Release: "4.fc40"}, Arch: "src"}
	return []typedRequest{
		{"getTaskInfo-list-of-ids", func(ctx context.Context, c *Client) error {
			_, err := c.Tasks(ctx, []int64{6, 9, 99999})
			return err
		}},
		{"downloadTaskOutput-tail", func(ctx context.Context, c *Client) error {
			_, err := c.TaskOutput(ctx, 9, "build.log", -50, -1)
			return err
		}},
		{"cancelTask", func(ctx context.Context, c *Client) error { return c.CancelTask(ctx, 17) }},
		{"repo.request-newer", func(ctx context.Context, c *Client) error { _, err := c.RequestRepo(ctx, "f40-build", 0); return err }},
		{"newRepo-call", func(ctx context.Context, c *Client) error { _, err := c.NewRepo(ctx, "f40-build"); return err }},
		{"createTag", func(ctx context.Context, c *Client) error {
			_, err := c.CreateTag(ctx, "sec-build", "x86_64 aarch64")
			return err
		}},
		{"scratch-failed-build--getTaskResult-raise_fault-false", func(ctx context.Context, c *Client) error { _, err := c.TaskResult(ctx, 10); return err }},
		{"getRPMHeaders-arches", func(ctx context.Context, c *Client) error {
			_, err := c.SourceArches(ctx, []rpm.NEVRA{foo})
			return err
		}},
	}
}

// captured returns the first call that is sent, of a multicall the first inside.
func captured(t *testing.T, do func(context.Context, *Client) error) xmlrpc.Call {
	var got xmlrpc.Call
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, err := xmlrpc.NewDecoder(r.Body, xmlrpc.Limits{}).Call()
		if err != nil {
			t.Error(err)
		}
		if strings.HasSuffix(r.URL.Path, "/ssllogin") {
			newTestHub().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/ssllogin",
				strings.NewReader("<methodCall><methodName>sslLogin</methodName></methodCall>")))
			return
		}
		if call.Method == "multiCall" {
			list, _ := call.Params[0].([]any)
			first, _ := list[0].(xmlrpc.Struct)
			method, _ := first.Get("methodName")
			params, _ := first.Get("params")
			call.Method, _ = method.(string)
			call.Params, _ = params.([]any)
		}
		got = call
		w.WriteHeader(http.StatusTeapot)
	}), Config{Retry: Retry{Attempts: 1}})
	_ = do(t.Context(), c) // fails, for the tea
	return got
}

func TestBuildParams(t *testing.T) {
	t.Parallel()
	full := ScratchBuild{
		Key: "42", Source: "src", RepoID: 7, Arches: []string{"x86_64", "aarch64"}, Priority: 30,
		Options: xmlrpc.Struct{{Name: "background", Value: true}},
	}
	want := []any{
		"src", nil,
		xmlrpc.Struct{
			{Name: "scratch", Value: true},
			{Name: "background", Value: true},
			{Name: "arch_override", Value: "x86_64 aarch64"},
			{Name: "repo_id", Value: int64(7)},
			{Name: "koschei", Value: "42"},
		},
		xmlrpc.Struct{{Name: "priority", Value: 30}, {Name: "__starstar", Value: true}},
	}
	if diff := cmp.Diff(want, full.params()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	least := ScratchBuild{Key: "42", Source: "src", Target: "f40"}
	want = []any{"src", "f40", xmlrpc.Struct{{Name: "scratch", Value: true}, {Name: "koschei", Value: "42"}}}
	if diff := cmp.Diff(want, least.params()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestClassOfTask(t *testing.T) {
	t.Parallel()
	recording := recordingsByName(t)
	tests := []struct {
		recording string
		want      Class
	}{
		{"scratch-failed-build--getTaskResult", PackageOwn},
		{"scratch-failed-deps--getTaskResult", PackageOwn},
		{"scratch-no-matching-arch--getTaskResult", PackageOwn},
		{"scratch-scm-bad-ref--getTaskResult", PackageOwn},
		{"scratch-failed-buildroot--getTaskResult", Infrastructure},
		{"scratch-missing-srpm--getTaskResult", Infrastructure},
		{"scratch-bad-repo_id--getTaskResult", Infrastructure},
		{"scratch-deleted-repo--getTaskResult", Infrastructure},
		{"scratch-unknown-target--getTaskResult", Permanent},
		{"scratch-policy-denied-repo_id--getTaskResult", Permanent},
		{"build-existing-nvr--getTaskResult", Permanent},
	}
	for _, test := range tests {
		r := recording(t, test.recording)
		_, err := xmlrpc.NewDecoder(strings.NewReader(string(r.Response)), xmlrpc.Limits{}).Response()
		var fault *xmlrpc.Fault
		if !errors.As(err, &fault) {
			t.Errorf("%s: no fault: %v", test.recording, err)
			continue
		}
		if got := ClassOfTask(fault); got != test.want {
			t.Errorf("%s: got %s, want %s (%v)", test.recording, got, test.want, fault)
		}
	}
}
