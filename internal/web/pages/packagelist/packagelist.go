// Package packagelist shows lists of packages: all of them, those found by
// name, and, for package grouppage, those of a group. A list is of one
// collection, with priorities, or of several side by side.
package packagelist

import (
	"embed"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

// Lists serves lists of packages. Its methods may be called at once.
type Lists struct {
	rules   koschei.PriorityRules
	perPage int
	one     html.Page[packagesView]
	several html.Page[unifiedView]
	totals  *totals
}

// New declares the templates of lists.
func New(t *html.Templates, rules koschei.PriorityRules, perPage int) *Lists {
	folder := t.Folder("packagelist", files)
	return &Lists{
		rules: rules, perPage: perPage, totals: newTotals(),
		one:     html.Whole[packagesView](folder, "packages.html", "head.html"),
		several: html.Whole[unifiedView](folder, "unified.html", "head.html"),
	}
}

// Routes are the addresses of lists.
func (l *Lists) Routes() []web.Route {
	return []web.Route{
		web.PublicPage("/packages", "packages", l.packages, web.UntilChanged),
		web.PublicPage("/search", "search", l.search, web.UntilChanged),
	}
}

// Front shows all packages of the current collections, as the first page may.
func (l *Lists) Front(r *web.Request) (web.Answer, error) {
	return l.Show(r, Wanted{Layout: r.Layout("packages", ""), Heading: "Package summary"})
}

// packages shows all packages of the current collections.
func (l *Lists) packages(r *web.Request) (web.Answer, error) {
	return l.Show(r, Wanted{Layout: r.Layout("packages", "Packages"), Heading: "Packages"})
}

// search shows the packages whose names contain what is asked for, or the one that
// is called so.
func (l *Lists) search(r *web.Request) (web.Answer, error) {
	var q searchForm
	if err := r.Read(&q); err != nil {
		return web.Answer{}, err
	}
	if q.Name == "" {
		return web.Redirect("/" + r.ScopeQuery()), nil
	}
	exact, err := r.View.Packages.Exists(r.Context(), q.Name)
	if err != nil {
		return web.Answer{}, err
	}
	if exact && !r.URL.Query().Has("page") && !r.URL.Query().Has("state") {
		return web.Redirect(html.PackageURL(q.Name, r.Scope())), nil
	}
	w := Wanted{Layout: r.Layout("packages", "Search for "+q.Name), Heading: "Packages named like “" + q.Name + "”", Fixed: true}
	w.Layout.Query, w.Filter.Match = q.Name, q.Name
	return l.Show(r, w)
}

// A Wanted is a list that is asked for.
type Wanted struct {
	Layout  html.Layout
	Heading string
	Facts   []html.Prose       // sentences below the heading
	Foot    []html.Prose       // sentences below the list
	Edit    string             // address where what is listed is changed, "" if nowhere
	Filter  view.PackageFilter // of all packages; what the request asks for is added
	Fixed   bool               // whether it is of no use to ask for a name or a group
}

// A list is a table of packages with what leads to other ones.
type list struct {
	html.Layout
	Heading string
	Facts   []html.Prose
	Foot    []html.Prose
	Edit    string
	Chips   []html.Choice // which states
	Filters bool          // whether a name and a group can be asked for
	Name    string        // that is asked for
	Group   string        // likewise
	Cause   string        // likewise
	Since   []choice      // times that can be asked for
	Hidden  []argument    // what a form keeps of the request
	Span    html.Pagination
	Columns []html.Column
	Empty   string     // why there is no row, if there is none
	Near    []argument // names that are spelled nearly so, with their addresses
	Clear   string     // address of the list with all rows, "" if it is this one
}

// A choice is one in a form.
type choice struct {
	Value, Text string
	Chosen      bool
}

// An argument is one of a request.
type argument struct{ Key, Value string }

// Show shows the packages of the current collections that w is about and the
// request asks for.
func (l *Lists) Show(r *web.Request, w Wanted) (web.Answer, error) {
	var asked listForm
	if err := r.Read(&asked); err != nil {
		return web.Answer{}, err
	}
	a := links{r.Address(), &asked}
	for _, c := range r.Current {
		w.Filter.Collections = append(w.Filter.Collections, c.ID)
	}
	w.Filter.Untracked, w.Filter.States, w.Filter.Running = asked.Untracked, asked.states, asked.Running
	if w.Filter.Match == "" {
		w.Filter.Match, w.Filter.Group = asked.Name, asked.Group
	}
	w.Filter.Since, w.Filter.Cause = asked.since(r.Now).Truncate(time.Minute), asked.cause()
	v := list{Layout: w.Layout, Heading: w.Heading, Facts: w.Facts, Foot: w.Foot, Edit: w.Edit, Name: asked.Name, Group: asked.Group, Cause: asked.Cause, Since: asked.periods(), Filters: !w.Fixed, Hidden: a.hidden()}
	v.Empty, v.Clear = emptiness(a, w.Filter.Match)
	if w.Filter.Match != "" {
		near, err := r.View.Packages.NearNames(r.Context(), w.Filter.Match)
		if err != nil {
			return web.Answer{}, err
		}
		for _, name := range near {
			v.Near = append(v.Near, argument{name, html.PackageURL(name, r.Scope())})
		}
	}
	if len(r.Current) == 1 {
		return l.showOne(r, a, v, w.Filter)
	}
	return l.showSeveral(r, a, v, w.Filter)
}

// A packagesView is a list of one collection.
type packagesView struct {
	list
	Rows       []packageRow
	Priorities bool // whether those are shown that are not due
}

// A packageRow is one package of a collection.
type packageRow struct {
	Name             string
	Collection       string
	What             string // why it is broken, in a line
	EVR              string // of its last complete build, "" if there is none
	State            koschei.State
	StateSince       time.Time
	Running          bool
	LastBuildID      int64 // 0 if there is none
	LastBuildStarted time.Time
	LastTaskID       int64  // of that build; 0 if there is none
	Priority         string // "" while it is not schedulable
	Due              bool
	Hold             string // why it is held, "" if it is not
	Obstacle         string // why there is no Priority
	Groups           []string
}

func (l *Lists) showOne(r *web.Request, a links, v list, filter view.PackageFilter) (web.Answer, error) {
	order := a.form.order("trouble")
	ranking := schema.Ranking{Rules: l.rules, Now: r.Now}
	packages, around, err := r.View.Packages.List(r.Context(), filter, order, a.form.span(l.perPage), ranking)
	if err != nil {
		return web.Answer{}, err
	}
	counted, err := l.totals.one(r.Context(), r.View, filter)
	if err != nil {
		return web.Answer{}, err
	}
	if v.Span, err = a.pagination(around, counted.total, l.perPage); err != nil {
		return web.Answer{}, err
	}
	v.Chips = stateChips(a, counted.counts, tracked(counted.counts))
	for _, col := range []struct{ text, key string }{
		{"Package", "name"},
		{"State", ""},
		{"Since", ""},
		{"What", ""},
		{"Version", ""},
		{"Last build", "started"},
		{"Priority", "current_priority"},
		{"Groups", ""},
	} {
		v.Columns = append(v.Columns, a.column(col.text, col.key, order))
	}
	v.Columns[6].Class = "num"
	contents := packagesView{list: v, Priorities: len(order) > 0 && order[0].Key == "current_priority"}
	for _, p := range packages {
		contents.Rows = append(contents.Rows, l.row(p, &r.Current[0].Collection, r.Now))
	}
	return web.Page(l.one, &contents)
}

func (l *Lists) row(p view.ListedPackage, c *koschei.Collection, now time.Time) packageRow {
	row := packageRow{
		Name: p.Name, Collection: c.Name, State: p.State(), StateSince: p.StateSince, Running: p.Running(), Groups: p.Groups,
		LastBuildID: p.LastBuildID, LastBuildStarted: p.LastBuildStarted, LastTaskID: p.LastTaskID,
	}
	if p.LastCompleteBuildID != 0 {
		row.EVR = p.EVR.String()
	}
	switch {
	case row.State == koschei.StateUnresolved && p.Unmet != "":
		row.What = "nothing provides " + p.Unmet
	case row.State == koschei.StateUnresolved:
		row.What = p.Reason
	case row.State == koschei.StateFailing:
		row.What = p.Fault
	}
	if obstacles := p.Obstacles(c); len(obstacles) > 0 {
		row.Obstacle = html.Sentence(string(obstacles[0]))
		return row
	}
	if p.HeldAt(now) {
		row.Hold = p.HoldReason
	}
	total := l.rules.Of(&p.PackageStatus, c, now).Total()
	row.Priority, row.Due = html.Points(total), total >= l.rules.BuildThreshold
	return row
}

// A unifiedView is a list of several collections.
type unifiedView struct {
	list
	Rows []unifiedRow
}

type unifiedRow struct {
	Name    string
	Running bool   // in any collection
	Cells   []cell // one for each collection that has any of the packages shown
	Groups  []string
}

// A cell is a package in one collection; State is "" where it is not.
type cell struct {
	Collection string // as people call it
	State      koschei.State
	URL        string
}

// sortableCollections bounds how many headings of a list are links: whoever uses the
// keyboard passes all of them before the first row.
const sortableCollections = 3

func (l *Lists) showSeveral(r *web.Request, a links, v list, filter view.PackageFilter) (web.Answer, error) {
	order := a.form.order("running,failing,name")
	packages, around, err := r.View.Packages.Unified(r.Context(), filter, collectionKeys(order, r), a.form.span(l.perPage))
	if err != nil {
		return web.Answer{}, err
	}
	total, err := l.totals.length(r.Context(), r.View, filter, len(packages) == 0)
	if err != nil {
		return web.Answer{}, err
	}
	if v.Span, err = a.pagination(around, total, l.perPage); err != nil {
		return web.Answer{}, err
	}
	states, err := l.totals.byState(r.Context(), r.View, filter)
	if err != nil {
		return web.Answer{}, err
	}
	v.Chips = stateChips(a, states.counts, states.tracked)
	v.Columns = append(v.Columns, a.column("Package", "", order), a.column("Running", "", order))
	shown := slices.DeleteFunc(slices.Clone(r.Current), func(c view.FrameCollection) bool {
		return !slices.ContainsFunc(packages, func(p view.UnifiedPackage) bool { return p.In[c.ID].State != "" })
	})
	for _, c := range shown {
		key := ""
		if len(shown) <= sortableCollections {
			key = "state-" + c.Name
		}
		v.Columns = append(v.Columns, a.column(c.DisplayName, key, order))
	}
	v.Columns = append(v.Columns, a.column("Groups", "", order))
	contents := unifiedView{list: v}
	for _, p := range packages {
		contents.Rows = append(contents.Rows, unified(p, shown))
	}
	return web.Page(l.several, &contents)
}

func unified(p view.UnifiedPackage, shown []view.FrameCollection) unifiedRow {
	row := unifiedRow{Name: p.Name, Groups: p.Groups}
	for _, c := range shown {
		in := p.In[c.ID]
		row.Cells = append(row.Cells, cell{c.DisplayName, in.State, html.PackageURL(p.Name, c.Name)})
		row.Running = row.Running || in.Running
	}
	return row
}

// collectionKeys puts ids for the names of collections in keys to sort by.
func collectionKeys(order view.ListOrder, r *web.Request) view.ListOrder {
	keys := slices.Clone(order)
	for i, k := range keys {
		if name, ok := strings.CutPrefix(k.Key, "state-"); ok {
			if c, err := r.Collection(name); err == nil {
				keys[i].Key = "state-" + strconv.FormatInt(c.ID, 10)
			}
		}
	}
	return keys
}
