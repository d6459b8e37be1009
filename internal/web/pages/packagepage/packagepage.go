// Package packagepage shows one package in one collection: its state, why it
// is built or not, what changed since its last build, and its history.
package packagepage

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/explain"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

// Config is what the page depends on besides the record.
type Config struct {
	Rules   koschei.PriorityRules
	Links   html.Links
	PerPage int           // entries of history
	Clock   koschei.Clock // only its speed counts
}

type pages struct {
	Config
	page html.Page[content]
}

// Routes are the addresses of packages.
func Routes(t *html.Templates, c Config) []web.Route {
	folder := t.Folder("packagepage", files)
	p := &pages{c, html.Whole[content](folder, "package.html")}
	return []web.Route{{
		Method: http.MethodGet, Pattern: "/package/{name}", Handler: p.show, Access: web.Public, Errors: web.HTML, Label: "package", Frame: true,
	}}
}

// A content is the page of one package in one collection.
type content struct {
	html.Layout
	Name       string
	Collection string // as people call it
	Tabs       []tab  // all collections that have the package, and this one
	Groups     []string

	Package      *packageView // nil, and nothing below is set, if the collection does not have it
	Fresh        html.Fresh
	Repos        int  // looked at since the one of Before
	Awaited      bool // the last build was not taken into account yet
	Verdict      verdictView
	LastSuccess  *html.BuildRef // nil if there is none
	FirstFailure *html.BuildRef // after LastSuccess; nil if there is none
	Before       *html.BuildRef // what Changes are compared with; nil if there is nothing
	BeforeNote   string         // why Before is not the last build
	Changes      html.Changes
	ChangesNote  string // a sentence where there are none
	Why          whyView
	History      []historyRow
	Older        string // address of what came before History, "" if nothing did
	Newest       string // address of the newest history, "" if it is what is shown
}

// A packageView is the package itself.
type packageView struct {
	State          koschei.State
	Tracked        bool
	SkipResolution bool
	ArchOverride   string
}

// A tab leads to the package in a collection.
type tab struct {
	DisplayName string
	URL         string
	State       koschei.State // "" where the collection does not have it
	Since       time.Time
	Chosen      bool
}

// A historyRow is a build or a transition.
type historyRow struct {
	Build      *html.Build
	Transition *transition
}

// A transition tells that from one repo on the package's dependencies could be
// installed, or could not.
type transition struct {
	RepoID   int64
	Resolved bool
	Again    bool // whether it could not be installed before
	Problems []string
	Changed  time.Time
}

// show shows a package in the first of the current collections.
func (p *pages) show(r *web.Request) (web.Answer, error) {
	name := r.PathValue("name")
	if len(r.Current) == 0 {
		return web.Answer{}, fmt.Errorf("there is no package named %q, nor any collection: %w", name, koschei.ErrNotFound)
	}
	var form historyForm
	if err := r.Read(&form); err != nil {
		return web.Answer{}, err
	}
	c := &r.Current[0]
	page, err := r.View.PackagePage(r.Context(), name, c.ID, form.query(p.PerPage))
	if errors.Is(err, koschei.ErrNotFound) {
		return web.Answer{}, fmt.Errorf("there is no package named %q: %w", name, koschei.ErrNotFound)
	}
	if err != nil {
		return web.Answer{}, err
	}
	v := content{Layout: r.Layout("packages", name), Name: name, Collection: c.DisplayName, Tabs: tabs(r, page, c.ID)}
	r.About(&v.Layout, c)
	r.Switch(&v.Layout, func(collection string) string { return html.PackageURL(name, collection) })
	for _, g := range page.Groups {
		v.Groups = append(v.Groups, g.Name)
	}
	if page.Package != nil {
		p.fill(&v, page, &c.Collection, r.Now)
		v.Older, v.Newest = historyLinks(r.Address(), page)
	}
	return web.Page(p.page, &v)
}

// A historyForm says which part of a history is asked for.
type historyForm struct {
	LastSeen   string `form:"last_seen"`    // only what came before this event
	LastSeenTS string `form:"last_seen_ts"` // only what came before this time

	event int64
	time  time.Time
}

// maxTimestamp is the end of the year 9999.
const maxTimestamp = 253402300799

// Validate implements web.Form.
func (f *historyForm) Validate() (err error) {
	if f.LastSeen != "" {
		if f.event, err = strconv.ParseInt(f.LastSeen, 10, 64); err != nil || f.event < 1 {
			return fmt.Errorf("last_seen %q is not the number of an event: %w", f.LastSeen, koschei.ErrInvalid)
		}
	}
	if f.LastSeenTS != "" {
		seconds, err := strconv.ParseInt(f.LastSeenTS, 10, 64)
		if err != nil || seconds < 0 || seconds > maxTimestamp {
			return fmt.Errorf("last_seen_ts %q is not a time in seconds since 1970: %w", f.LastSeenTS, koschei.ErrInvalid)
		}
		f.time = time.Unix(seconds, 0)
	}
	return nil
}

