package koji

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// A BuildState is the state of a build, in the hub's numbers.
type BuildState int

// The states of a build.
const (
	BuildBuilding BuildState = iota
	BuildComplete
	BuildDeleted
	BuildFailed
	BuildCanceled
)

// A Build is a build that the hub keeps; scratch builds are tasks only.
type Build struct {
	ID        int64      `koji:"id"`
	PackageID int64      `koji:"package_id"`
	Name      string     `koji:"name"`
	Epoch     *int       `koji:"epoch"` // nil is not 0 to the hub, but to RPM
	Version   string     `koji:"version"`
	Release   string     `koji:"release"`
	State     BuildState `koji:"state"`
	TaskID    int64      `koji:"task_id"` // 0 if imported
	Owner     string     `koji:"owner_name"`
	Volume    string     `koji:"volume_name"`
	Source    string     `koji:"source"`
	Event     int64      `koji:"creation_event_id"`
	Created   time.Time  `koji:"creation_time"`
	Started   time.Time  `koji:"start_time"`
	Completed time.Time  `koji:"completion_time"` // zero while building
}

// A TaggedBuild is a build in a tag.
type TaggedBuild struct {
	Build
	TagID       int64  `koji:"tag_id"`
	Tag         string `koji:"tag_name"`     // where it is tagged, perhaps one inherited from
	TaggedEvent int64  `koji:"create_event"` // of the tagging
}

// A TagQuery selects builds in a tag.
type TagQuery struct {
	Tag     string
	Package string // "" for all
	Latest  bool   // of each package only the build tagged last
	Inherit bool
	Event   int64 // as of this event; 0 for now
}

// ListTagged returns builds in a tag, the one tagged last first. Blocked
// packages are not among them. An unknown tag is a fault.
func (c *Client) ListTagged(ctx context.Context, q TagQuery) ([]TaggedBuild, error) {
	args := []any{"latest", q.Latest, "inherit", q.Inherit}
	if q.Package != "" {
		args = append(args, "package", q.Package)
	}
	if q.Event != 0 {
		args = append(args, "event", q.Event)
	}
	return readList[TaggedBuild](ctx, c, "listTagged", q.Tag, named(args...))
}

// Taggings are the builds of one package in a tag, or why they are not known.
type Taggings struct {
	Builds []TaggedBuild
	Err    error
}

// LatestTagged returns of packages the builds tagged last in a tag or one that
// it inherits from, in the order of the names. A package without any has none,
// an unknown tag is a fault of each.
func (c *Client) LatestTagged(ctx context.Context, tag string, names []string) ([]Taggings, error) {
	calls := make([]xmlrpc.Call, len(names))
	for i, name := range names {
		calls[i] = xmlrpc.Call{Method: "listTagged", Params: []any{tag, named("latest", true, "inherit", true, "package", name)}}
	}
	results, err := c.Multicall(ctx, calls)
	if err != nil {
		return nil, err
	}
	taggings := make([]Taggings, len(names))
	for i, r := range results {
		if err := resultOf(r, &taggings[i].Builds); err != nil {
			taggings[i] = Taggings{Err: fmt.Errorf("builds of package %s in tag %s: %w", names[i], tag, err)}
		}
	}
	return taggings, nil
}

// BuildByID returns a build by its id; ErrNotFound if there is none.
func (c *Client) BuildByID(ctx context.Context, id int64) (*Build, error) {
	return c.findBuild(ctx, id)
}

// FindBuilds returns builds by their name-version-releases, in their order, nil
// where there is none.
func (c *Client) FindBuilds(ctx context.Context, nvrs []string) ([]*Build, error) {
	calls := make([]xmlrpc.Call, len(nvrs))
	for i, nvr := range nvrs {
		calls[i] = xmlrpc.Call{Method: "getBuild", Params: []any{nvr}}
	}
	return lookUps[*Build](ctx, c, calls, buildChunk)
}

func (c *Client) findBuild(ctx context.Context, which any) (*Build, error) {
	var build *Build
	if err := c.read(ctx, &build, "getBuild", which); err != nil {
		return nil, err
	}
	if build == nil {
		return nil, notFound("build", which)
	}
	return build, nil
}

// keyOption is the build option in which our key travels. The hub stores
// options that it does not know and ignores them.
const keyOption = "koschei"

// A ScratchBuild is a request for a scratch build.
type ScratchBuild struct {
	Key      string   // by which the task is found when its id is lost
	Source   string   // see SourcePath, or the address of a repository of sources
	Target   string   // "" only with RepoID, whose tag then is the build tag
	RepoID   int64    // 0 for the repo that is current when a builder begins
	Arches   []string // overrides the architectures of the package
	Priority int      // added to the hub's default; higher is less urgent

	Options xmlrpc.Struct // more options of the hub's build call
}

func (b *ScratchBuild) params() []any {
	options := append(xmlrpc.Struct{{Name: "scratch", Value: true}}, b.Options...)
	if len(b.Arches) > 0 {
		options = append(options, xmlrpc.Member{Name: "arch_override", Value: strings.Join(b.Arches, " ")})
	}
	if b.RepoID != 0 {
		options = append(options, xmlrpc.Member{Name: "repo_id", Value: b.RepoID})
	}
	options = append(options, xmlrpc.Member{Name: keyOption, Value: b.Key})
	var target any
	if b.Target != "" {
		target = b.Target
	}
	params := []any{b.Source, target, options}
	if b.Priority != 0 {
		params = append(params, named("priority", b.Priority))
	}
	return params
}

// Build submits a scratch build and returns the id of its task. The hub checks
// next to nothing: what is wrong shows as a failed task.
//
// It is never submitted twice. If the outcome is ErrOutcomeUnknown there may be
// a task: TasksByKey tells, but not before CallLimit has passed.
func (c *Client) Build(ctx context.Context, b ScratchBuild) (int64, error) {
	if b.Key == "" {
		return 0, errors.New("a build without a key cannot be found again")
	}
	var task int64
	err := c.session.changeOnce(ctx, &task, "build", b.params()...)
	if err == nil {
		return task, nil
	}
	if errors.Is(err, errResultLost) {
		tasks, findErr := c.newestTasksByKey(ctx, b.Key)
		if findErr == nil && len(tasks) > 0 {
			return tasks[0].ID, nil
		}
	}
	return 0, fmt.Errorf("build %s: %w", b.Key, err)
}
