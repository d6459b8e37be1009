package koji

import (
	"cmp"
	"context"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// A RepoState is the state of a repo, in the hub's numbers.
type RepoState int

// The states of a repo. Ready does not mean current; in an expired one builds
// still work, in a deleted one they fail.
const (
	RepoInit RepoState = iota
	RepoReady
	RepoExpired
	RepoDeleted
	RepoProblem
)

// Usable tells whether the files of the repo are there.
func (s RepoState) Usable() bool { return s == RepoReady || s == RepoExpired }

// A Repo is what the hub knows of the repository of a tag.
type Repo struct {
	ID      int64     `koji:"id"`
	TagID   int64     `koji:"tag_id"`
	Tag     string    `koji:"tag_name"`
	State   RepoState `koji:"state"`
	Event   int64     `koji:"create_event"` // whose state of the tag it shows
	EventAt time.Time `koji:"create_ts"`
	Created time.Time `koji:"creation_ts"`
	Dist    bool      `koji:"dist"` // not for builds
	TaskID  int64     `koji:"task_id"`

	// The events from which and to which the tag is the same, 0 if not known:
	// hubs before 1.35 do not say, and the end comes only after a change.
	BeginEvent int64 `koji:"begin_event"`
	EndEvent   int64 `koji:"end_event"`
}

// Repo returns the newest repo of a tag that is ready; ErrNotFound if there is
// none. An unknown tag is a fault.
func (c *Client) Repo(ctx context.Context, tag string) (*Repo, error) {
	var repo *Repo
	if err := c.read(ctx, &repo, "getRepo", tag, named("state", int(RepoReady))); err != nil {
		return nil, err
	}
	if repo == nil {
		return nil, notFound("ready repo of tag", tag)
	}
	return repo.complete(tag), nil
}

// complete adds what hubs before 1.35 leave out: when a repo was made, for which
// the time of its event has to do, and in getRepo the tag that was asked for.
func (r *Repo) complete(tag string) *Repo {
	if r == nil {
		return nil
	}
	r.Created, r.Tag = cmp.Or(r.Created, r.EventAt), cmp.Or(r.Tag, tag)
	return r
}

// RepoSince is Repo, passing over repos of events before one. Hubs before 1.35
// do not have the argument.
func (c *Client) RepoSince(ctx context.Context, tag string, event int64) (*Repo, error) {
	var repo *Repo
	if err := c.read(ctx, &repo, "getRepo", tag, named("min_event", event)); err != nil {
		return nil, err
	}
	if repo == nil {
		return nil, notFound("ready repo of tag", tag)
	}
	return repo.complete(tag), nil
}

// RepoInfo returns a repo by its id; ErrNotFound if there is none.
func (c *Client) RepoInfo(ctx context.Context, id int64) (*Repo, error) {
	var repo *Repo
	if err := c.read(ctx, &repo, "repoInfo", id); err != nil {
		return nil, err
	}
	if repo == nil {
		return nil, notFound("repo", id)
	}
	return repo.complete(""), nil
}

// RepoInfos returns repos by their ids, in the same order, nil where there is
// none.
func (c *Client) RepoInfos(ctx context.Context, ids []int64) ([]*Repo, error) {
	calls := make([]xmlrpc.Call, len(ids))
	for i, id := range ids {
		calls[i] = xmlrpc.Call{Method: "repoInfo", Params: []any{id}}
	}
	repos, err := multicallOf[*Repo](ctx, c, calls)
	for _, r := range repos {
		r.complete("")
	}
	return repos, err
}

// A RepoRequest is where a request for a repo stands. One of Repo and Request
// is nil.
type RepoRequest struct {
	Repo      *Repo           `koji:"repo"` // that fulfils it
	Request   *PendingRequest `koji:"request"`
	Duplicate bool            `koji:"duplicate"` // the same request was there already
}

// A PendingRequest is a request that the hub has not fulfilled yet.
type PendingRequest struct {
	ID        int64 `koji:"id"`
	TagID     int64 `koji:"tag_id"`
	AtEvent   int64 `koji:"at_event"`
	MinEvent  int64 `koji:"min_event"`
	Active    bool  `koji:"active"`
	Tries     int   `koji:"tries"`
	TaskID    int64 `koji:"task_id"`
	TaskState *int  `koji:"task_state"`
}

// RequestRepo asks for a repo of a tag as it was at an event, or with 0 for one
// as new as the tag's last change. Any user may. A repo that is there is returned at once, and the same request twice is
// one: asking again is how to follow it. Hubs before 1.35 do not have the call.
func (c *Client) RequestRepo(ctx context.Context, tag string, atEvent int64) (*RepoRequest, error) {
	which := named("at_event", atEvent)
	if atEvent == 0 {
		which = named("min_event", "last")
	}
	var request RepoRequest
	if err := c.session.change(ctx, &request, "repo.request", tag, which); err != nil {
		return nil, err
	}
	return &request, nil
}

// CheckRequest tells where a request stands: its repo once that is there. A
// request that is no longer active and has none has failed. The hub forgets old
// ones, which then are a fault.
func (c *Client) CheckRequest(ctx context.Context, id int64) (*RepoRequest, error) {
	var request RepoRequest
	if err := c.read(ctx, &request, "repo.checkRequest", id); err != nil {
		return nil, err
	}
	return &request, nil
}