func (f *historyForm) query(limit int) view.HistoryQuery {
	return view.HistoryQuery{Limit: limit, BeforeEvent: f.event, Before: f.time}
}

func historyLinks(a html.Address, page *view.PackagePage) (older, newest string) {
	if page.More {
		last := page.History[len(page.History)-1].Event
		older = a.Set(map[string]string{"last_seen": strconv.FormatInt(last, 10), "last_seen_ts": "", "page": ""})
	}
	if a.Query.Has("last_seen") || a.Query.Has("last_seen_ts") {
		newest = a.Set(map[string]string{"last_seen": "", "last_seen_ts": "", "page": ""})
	}
	return older, newest
}

func tabs(r *web.Request, page *view.PackagePage, chosen int64) []tab {
	there := map[int64]tab{}
	for _, o := range page.Others {
		there[o.CollectionID] = tab{State: o.State, Since: o.Since}
	}
	if p := page.Package; p != nil {
		there[chosen] = tab{State: p.State(), Since: p.StateSince}
	}
	var shown []tab
	for _, c := range r.All {
		t, ok := there[c.ID]
		if ok || c.ID == chosen {
			t.DisplayName, t.URL, t.Chosen = c.DisplayName, html.PackageURL(page.Name, c.Name), c.ID == chosen
			shown = append(shown, t)
		}
	}
	return shown
}

func (p *pages) fill(v *content, page *view.PackagePage, c *koschei.Collection, now time.Time) {
	k := page.Package
	v.Package = &packageView{
		State: k.State(), Tracked: k.Tracked, SkipResolution: k.SkipResolution, ArchOverride: k.ArchOverride,
	}
	v.Fresh = html.FreshOf(&page.Repos.Fresh, now, p.Clock)
	v.Repos, v.Awaited = page.Repos.Since, page.Repos.Awaited
	v.LastSuccess, v.FirstFailure, v.Before = web.RefOf(page.LastSuccess), web.RefOf(page.FirstFailure), web.RefOf(page.Before.Build)
	if v.Before != nil && k.LastCompleteBuildID != 0 && v.Before.ID != k.LastCompleteBuildID {
		v.BeforeNote = "It is not known what the last build was made with: Koji had deleted its repo, or it is not resolved yet. " +
			"Changes are counted from the last build of which it is known."
	}
	var changes []koschei.Change
	changes, v.ChangesNote = changesNow(page)
	v.Changes = html.ChangesOf(changes)
	v.Why = whyOf(explain.Package(p.Rules, k, c, page.Repos.Fresh.Report(koschei.ServiceScheduler), now), k, len(changes), now)
	v.Verdict = verdictOf(page, changes, now)
	v.History = p.history(page)
	if v.Package.State == koschei.StateFailing {
		v.Verdict.Stopped = stopped(v.History)
	}
}

// stopped is the task that brought the newest failure down, nil if that is not
// known.
func stopped(rows []historyRow) *html.Task {
	for _, row := range rows {
		if row.Build == nil || row.Build.Outcome != koschei.OutcomeFailed {
			continue
		}
		for i := range row.Build.Tasks {
			if row.Build.Tasks[i].Guilty {
				return &row.Build.Tasks[i]
			}
		}
		return nil
	}
	return nil
}

// history shows builds and transitions, newest first.
func (p *pages) history(page *view.PackagePage) (rows []historyRow) {
	for i, e := range page.History {
		var row historyRow
		if e.Build != nil {
			row.Build = web.BuildOf(e.Build, p.Links)
		}
		if t := e.Transition; t != nil {
			before := slices.ContainsFunc(page.History[i+1:], func(e view.HistoryEntry) bool { return e.Transition != nil && !e.Transition.Resolved })
			row.Transition = &transition{RepoID: t.RepoID, Resolved: t.Resolved, Again: before, Problems: t.Problems, Changed: t.Changed}
		}
		rows = append(rows, row)
	}
	return rows
}

// changesNow is what a build now would get other than the last one whose
// dependencies are known, or a sentence on why there is nothing.
func changesNow(page *view.PackagePage) (changes []koschei.Change, note string) {
	switch {
	case page.Before.Build == nil:
		return nil, "There is no build whose dependencies are known, so there is nothing to compare with."
	case page.Package.Resolution == koschei.Unresolved:
		return nil, "Its dependencies cannot be installed now, so there is nothing to compare."
	case len(page.Now.Set) == 0:
		return nil, "Its dependencies were not resolved in the latest repo yet."
	}
	if changes = koschei.DiffDependencies(page.Before.Set, page.Now.Set); len(changes) == 0 {
		return nil, "None: a build now would get the same packages."
	}
	return changes, ""
}
