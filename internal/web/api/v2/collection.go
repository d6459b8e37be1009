package v2

import (
	"net/http"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A Collection is one with how it stands.
type Collection struct {
	Name        string                `json:"name"`
	DisplayName string                `json:"display_name"`
	State       koschei.State         `json:"state" doc:"of the base buildroot"`
	Problems    []string              `json:"problems,omitempty" doc:"why the base buildroot cannot be installed"`
	Target      string                `json:"target"`
	DestTag     string                `json:"dest_tag"`
	BuildTag    string                `json:"build_tag"`
	BuildGroup  string                `json:"build_group"`
	MaxBuilds   int                   `json:"max_builds"`
	Paused      bool                  `json:"paused" doc:"no scratch builds are submitted"`
	Weight      float64               `json:"weight"`
	Coefficient float64               `json:"priority_coefficient"`
	Packages    map[koschei.State]int `json:"packages" doc:"tracked packages by state"`
	Running     int                   `json:"running" doc:"packages with a build under way"`
	Repo        *Repo                 `json:"repo,omitempty" doc:"that verdicts are about"`
	Newer       int                   `json:"newer" doc:"known repos that are newer"`
	Troubles    []string              `json:"troubles,omitempty" doc:"why services fail with it"`
}

// A Repo is one of a collection.
type Repo struct {
	ID       int64         `json:"id"`
	Event    int64         `json:"event"`
	Created  time.Time     `json:"created,omitzero"`
	Solved   time.Time     `json:"solved,omitzero" doc:"when verdicts about it were complete"`
	State    koschei.State `json:"state" doc:"of the base buildroot"`
	Problems []string      `json:"problems,omitempty"`
}

func repoOf(r *koschei.Repo) Repo {
	c := koschei.Collection{LatestRepoResolved: r.Resolved}
	return Repo{ID: r.RepoID, Event: r.CreateEvent, Created: r.Created, Solved: r.Solved, State: c.State(), Problems: r.Problems}
}

// A Notice is what operators tell on every page.
type Notice struct {
	Text string `json:"text"`
}

type nothing struct{}

func (a *API) addCollections() {
	add(a, http.MethodGet, "/collections", "All collections, in the order of pages",
		func(r *web.Request, _ *nothing) (ListOf[Collection], error) {
			return ListOf[Collection]{Items: each(r.All, func(c *view.FrameCollection) Collection { return tellCollection(r, c) })}, nil
		}, fresh)
	add(a, http.MethodGet, "/collections/{collection}", "A collection", getCollection, fresh)
	add(a, http.MethodGet, "/collections/{collection}/counts", "How many packages were in which state", getCounts, fresh)
	add(a, http.MethodGet, "/notice", "What operators tell on every page",
		func(r *web.Request, _ *nothing) (Notice, error) { return Notice{Text: r.Notice()}, nil })
	add(a, http.MethodGet, "/queue", "What is built, what comes next and what is held", a.getQueue, fresh)
}

func tellCollection(r *web.Request, c *view.FrameCollection) Collection {
	counts, f := r.Counts(c), r.Fresh(c)
	told := Collection{
		Name: c.Name, DisplayName: c.DisplayName, State: c.State(), Problems: c.Problems, Target: c.Target, DestTag: c.DestTag,
		BuildTag: c.BuildTag, BuildGroup: c.BuildGroup, MaxBuilds: c.MaxBuilds, Paused: c.Paused, Weight: c.Weight, Coefficient: c.PriorityCoefficient,
		Packages: counts.ByState, Running: counts.Running, Newer: f.Newer,
	}
	if told.Packages == nil {
		told.Packages = map[koschei.State]int{}
	}
	if f.Verdicts.RepoID != 0 {
		repo := repoOf(&f.Verdicts)
		told.Repo = &repo
	}
	for _, t := range f.Troubles() {
		told.Troubles = append(told.Troubles, string(t.Service)+": "+t.Trouble)
	}
	return told
}

type ofCollection struct {
	Collection string `path:"collection"`
}

func getCollection(r *web.Request, in *ofCollection) (Collection, error) {
	c, err := r.Collection(in.Collection)
	if err != nil {
		return Collection{}, err
	}
	return tellCollection(r, c), nil
}

// A Count is how many packages of a collection were in which state.
type Count struct {
	At         time.Time `json:"at"`
	RepoID     int64     `json:"repo,omitempty"`
	OK         int       `json:"ok"`
	Failing    int       `json:"failing"`
	Unresolved int       `json:"unresolved"`
	Unknown    int       `json:"unknown"`
	Untracked  int       `json:"untracked"`
	Running    int       `json:"running"`
	Due        int       `json:"due"`
}

type countsAsked struct {
	Collection string    `path:"collection"`
	Since      time.Time `query:"since" doc:"30 days ago if it is not given"`
	Hours      int       `query:"hours" default:"24" min:"1" max:"720" doc:"of which one count is told"`
}

func getCounts(r *web.Request, in *countsAsked) (ListOf[Count], error) {
	c, err := r.Collection(in.Collection)
	if err != nil {
		return ListOf[Count]{}, err
	}
	if in.Since.IsZero() {
		in.Since = r.Now.AddDate(0, 0, -30)
	}
	counts, err := r.View.Timeline.StateCounts(r.Context(), c.ID, in.Since, time.Duration(in.Hours)*time.Hour)
	return ListOf[Count]{Items: each(counts, func(n *view.StateCount) Count {
		return Count{n.At, n.RepoID, n.OK, n.Failing, n.Unresolved, n.Unknown, n.Untracked, n.Running, n.Due}
	})}, err
}

// A Queue is what is built and what comes next.
type Queue struct {
	Running []QueuedBuild   `json:"running" doc:"the oldest first"`
	Next    []QueuedPackage `json:"next" doc:"by collection, the worthiest first"`
	Waiting map[string]int  `json:"waiting" doc:"packages that wait, by collection; 2000 stands for that or more"`
	Held    []Holding       `json:"held"`
}

// A QueuedBuild is a scratch build that is under way.
type QueuedBuild struct {
	ID              int64     `json:"id"`
	Collection      string    `json:"collection"`
	Package         string    `json:"package"`
	Version         string    `json:"version"`
	Started         time.Time `json:"started"`
	Expected        time.Time `json:"expected,omitzero" doc:"when it ends if it takes as long as usual"`
	TaskID          int64     `json:"task_id,omitempty"`
	CancelRequested bool      `json:"cancel_requested"`
}

// A QueuedPackage waits for its turn.
type QueuedPackage struct {
	Collection string  `json:"collection"`
	Package    string  `json:"package"`
	Priority   float64 `json:"priority"`
}

// A Holding is why packages are passed over for a while.
type Holding struct {
	Collection string    `json:"collection"`
	Reason     string    `json:"reason"`
	Packages   int       `json:"packages"`
	First      []string  `json:"first" doc:"some of them"`
	Until      time.Time `json:"until" doc:"when the first of them is looked at again"`
}

type queueAsked struct {
	Collection []string `query:"collection" doc:"all if it is not given"`
	Limit      int      `query:"limit" default:"100" min:"1" max:"1000" doc:"packages of each collection that wait"`
}

func (a *API) getQueue(r *web.Request, in *queueAsked) (Queue, error) {
	var ids []int64
	for _, c := range r.Current {
		ids = append(ids, c.ID)
	}
	page, err := r.View.Builds.Queue(r.Context(), ids, schema.Ranking{Rules: a.Rules, Now: r.Now}, in.Limit)
	if err != nil {
		return Queue{}, err
	}
	q := Queue{Running: []QueuedBuild{}, Next: []QueuedPackage{}, Waiting: map[string]int{}, Held: []Holding{}}
	for i := range page.Running {
		b := &page.Running[i]
		told := QueuedBuild{
			ID: b.ID, Collection: collectionName(r, b.CollectionID), Package: b.Package, Version: b.EVR.String(), Started: b.Started,
			TaskID: b.TaskID, CancelRequested: b.CancelRequested,
		}
		if usual := page.Usual[b.PackageID]; usual > 0 {
			told.Expected = b.Started.Add(usual)
		}
		q.Running = append(q.Running, told)
	}
	for i := range r.Current {
		c := &r.Current[i]
		waiting := page.Next[c.ID]
		q.Waiting[c.Name] = waiting.Count
		for j := range waiting.First {
			p := &waiting.First[j]
			q.Next = append(q.Next, QueuedPackage{c.Name, p.Name, a.Rules.Of(p, &c.Collection, r.Now).Total()})
		}
	}
	for _, h := range page.Held {
		q.Held = append(q.Held, Holding{collectionName(r, h.CollectionID), h.Reason, h.Packages, h.First, h.Until})
	}
	return q, nil
}
