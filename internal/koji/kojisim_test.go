package koji_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/rpm"
)

type noTokens struct{}

func (noTokens) Token(context.Context, string) ([]byte, error) { return []byte("token"), nil }

// simulated returns a client of a simulated hub whose clock is stepped.
func simulated(t *testing.T) (*koji.Client, *kojihub.Hub, *kojisim.Clock) {
	t.Helper()
	world, err := distro.Generate(t.Context(), distro.Options{Packages: 80, Seed: 1, History: 48 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	clock := kojisim.NewStepClock(world.Now())
	hub := kojihub.New(world, clock, slog.New(slog.DiscardHandler))
	hub.Login = func(*http.Request) string { return "CN=koschei,O=Test" }
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	c, err := koji.New(koji.Config{
		Server:    server.URL + "/kojihub",
		TopURL:    server.URL + "/kojifiles",
		Login:     koji.Login{Negotiator: noTokens{}},
		CallLimit: time.Minute,
		Retry:     koji.Retry{Attempts: 6, Min: 1, Max: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, hub, clock
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// What the services do with a hub, in the order they do it.
func TestSimulatedHub(t *testing.T) {
	t.Parallel()
	c, _, clock := simulated(t)
	ctx := t.Context()

	target := must[*koji.Target](t)(c.BuildTarget(ctx, distro.TargetName))
	config := must[*koji.Tag](t)(c.BuildConfig(ctx, target.BuildTag))
	packages := must[[]koji.ListedPackage](t)(c.ListPackages(ctx, target.DestTag))
	tagged := must[[]koji.TaggedBuild](t)(c.ListTagged(ctx, koji.TagQuery{Tag: target.DestTag, Latest: true, Inherit: true}))
	if len(config.Arches) == 0 || len(packages) < 80 || len(tagged) == 0 {
		t.Fatalf("%d arches, %d packages, %d builds", len(config.Arches), len(packages), len(tagged))
	}
	parents := must[[]koji.Inheritance](t)(c.FullInheritance(ctx, target.BuildTag))
	if len(parents) == 0 || parents[0].Tag != target.DestTag || parents[0].Depth != 1 {
		t.Errorf("%s inherits from %+v, want %s first", target.BuildTag, parents, target.DestTag)
	}
	checkNamed(t, c, target.DestTag, tagged, packages)
	repo := must[*koji.Repo](t)(c.Repo(ctx, target.BuildTag))
	if again := must[*koji.Repo](t)(c.RepoInfo(ctx, repo.ID)); *again != *repo {
		t.Errorf("getRepo says %+v, repoInfo %+v", repo, again)
	}
	checkFile(t, c.RepoURL(repo.Tag, repo.ID, config.Arches[0])+"/repodata/repomd.xml", "<repomd")
	group := must[[]string](t)(c.BuildGroup(ctx, target.BuildTag, "build", repo.Event))
	if !slices.IsSorted(group) || len(group) == 0 {
		t.Errorf("build group %v", group)
	}

	build := tagged[0]
	srpm := must[*koji.RPM](t)(c.SRPM(ctx, build.ID))
	checkSources(t, c, srpm.NEVRA())
	channel := must[*koji.Channel](t)(c.Channel(ctx, "default"))
	if hosts := must[[]koji.Host](t)(c.Hosts(ctx, channel.ID, config.Arches...)); len(hosts) == 0 {
		t.Error("no hosts")
	}

	before := must[koji.Event](t)(c.LastEvent(ctx))
	id := must[int64](t)(c.Build(ctx, koji.ScratchBuild{
		Key: "17", Source: koji.SourcePath("../packages", &build.Build, srpm.NEVRA()), Target: target.Name, Priority: 30,
	}))
	if found := must[[]koji.Task](t)(c.TasksByKey(ctx, "17", before.At)); len(found) != 1 || found[0].ID != id {
		t.Errorf("looking for task %d: %+v", id, found)
	}
	if _, err := c.TaskResult(ctx, id); !errors.Is(err, koji.ErrNotFinished) {
		t.Errorf("result of a new task: %v", err)
	}
	checkTask(t, c, clock, id, repo.Tag)

	second := must[int64](t)(c.Build(ctx, koji.ScratchBuild{
		Key: "18", Source: koji.SourcePath("../packages", &build.Build, srpm.NEVRA()), Target: target.Name,
	}))
	if err := c.CancelTask(ctx, second); err != nil {
		t.Error(err)
	}
	if result := must[*koji.TaskResult](t)(c.TaskResult(ctx, second)); result.State != koschei.TaskCanceled {
		t.Errorf("canceled task: %+v", result)
	}
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
}

// checkNamed asks for packages by name: the first that is tagged, one that does
// not exist, and the first that is listed.
func checkNamed(t *testing.T, c *koji.Client, tag string, tagged []koji.TaggedBuild, packages []koji.ListedPackage) {
	t.Helper()
	ctx := t.Context()
	names := []string{tagged[0].Name, "no-such-package", packages[0].Name}
	taggings := must[[]koji.Taggings](t)(c.LatestTagged(ctx, tag, names))
	if got := taggings[0].Builds; len(got) != 1 || got[0].ID != tagged[0].ID || len(taggings[1].Builds) != 0 {
		t.Errorf("taggings of %v: %+v, want first build %d, and none of the second", names, taggings, tagged[0].ID)
	}
	listings := must[[]koji.Listings](t)(c.ListPackagesNamed(ctx, tag, names))
	if got := listings[2].Entries; len(got) != 1 || got[0].ID != packages[0].ID || len(listings[1].Entries) != 0 {
		t.Errorf("listings of %v: %+v, want last package %d, and none of the second", names, listings, packages[0].ID)
	}
	for _, l := range must[[]koji.Listings](t)(c.ListPackagesNamed(ctx, "no-such-tag", names[:1])) {
		if koji.ClassOf(l.Err) != koji.Permanent {
			t.Errorf("listing in a tag that does not exist: error %v, want a fault", l.Err)
		}
	}
}

// checkSources asks for what a source says, and one that does not exist.
func checkSources(t *testing.T, c *koji.Client, source rpm.NEVRA) {
	t.Helper()
	ctx := t.Context()
	sources := []rpm.NEVRA{source, {Name: "nosuch", EVR: rpm.EVR{Version: "1", Release: "1"}, Arch: "src"}}
	requires := must[[]koji.BuildDeps](t)(c.BuildDeps(ctx, sources))
	if requires[0].Err != nil || !errors.Is(requires[1].Err, koschei.ErrNotFound) {
		t.Errorf("BuildRequires: %+v", requires)
	}
	arches := must[[]koji.SourceArches](t)(c.SourceArches(ctx, sources))
	if arches[0].Err != nil || !errors.Is(arches[1].Err, koschei.ErrNotFound) {
		t.Errorf("SourceArches: %+v", arches)
	}
}

// checkTask steps until a build has ended and looks at what it left.
func checkTask(t *testing.T, c *koji.Client, clock *kojisim.Clock, id int64, tag string) {
	t.Helper()
	ctx := t.Context()
	task := must[*koji.Task](t)(c.Task(ctx, id))
	for range 1000 {
		if task.State.Ended() {
			break
		}
		clock.Step(time.Minute)
		task = must[[]*koji.Task](t)(c.Tasks(ctx, []int64{id}))[0]
	}
	if !task.State.Ended() || task.Completed.Before(task.Created) {
		t.Fatalf("after a long time the task is %+v", task)
	}
	result := must[*koji.TaskResult](t)(c.TaskResult(ctx, id))
	if result.State != task.State {
		t.Errorf("the task is %s, its result %s", task.State, result.State)
	}
	children := must[[]koji.Children](t)(c.TaskChildren(ctx, []int64{id}))[0].Tasks
	repos := map[int64]bool{}
	for _, child := range children {
		repos[child.RepoID()] = true
		checkFile(t, c.TaskFileURL(child.ID, "root.log"), string(must[[]byte](t)(c.TaskOutput(ctx, child.ID, "root.log", 0, -1))))
	}
	if len(children) == 0 || len(repos) != 1 {
		t.Errorf("%d children in repos %v", len(children), repos)
	}
	for id := range repos {
		if used := must[*koji.Repo](t)(c.RepoInfo(ctx, id)); used.Tag != tag {
			t.Errorf("built in a repo of %s, not %s", used.Tag, tag)
		}
	}
}

func checkFile(t *testing.T, address, part string) {
	t.Helper()
	req := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(body.String(), part) {
		t.Errorf("%s: status %d, %d bytes", address, resp.StatusCode, body.Len())
	}
}

// The rules for sessions and numbers as the simulated hub has them: each key is
// built once, whatever gets lost.
func TestSimulatedHubWithFaults(t *testing.T) {
	t.Parallel()
	c, hub, clock := simulated(t)
	began := clock.Now()
	hub.SetFaults(kojihub.Faults{Busy: 0.05, CutBefore: 0.05, CutAfter: 0.05, Truncate: 0.05, Expire: 0.02})
	told := map[string]int64{}
	for i := range 200 {
		key := fmt.Sprint("k", i)
		told[key] = submit(t, c, key, began)
	}
	hub.SetFaults(kojihub.Faults{})
	tasks := must[[]koji.Task](t)(c.ListTasks(t.Context(), koji.TaskQuery{Method: "build", Limit: 10000}))
	seen := map[string]int{}
	for _, task := range tasks {
		if key := task.Key(); key != "" {
			seen[key]++
			if told[key] != task.ID {
				t.Errorf("build %s: told task %d, the hub has %d", key, told[key], task.ID)
			}
		}
	}
	if len(seen) != len(told) {
		t.Errorf("%d keys at the hub, %d submitted", len(seen), len(told))
	}
}

func submit(t *testing.T, c *koji.Client, key string, began time.Time) int64 {
	t.Helper()
	for {
		id, err := c.Build(t.Context(), koji.ScratchBuild{Key: key, Source: "../packages/a/1/1/src/a-1-1.src.rpm", Target: distro.TargetName})
		if err == nil {
			return id
		}
		for errors.Is(err, koji.ErrOutcomeUnknown) {
			found, findErr := c.TasksByKey(t.Context(), key, began)
			if findErr == nil {
				if len(found) > 0 {
					return found[0].ID
				}
				break
			}
		}
		if class := koji.ClassOf(err); class != koji.Transient && class != koji.Auth {
			t.Fatalf("build %s: %v (%s)", key, err, class)
		}
	}
}

// What the hub knows of the past, many questions at once.
// A file that is shorter than what is asked for of its end is read whole.
func TestTaskOutputTail(t *testing.T) {
	t.Parallel()
	c, _, clock := simulated(t)
	target := must[*koji.Target](t)(c.BuildTarget(t.Context(), distro.TargetName))
	tagged := must[[]koji.TaggedBuild](t)(c.ListTagged(t.Context(), koji.TagQuery{Tag: target.DestTag, Latest: true, Inherit: true}))
	srpm := must[*koji.RPM](t)(c.SRPM(t.Context(), tagged[0].ID))
	id := must[int64](t)(c.Build(t.Context(), koji.ScratchBuild{
		Key: "1", Source: koji.SourcePath("../packages", &tagged[0].Build, srpm.NEVRA()), Target: distro.TargetName,
	}))
	clock.Step(6 * time.Hour)
	children := must[[]koji.Children](t)(c.TaskChildren(t.Context(), []int64{id}))
	task := children[0].Tasks[0].ID
	whole := must[[]byte](t)(c.TaskOutput(t.Context(), task, "root.log", 0, -1))
	if _, err := c.TaskOutput(t.Context(), task, "root.log", -int64(len(whole))-1, -1); koji.ClassOf(err) != koji.Infrastructure {
		t.Errorf("the hub answers %v, want its exception", err)
	}
	for _, size := range []int{1, len(whole), len(whole) + 1, 16 << 10} {
		got := must[[]byte](t)(c.TaskOutputTail(t.Context(), task, "root.log", int64(size)))
		if want := whole[max(0, len(whole)-size):]; !bytes.Equal(got, want) {
			t.Errorf("the last %d bytes: %q, want %q", size, got, want)
		}
	}
	if _, err := c.TaskOutputTail(t.Context(), task, "no.log", 1); koji.ClassOf(err) != koji.Permanent {
		t.Errorf("a log that is not there: %v", err)
	}
}

func TestPast(t *testing.T) {
	t.Parallel()
	c, hub, _ := simulated(t)
	ctx := t.Context()
	last := must[koji.Event](t)(c.LastEvent(ctx))
	times := []time.Time{last.At.Add(time.Second), last.At, last.At.AddDate(-10, 0, 0)}
	events := must[[]koji.Event](t)(c.EventsBefore(ctx, times))
	if events[0] != last || events[1].ID >= last.ID || !events[1].At.Before(last.At) || events[2] != (koji.Event{}) {
		t.Errorf("events before %v: %v", times, events)
	}

	if tags := must[[]string](t)(c.InheritedTags(ctx, distro.BuildTagName)); !slices.Contains(tags, distro.DestTagName) {
		t.Errorf("%s inherits from %v", distro.BuildTagName, tags)
	}
	tagged := must[[]koji.TaggedBuild](t)(c.ListTagged(ctx, koji.TagQuery{Tag: distro.DestTagName, Latest: true}))
	nvrs, ids := []string{"nosuch-1-1"}, []int64{}
	for i := range tagged {
		nvrs = append(nvrs, fmt.Sprintf("%s-%s-%s", tagged[i].Name, tagged[i].Version, tagged[i].Release))
		ids = append(ids, tagged[i].ID)
	}
	builds := must[[]*koji.Build](t)(c.FindBuilds(ctx, nvrs))
	taggings := must[[][]koji.Tagging](t)(c.BuildTaggings(ctx, ids))
	if builds[0] != nil {
		t.Errorf("nosuch is %+v", builds[0])
	}
	for i := range tagged {
		if builds[i+1] == nil || builds[i+1].ID != tagged[i].ID {
			t.Errorf("%s is build %+v, want %d", nvrs[i+1], builds[i+1], tagged[i].ID)
		}
		if n := len(taggings[i]); n == 0 || taggings[i][n-1].Created != tagged[i].TaggedEvent || taggings[i][n-1].Tag != tagged[i].Tag {
			t.Errorf("%s was tagged: %+v, want event %d", nvrs[i+1], taggings[i], tagged[i].TaggedEvent)
		}
	}
	hub.SetFaults(kojihub.Faults{Offline: "maintenance"})
	if _, err := c.FindBuilds(ctx, nvrs); koji.ClassOf(err) != koji.Transient {
		t.Errorf("a hub that is offline: %v", err)
	}
}
