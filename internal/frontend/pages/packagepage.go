package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A packageView is the page of one package in one collection.
type packageView struct {
	layout
	Name       string
	Collection postgres.FrameCollection
	Tabs       []elsewhereView // all collections that have the package, and this one
	Groups     []koschei.Group

	Package      *koschei.PackageStatus // nil, and nothing below is set, if the collection does not have it
	State        koschei.State
	Running      bool
	Repos        postgres.ReposBehind
	Fresh        freshView
	Now          postgres.ResolutionNow
	LastSuccess  *postgres.BuildRef
	FirstFailure *postgres.BuildRef
	Suspects     string             // address of what changed from LastSuccess to FirstFailure, "" if not known
	Before       *postgres.BuildRef // what Changes are compared with; nil if there is nothing
	BeforeNote   string             // why Before is not the last build
	Changes      changesView
	ChangesNote  string // a sentence where there are none
	Why          whyView
	History      []historyRow
	Older        string // address of what came before History, "" if nothing did
	Newest       string // address of the newest history, "" if it is what is shown
}

// An elsewhereView leads to the package in a collection.
type elsewhereView struct {
	DisplayName string
	URL         string
	State       koschei.State // "" where the collection does not have it
	Since       time.Time
	Chosen      bool
}

// A historyRow is a build or a transition.
type historyRow struct {
	Build      *buildView
	Transition *postgres.ResolutionTransition
}

// Package shows one package in the first of the current collections.
func (s *Site) Package(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	f, err := s.frame(r, "packages", name)
	if err != nil {
		return err
	}
	if len(f.Current) == 0 {
		return fmt.Errorf("there is no package named %q, nor any collection: %w", name, koschei.ErrNotFound)
	}
	hq, err := s.historyQuery(r.URL.Query())
	if err != nil {
		return err
	}
	c := f.Current[0]
	page, err := s.db.PackagePage(r.Context(), name, c.ID, hq)
	if errors.Is(err, koschei.ErrNotFound) {
		return fmt.Errorf("there is no package named %q: %w", name, koschei.ErrNotFound)
	}
	if err != nil {
		return err
	}
	f.focus(c)
	view := packageView{layout: f.layout, Name: name, Collection: c, Groups: page.Groups}
	view.Tabs = elsewhere(f, page, c.ID)
	if page.Package != nil {
		s.fillPackage(&view, page)
		view.Older, view.Newest = historyLinks(r.URL, page)
	}
	return s.render(w, http.StatusOK, "package", &view)
}

func (s *Site) historyQuery(q url.Values) (postgres.HistoryQuery, error) {
	hq := postgres.HistoryQuery{Limit: s.config.BuildsPerPage}
	if text := q.Get("last_seen"); text != "" {
		event, err := strconv.ParseInt(text, 10, 64)
		if err != nil || event < 1 {
			return hq, fmt.Errorf("last_seen %q is not the number of an event: %w", text, koschei.ErrInvalid)
		}
		hq.BeforeEvent = event
	}
	if text := q.Get("last_seen_ts"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds < 0 || seconds > maxTimestamp {
			return hq, fmt.Errorf("last_seen_ts %q is not a time in seconds since 1970: %w", text, koschei.ErrInvalid)
		}
		hq.Before = time.Unix(seconds, 0)
	}
	return hq, nil
}

// maxTimestamp is the end of the year 9999.
const maxTimestamp = 253402300799

func historyLinks(u *url.URL, page *postgres.PackagePage) (older, newest string) {
	l := listLinks{path: u.EscapedPath(), query: u.Query()}
	if page.More {
		last := page.History[len(page.History)-1].Event
		older = l.set(map[string]string{"last_seen": strconv.FormatInt(last, 10), "last_seen_ts": ""})
	}
	if l.query.Has("last_seen") || l.query.Has("last_seen_ts") {
		newest = l.without("last_seen", "last_seen_ts")
	}
	return older, newest
}

func elsewhere(f *frame, page *postgres.PackagePage, chosen int64) []elsewhereView {
	there := map[int64]postgres.StateElsewhere{}
	for _, o := range page.Others {
		there[o.CollectionID] = o
	}
	if p := page.Package; p != nil {
		there[chosen] = postgres.StateElsewhere{StateInside: postgres.StateInside{State: p.State(), Running: p.Running()}, Since: p.StateSince}
	}
	var tabs []elsewhereView
	for _, c := range f.All {
		o, ok := there[c.ID]
		if ok || c.ID == chosen {
			tabs = append(tabs, elsewhereView{c.DisplayName, packageURL(page.Name, c.Name), o.State, o.Since, c.ID == chosen})
		}
	}
	return tabs
}

func (s *Site) fillPackage(v *packageView, page *postgres.PackagePage) {
	p := page.Package
	v.Package, v.State, v.Running = p, p.State(), p.Running()
	v.Repos, v.Fresh, v.Now = page.Repos, s.fresh(page.Repos.Fresh), page.Now
	v.LastSuccess, v.FirstFailure, v.Before = page.LastSuccess, page.FirstFailure, page.Before.Build
	if v.FirstFailure != nil && v.LastSuccess != nil && v.FirstFailure.DepsKnown() && v.LastSuccess.DepsKnown() {
		v.Suspects = fmt.Sprintf("/build/%d?compare=%d", v.FirstFailure.ID, v.LastSuccess.ID)
	}
	if v.Before != nil && p.LastCompleteBuildID != 0 && v.Before.ID != p.LastCompleteBuildID {
		v.BeforeNote = "It is not known what the last build was made with: Koji had deleted its repo, or it is not resolved yet. " +
			"Changes are counted from the last build of which it is known."
	}
	var changes []koschei.Change
	switch {
	case v.Before == nil:
		v.ChangesNote = "There is no build whose dependencies are known, so there is nothing to compare with."
	case p.Resolution == koschei.Unresolved:
		v.ChangesNote = "Its dependencies cannot be installed now, so there is nothing to compare."
	case len(page.Now.Set) == 0:
		v.ChangesNote = "Its dependencies were not resolved in the latest repo yet."
	default:
		if changes = koschei.DiffDependencies(page.Before.Set, page.Now.Set); len(changes) == 0 {
			v.ChangesNote = "None: a build now would get the same packages."
		}
	}
	v.Changes = changesOf(changes)
	v.Why = s.why(p, &v.Collection.Collection, len(changes), page.Repos.Fresh.Report(koschei.ServiceScheduler))
	for _, e := range page.History {
		row := historyRow{Transition: e.Transition}
		if e.Build != nil {
			row.Build = s.buildView(e.Build)
		}
		v.History = append(v.History, row)
	}
}
