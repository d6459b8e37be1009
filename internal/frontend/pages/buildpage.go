package pages

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A buildView is a build as both its own page and its package's show it.
type buildView struct {
	postgres.BuildRecord
	TaskURL   string // "" if there is none
	Tasks     []taskView
	Took      string // "" while it is under way
	Trigger   string // for what priority it was submitted, "" if not known
	DepsNote  string // a sentence where there are no changes to show
	Changes   changesView
	FaultTask string // address of the task that brought it down, "" if there is none
}

// A taskView is a child task of a build.
type taskView struct {
	koschei.Task
	URL    string
	Took   string
	Logs   []logLink
	Guilty bool // it brought the build down
}

func (s *Site) buildView(r *postgres.BuildRecord) *buildView {
	v := &buildView{
		BuildRecord: *r,
		TaskURL:     s.taskURL(r.Hub, r.TaskID),
		FaultTask:   s.taskURL(r.Hub, r.FaultTaskID),
		Changes:     changesOf(r.Changes),
	}
	if !r.Finished.IsZero() {
		v.Took = duration(r.Finished.Sub(r.Started))
	}
	for _, t := range r.Tasks {
		task := taskView{Task: t, URL: s.taskURL(r.Hub, t.TaskID), Logs: s.logLinks(r.Hub, t), Guilty: t.TaskID == r.FaultTaskID}
		if !t.Finished.IsZero() {
			task.Took = duration(t.Finished.Sub(t.Started))
		}
		v.Tasks = append(v.Tasks, task)
	}
	var trigger koschei.Priority
	if len(r.Trigger) > 0 && json.Unmarshal(r.Trigger, &trigger) == nil {
		v.Trigger = triggerNote(&trigger)
	}
	v.DepsNote = depsNote(r)
	return v
}

func depsNote(r *postgres.BuildRecord) string {
	switch {
	case r.Deps == koschei.DepsPending && !r.Outcome.Ended():
		return "Its dependencies are looked at when Koji has told its repo."
	case r.Deps == koschei.DepsPending:
		return "Its dependencies have not been looked at yet."
	case r.Deps == koschei.DepsUnresolved:
		return "Its dependencies could not be resolved in its repo."
	case r.Deps == koschei.DepsUnavailable:
		return "Its dependencies are not known: its repo was gone before it was looked at."
	case r.Deps == koschei.DepsForgotten:
		return "What it was built with is not known: the Koschei it was taken over from did not keep it."
	case r.PrevBuildID == 0 && len(r.Changes) == 0:
		return "There is no earlier build to compare its dependencies with."
	case len(r.Changes) == 0:
		return "No dependency changed since the build before."
	}
	return ""
}

// A buildPageView is the page of one build.
type buildPageView struct {
	layout
	Name       string
	Collection koschei.Collection
	Build      *buildView
	Repo       koschei.Repo
	Compared   *postgres.BuildRef // nil if there is nothing to compare with
	Chosen     bool               // whether the reader chose Compared
	Sets       changesView        // from Compared's to Build's
	SetNote    string             // why there are no Sets, "" if there are
	Set        []koschei.Dependency
	Newer      *postgres.BuildRef
}

// Build shows one build.
func (s *Site) Build(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return fmt.Errorf("there is no build %q: %w", r.PathValue("id"), koschei.ErrNotFound)
	}
	var compareWith int64
	if text := r.URL.Query().Get("compare"); text != "" {
		if compareWith, err = strconv.ParseInt(text, 10, 64); err != nil || compareWith <= 0 {
			return fmt.Errorf("build %q to compare with is not a number: %w", text, koschei.ErrInvalid)
		}
	}
	f, err := s.frame(r, "packages", "")
	if err != nil {
		return err
	}
	page, err := s.db.BuildPage(r.Context(), id, compareWith)
	switch {
	case errors.Is(err, koschei.ErrNotFound) && compareWith != 0:
		return fmt.Errorf("there is no build %d, or no build %d of the same package whose dependencies are known: %w", id, compareWith, koschei.ErrNotFound)
	case errors.Is(err, koschei.ErrNotFound):
		return fmt.Errorf("there is no build %d: %w", id, koschei.ErrNotFound)
	case err != nil:
		return err
	}
	c := f.collectionByID(page.CollectionID)
	if c == nil {
		return fmt.Errorf("build %d is of a collection that is gone: %w", id, koschei.ErrNotFound)
	}
	f.focus(*c)
	view := buildPageView{
		layout: f.layout, Name: page.PackageName, Collection: c.Collection, Build: s.buildView(&page.BuildRecord),
		Repo: page.Repo, Compared: page.Compared.Build, Chosen: compareWith != 0, Set: page.Set, Newer: page.Newer,
	}
	view.Title = fmt.Sprintf("%s-%s, build %d", page.PackageName, page.EVR, id)
	if page.Deps == koschei.DepsResolved && page.Compared.Build != nil {
		view.Sets = changesOf(koschei.DiffDependencies(page.Compared.Set, page.Set))
	} else {
		view.SetNote = cmp.Or(view.Build.DepsNote, "Since the build before, of which it is not known any more what it was built with:")
	}
	return s.render(w, http.StatusOK, "build", &view)
}
