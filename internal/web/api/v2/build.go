package v2

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A BuildRef is a build as others mention it.
type BuildRef struct {
	ID      int64           `json:"id"`
	Outcome koschei.Outcome `json:"outcome"`
	Origin  string          `json:"origin" doc:"scratch if Koschei made it, real if packagers did"`
	Version string          `json:"version"`
	RepoID  int64           `json:"repo,omitempty"`
	Started time.Time       `json:"started"`
}

// A Build is one with its tasks and what had changed before it.
type Build struct {
	BuildRef
	Event           int64     `json:"event"`
	Finished        time.Time `json:"finished,omitzero"`
	TaskID          int64     `json:"task_id,omitempty"`
	CancelRequested bool      `json:"cancel_requested"`
	Fault           string    `json:"fault,omitempty" doc:"why it did not complete"`
	Tasks           []Task    `json:"tasks"`
	Previous        int64     `json:"previous,omitempty" doc:"the build that changes are counted from"`
	Changes         []Change  `json:"changes" doc:"the nearest"`
	Near            int       `json:"near" doc:"changes with a distance"`
	Far             int       `json:"far" doc:"changes without one"`
}

// A Task is a part of a build at the hub.
type Task struct {
	ID       int64     `json:"id"`
	Method   string    `json:"method"`
	Arch     string    `json:"arch"`
	State    string    `json:"state"`
	Host     string    `json:"host,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
}

// An Excerpt is what the log of a failed build tells.
type Excerpt struct {
	Log       string `json:"log"`
	Arch      string `json:"arch"`
	TaskID    int64  `json:"task_id,omitempty"`
	Phase     string `json:"phase,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Message   string `json:"message,omitempty"`
	Signature string `json:"signature,omitempty" doc:"the same for errors that say the same"`
	Lines     []Line `json:"lines"`
	Total     int    `json:"total,omitempty" doc:"lines of the log"`
}

// A Line is one of a log.
type Line struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

func tellRef(b *view.BuildRef) *BuildRef {
	if b == nil {
		return nil
	}
	return &BuildRef{ID: b.ID, Outcome: b.Outcome, Origin: string(b.Origin), Version: b.EVR.String(), RepoID: b.RepoID, Started: b.Started}
}

func tellBuild(b *view.BuildRecord) Build {
	told := Build{
		BuildRef: BuildRef{ID: b.ID, Outcome: b.Outcome, Origin: string(b.Origin), Version: b.EVR.String(), RepoID: b.RepoID, Started: b.Started},
		Event:    b.Event, Finished: b.Finished, TaskID: b.TaskID, CancelRequested: b.CancelRequested, Fault: b.Fault,
		Previous: b.PrevBuildID, Changes: each(b.Changes, tellChange), Near: b.Near, Far: b.Far,
	}
	told.Tasks = each(b.Tasks, func(t *koschei.Task) Task {
		return Task{t.TaskID, t.Method, t.Arch, string(t.State), t.Host, t.Started, t.Finished}
	})
	return told
}

func excerptOf(r *web.Request, buildID int64) (*Excerpt, error) {
	f, err := r.View.Builds.Failure(r.Context(), buildID)
	if err != nil || f == nil || !f.Found {
		return nil, err
	}
	told := &Excerpt{
		Log: f.Log, Arch: f.Arch, TaskID: f.TaskID, Phase: f.Phase, Kind: f.Kind, Message: f.Message, Signature: f.Signature, Total: f.Total, Lines: []Line{},
	}
	for _, line := range f.Lines {
		told.Lines = append(told.Lines, Line{line.Number, line.Text})
	}
	return told, nil
}

// A Comparison is of two buildroots of a package.
type Comparison struct {
	Package    string   `json:"package"`
	Collection string   `json:"collection"`
	A          *Side    `json:"a,omitempty"`
	B          *Side    `json:"b"`
	Known      bool     `json:"known" doc:"whether it is known what both were made with; changes are empty if not"`
	Changes    []Change `json:"changes"`
	Excerpt    *Excerpt `json:"excerpt,omitempty" doc:"of the log of b, if that failed"`
}

// A Side is a buildroot: of a build, or what one would get now.
type Side struct {
	Build    *Build   `json:"build,omitempty" doc:"not there for what a build would get now"`
	RepoID   int64    `json:"repo,omitempty"`
	Size     int      `json:"size" doc:"packages in it"`
	Problems []string `json:"problems,omitempty" doc:"why there would be none now"`
}

func tellSide(s *view.Side) *Side {
	if s == nil {
		return nil
	}
	told := &Side{RepoID: s.Repo.RepoID, Size: s.Size(), Problems: s.Problems}
	if s.BuildRecord != nil {
		b := tellBuild(s.BuildRecord)
		told.Build = &b
	}
	return told
}

func (a *API) addBuilds() {
	add(a, http.MethodGet, "/builds/{id}", "A build compared with the one before it", func(r *web.Request, in *buildAsked) (Comparison, error) {
		return compare(r, view.Pair{B: in.ID})
	})
	add(a, http.MethodGet, "/compare", "Two builds of a package compared, or one with what a build would get now", getComparison)
}

type buildAsked struct {
	ID int64 `path:"id" min:"1"`
}

type comparisonAsked struct {
	A int64  `query:"a" min:"1" doc:"number of a build; the one before b if it is not given"`
	B string `query:"b" default:"now" doc:"number of a build, or now"`
}

func getComparison(r *web.Request, in *comparisonAsked) (Comparison, error) {
	pair := view.Pair{A: in.A}
	if in.B != "now" {
		id, err := strconv.ParseInt(in.B, 10, 64)
		if err != nil || id < 1 {
			return Comparison{}, fmt.Errorf("argument b: %q is neither the number of a build nor now: %w", in.B, koschei.ErrInvalid)
		}
		pair.B = id
	}
	if pair.A == 0 && pair.B == 0 {
		return Comparison{}, fmt.Errorf("say which build, as a=91040: %w", koschei.ErrInvalid)
	}
	return compare(r, pair)
}

func compare(r *web.Request, pair view.Pair) (Comparison, error) {
	page, err := r.View.Builds.Compare(r.Context(), pair)
	if err != nil {
		return Comparison{}, err
	}
	told := Comparison{
		Package: page.PackageName, Collection: collectionName(r, page.CollectionID), A: tellSide(page.A), B: tellSide(page.B),
		Known: page.Changes.Known, Changes: each(page.Changes.List, tellChange),
	}
	if page.B.BuildRecord != nil && page.B.Outcome == koschei.OutcomeFailed {
		told.Excerpt, err = excerptOf(r, page.B.ID)
	}
	return told, err
}
