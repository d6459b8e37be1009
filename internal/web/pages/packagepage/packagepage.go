// Package packagepage shows one package in one collection: its state, why it
// is built or not, what changed since its last build, and its history.
package packagepage

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
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
	PerPage int // entries of history

	Bugzilla string // address of the Bugzilla that bugs are reported to, without a slash at the end; "" if they are not
	Address  string // of this site, without a slash at the end; "" if that is not known
}

type pages struct {
	Config
	page    html.Page[content]
	missing html.Page[missing]
}

// Routes are the addresses of packages.
func Routes(t *html.Templates, c Config) []web.Route {
	folder := t.Folder("packagepage", files)
	p := &pages{c, html.Whole[content](folder, "package.html"), html.Whole[missing](folder, "missing.html")}
	return []web.Route{
		web.PublicPage("/package/{name}", "package", p.show, web.UntilChanged),
		web.PublicPage("/bugreport/{name}", "bug report", p.report, ""),
	}
}

// A content is the page of one package in one collection.
type content struct {
	html.Layout
	Name       string
	Collection string // as people call it
	Tabs       []tab  // all collections that have the package, and this one
	Groups     []string

	Package     *packageView // nil, and nothing below is set, if the collection does not have it
	Verdict     verdictView
	Excerpt     *html.Excerpt // of the log of the last failure; nil if nothing is kept
	Report      string        // address to report a bug at, "" where nobody takes one
	Chart       *chart        // nil if there is nothing to draw
	Rows        []row         // history, newest first
	Older       string        // address of what came before Rows, "" if nothing did
	Newest      string        // address of the newest history, "" if it is what is shown
	Why         whyView
	Before      *html.BuildRef // what Changes are compared with; nil if there is nothing
	BeforeNote  string         // why Before is not the last build
	Changes     html.Changes
	ChangesNote string     // a sentence where there are none
	Times       []archTime // how long builds take
}

// A packageView is the package itself.
type packageView struct {
	State          koschei.State
	Tracked        bool
	SkipResolution bool
	ArchOverride   string
	StaticPriority string // "" if there is none
}

// A tab leads to the package in a collection.
type tab struct {
	DisplayName string
	URL         string
	State       koschei.State // "" where the collection does not have it
	Since       time.Time
	Chosen      bool
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
	page, err := r.View.Packages.Page(r.Context(), name, c.ID, form.query(p.PerPage))
	if errors.Is(err, koschei.ErrNotFound) {
		return p.nothing(r, name)
	}
	if err != nil {
		return web.Answer{}, err
	}
	v := content{Layout: r.Layout("packages", name), Name: name, Collection: c.DisplayName, Tabs: tabs(r, page, c.ID)}
	r.About(&v.Layout, c)
	r.Switch(&v.Layout, func(collection string) string { return html.PackageURL(name, collection) })
	v.About = name
	v.Feeds = append(v.Feeds, html.Feed{Title: "The package " + name, URL: "/feed/package/" + html.Segment(name)})
	v.Groups = page.Groups
	if page.Package != nil {
		p.fill(&v, r, page, c)
		if err := v.readExcerpt(r, page); err != nil {
			return web.Answer{}, err
		}
		v.Older, v.Newest = historyLinks(r.Address(), page)
	}
	return web.Page(p.page, &v)
}

// A missing is the page of a name that no package has.
type missing struct {
	html.Layout
	Name string
	Near []tab // packages that are spelled nearly so
}

// nothing says that no package is called so, and which ones nearly are.
func (p *pages) nothing(r *web.Request, name string) (web.Answer, error) {
	near, err := r.View.Packages.NearNames(r.Context(), name)
	if err != nil {
		return web.Answer{}, err
	}
	v := missing{Layout: r.Layout("packages", "No such package"), Name: name}
	for _, n := range near {
		v.Near = append(v.Near, tab{DisplayName: n, URL: html.PackageURL(n, r.Scope())})
	}
	answer, err := web.Page(p.missing, &v)
	answer.Status = http.StatusNotFound
	return answer, err
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
	return view.HistoryQuery{Limit: limit, BeforeEvent: f.event, Before: f.time, Changes: shownChanges}
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

func (p *pages) fill(v *content, r *web.Request, page *view.PackagePage, c *view.FrameCollection) {
	k, fresh := page.Package, r.Fresh(c)
	v.Package = &packageView{State: k.State(), Tracked: k.Tracked, SkipResolution: k.SkipResolution, ArchOverride: k.ArchOverride}
	if k.StaticPriority != 0 {
		v.Package.StaticPriority = html.Count(k.StaticPriority)
	}
	v.Before = web.RefOf(page.Before)
	if v.Before != nil && k.LastCompleteBuildID != 0 && v.Before.ID != k.LastCompleteBuildID {
		v.BeforeNote = "It is not known what the last build was made with: Koji had deleted its repo, or it is not resolved yet. " +
			"Changes are counted from the last build of which it is known."
	}
	v.Changes, v.ChangesNote = html.ChangesOf(page.Changes.List), changesNote(page)
	v.Why = whyOf(explain.Package(p.Rules, k, &c.Collection, fresh.Report(koschei.ServiceScheduler), r.Now), k, len(page.Changes.List), r.Now)
	v.Verdict = verdictOf(page, c.Name, r.Now)
	v.Verdict.Troubles = fresh.Troubles()
	v.Rows = rows(page, p.Links)
	if v.Package.State == koschei.StateFailing {
		v.Verdict.Stopped = stopped(v.Rows)
	}
	if p.Bugzilla != "" && c.BugzillaProduct != "" && c.BugzillaVersion != "" && reportable(k) {
		v.Report = html.InCollection("/bugreport/"+html.Segment(v.Name), c.Name)
	}
	v.Chart, v.Times = chartOf(page, v.Name), timesOf(page.History)
}

// shownLines are how many lines of a log a verdict shows.
const shownLines = 8

// readExcerpt adds what the log of the last failure tells.
func (v *content) readExcerpt(r *web.Request, page *view.PackagePage) error {
	k := page.Package
	if k.State() != koschei.StateFailing {
		return nil
	}
	failure, err := r.View.Builds.Failure(r.Context(), k.LastCompleteBuildID)
	if err != nil {
		return err
	}
	var logs []html.Log
	if v.Verdict.Stopped != nil {
		logs = v.Verdict.Stopped.Logs
	}
	if v.Excerpt = web.ExcerptOf(failure, k.LastCompleteBuildID, shownLines, logs); v.Excerpt != nil {
		v.Verdict.Stopped = nil // it says so
	}
	return nil
}

// stopped is the task that brought the newest failure down, nil if that is not
// known.
func stopped(rows []row) *html.Task {
	for _, r := range rows {
		if r.Mark.Shape == "bad" && r.ID != 0 {
			return r.More.Stopped
		}
	}
	return nil
}

// changesNote is why there are no changes to show, "" if there are.
func changesNote(page *view.PackagePage) string {
	switch {
	case page.Before == nil:
		return "There is no build whose dependencies are known, so there is nothing to compare with."
	case page.Package.Resolution == koschei.Unresolved:
		return "Its dependencies cannot be installed now, so there is nothing to compare."
	case !page.Changes.Known:
		return "Its dependencies were not resolved in the latest repo yet."
	case len(page.Changes.List) == 0:
		return "None: a build now would get the same packages."
	}
	return ""
}
