package pages

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A listing is a table of packages: all of them, a group's, or those found.
type listing struct {
	layout
	Heading     string
	Facts       []string // sentences below the heading
	Links       listLinks
	Switch      []choice // which collections
	Chips       []choice // which states
	Untracked   choice
	First, Last int // of the packages shown, by number; 1 and 0 if there are none
	Total       int
	Pages       []choice
	Columns     []column
}

// A packagesView is a listing of one collection.
type packagesView struct {
	listing
	Rows []packageRow
}

// A packageRow is one package of a collection.
type packageRow struct {
	postgres.ListedPackage
	Collection string
	TaskURL    string // "" if there is no task or no address for it
	Priority   string // "" while it is not schedulable
	Due        bool
	Held       bool
	Obstacle   string // why there is no Priority
}

// A unifiedView is a listing of several collections.
type unifiedView struct {
	listing
	Rows []unifiedRow
}

type unifiedRow struct {
	postgres.UnifiedPackage
	Cells []unifiedCell // one for each collection that has any of the packages shown
}

// A unifiedCell is a package in one collection; State is "" where it is not.
type unifiedCell struct {
	postgres.StateInside
	URL string
}

// A choice is a link that changes one thing of the listing.
type choice struct {
	Text   string
	Class  string
	Count  string // "" where nothing was counted
	URL    string
	Chosen bool
}

// A column is a heading that sorts.
type column struct {
	Text string
	URL  string // "" for what cannot be sorted by
	Sort string // "ascending", "descending" or ""
}

// Packages shows all packages of the current collections.
func (s *Site) Packages(w http.ResponseWriter, r *http.Request) error {
	f, err := s.frame(r, "packages", "Packages")
	if err != nil {
		return err
	}
	return s.list(w, r, f, listing{Heading: "Packages"}, postgres.PackageFilter{})
}

// Search shows the packages whose names contain what is asked for.
func (s *Site) Search(w http.ResponseWriter, r *http.Request) error {
	wanted := strings.TrimSpace(r.URL.Query().Get("q"))
	if wanted == "" {
		http.Redirect(w, r, "/", http.StatusFound)
		return nil
	}
	if len(wanted) > maxName {
		return fmt.Errorf("no package has a name of more than %d characters: %w", maxName, koschei.ErrInvalid)
	}
	f, err := s.frame(r, "packages", "Search for "+wanted)
	if err != nil {
		return err
	}
	f.Query = wanted
	l := listing{Heading: "Packages named like “" + wanted + "”"}
	return s.list(w, r, f, l, postgres.PackageFilter{Match: wanted})
}

// maxName is the length of the longest name, as koschei.ValidateName has it.
const maxName = 255

// list shows the packages of the current collections that filter lets through
// and the request asks for.
func (s *Site) list(w http.ResponseWriter, r *http.Request, f *frame, l listing, filter postgres.PackageFilter) error {
	asked, err := readListQuery(r.URL)
	if err != nil {
		return err
	}
	l.layout, l.Links = f.layout, asked
	for _, c := range f.Current {
		filter.Collections = append(filter.Collections, c.ID)
	}
	filter.Untracked, filter.States, filter.Running = asked.untracked, asked.states, asked.running
	l.Switch = collectionSwitch(f, asked)
	l.Untracked = choice{Text: "with untracked", URL: asked.with("untracked", toggled(asked.untracked)), Chosen: asked.untracked}
	if len(f.Current) == 1 {
		return s.packageList(r.Context(), w, f, l, filter)
	}
	return s.unifiedList(r.Context(), w, f, l, filter)
}

func toggled(on bool) string {
	if on {
		return ""
	}
	return "1"
}

func (s *Site) packageList(ctx context.Context, w http.ResponseWriter, f *frame, l listing, filter postgres.PackageFilter) error {
	c, now := &f.Current[0], s.now()
	order := l.Links.order("running,state,name")
	packages, total, counts, err := s.db.PackageList(ctx, filter, order, l.Links.span(s.config.PackagesPerPage), postgres.Ranking{Rules: s.rules, Now: now})
	if err != nil {
		return err
	}
	if err := l.count(total, s.config.PackagesPerPage); err != nil {
		return err
	}
	l.Chips = stateChips(l.Links, counts)
	for _, col := range []struct{ text, key string }{
		{"Package", "name"},
		{"State", "state"},
		{"Since", "since"},
		{"Running", "running"},
		{"Last build", "task_id"},
		{"Started", "started"},
		{"Priority", "current_priority"},
		{"Groups", ""},
	} {
		l.Columns = append(l.Columns, l.Links.column(col.text, col.key, order))
	}
	view := packagesView{listing: l}
	for _, p := range packages {
		view.Rows = append(view.Rows, s.packageRow(p, c, now))
	}
	return s.render(w, http.StatusOK, "packages", &view)
}

func (s *Site) packageRow(p postgres.ListedPackage, c *postgres.FrameCollection, now time.Time) packageRow {
	row := packageRow{ListedPackage: p, Collection: c.Name, TaskURL: s.taskURL(p.LastHub, p.LastTaskID)}
	if obstacles := p.Obstacles(&c.Collection); len(obstacles) > 0 {
		row.Obstacle = sentence(string(obstacles[0]))
		return row
	}
	total := s.rules.Of(&p.PackageStatus, &c.Collection, now).Total()
	row.Priority, row.Due, row.Held = points(total), total >= s.rules.BuildThreshold, p.HeldAt(now)
	return row
}

func (s *Site) unifiedList(ctx context.Context, w http.ResponseWriter, f *frame, l listing, filter postgres.PackageFilter) error {
	order := l.Links.order("running,failing,name")
	span := l.Links.span(s.config.PackagesPerPage)
	packages, err := s.db.UnifiedPackageList(ctx, filter, collectionKeys(order, f), span)
	if err != nil {
		return err
	}
	total, err := s.totals.of(ctx, s.db, filter, len(packages) == 0)
	if err != nil {
		return err
	}
	if len(packages) > 0 {
		total = max(total, span.Offset+len(packages)) // it may have grown since it was counted
	}
	if err := l.count(total, s.config.PackagesPerPage); err != nil {
		return err
	}
	l.Chips = stateChips(l.Links, postgres.PackageCounts{})
	l.Columns = append(l.Columns, l.Links.column("Package", "name", order), l.Links.column("Running", "running", order))
	shown := slices.DeleteFunc(slices.Clone(f.Current), func(c postgres.FrameCollection) bool {
		return !slices.ContainsFunc(packages, func(p postgres.UnifiedPackage) bool { return p.In[c.ID].State != "" })
	})
	for _, c := range shown {
		l.Columns = append(l.Columns, l.Links.column(c.DisplayName, "state-"+c.Name, order))
	}
	l.Columns = append(l.Columns, l.Links.column("Groups", "", order))
	view := unifiedView{listing: l}
	for _, p := range packages {
		row := unifiedRow{UnifiedPackage: p}
		for _, c := range shown {
			row.Cells = append(row.Cells, unifiedCell{p.In[c.ID], packageURL(p.Name, c.Name)})
		}
		view.Rows = append(view.Rows, row)
	}
	return s.render(w, http.StatusOK, "unified", &view)
}

// Running says whether a build is running in any collection.
func (r unifiedRow) Running() bool {
	return slices.ContainsFunc(r.Cells, func(c unifiedCell) bool { return c.Running })
}

// collectionKeys puts ids for the names of collections in keys to sort by.
func collectionKeys(order postgres.ListOrder, f *frame) postgres.ListOrder {
	keys := slices.Clone(order)
	for i, k := range keys {
		if name, ok := strings.CutPrefix(k.Key, "state-"); ok {
			if c := f.collection(name); c != nil {
				keys[i].Key = "state-" + strconv.FormatInt(c.ID, 10)
			}
		}
	}
	return keys
}

// collectionSwitch offers each collection on its own, and all.
func collectionSwitch(f *frame, asked listLinks) []choice {
	if len(f.All) < 2 {
		return nil
	}
	choices := []choice{{Text: "All", URL: asked.with("collection", ""), Chosen: len(f.Current) == len(f.All)}}
	for _, c := range f.All {
		chosen := len(f.Current) == 1 && f.Current[0].ID == c.ID
		choices = append(choices, choice{Text: c.DisplayName, URL: asked.with("collection", c.Name), Chosen: chosen})
	}
	return choices
}

// stateChips offers each state that packages are in, and running ones. Where
// nothing was counted it offers all.
func stateChips(asked listLinks, counts postgres.PackageCounts) []choice {
	all := 0
	for _, n := range counts.ByState {
		all += n
	}
	number := func(n int) string {
		if counts.ByState == nil {
			return ""
		}
		return count(n)
	}
	chips := []choice{{Text: "all", Count: number(all), URL: asked.without("state", "running"), Chosen: len(asked.states) == 0 && !asked.running}}
	for _, state := range listedStates() {
		if state == koschei.StateUntracked && !asked.untracked {
			continue
		}
		if n := counts.ByState[state]; n > 0 || counts.ByState == nil || slices.Contains(asked.states, state) {
			chips = append(chips, choice{
				Text: string(state), Class: "s-" + string(state), Count: number(n),
				URL:    asked.set(map[string]string{"state": string(state), "running": ""}),
				Chosen: slices.Equal(asked.states, []koschei.State{state}),
			})
		}
	}
	return append(chips, choice{
		Text: "running", Class: "s-running", Count: number(counts.Running),
		URL: asked.set(map[string]string{"state": "", "running": "1"}), Chosen: asked.running,
	})
}

// listedStates are those a listed package can be in, in the order of chips.
func listedStates() []koschei.State {
	return []koschei.State{koschei.StateFailing, koschei.StateUnresolved, koschei.StateOK, koschei.StateUnknown, koschei.StateUntracked}
}

// count makes what is told about the page that is shown of total packages.
func (l *listing) count(total, perPage int) error {
	last := max(1, (total+perPage-1)/perPage)
	page := l.Links.page
	if page > last {
		return fmt.Errorf("there is no page %d, the last one is %d: %w", page, last, koschei.ErrNotFound)
	}
	l.Total, l.First, l.Last = total, (page-1)*perPage+1, min(page*perPage, total)
	if last == 1 {
		return nil
	}
	add := func(text string, n int) {
		url := l.Links.with("page", strconv.Itoa(n))
		l.Pages = append(l.Pages, choice{Text: text, URL: url, Chosen: text != "previous" && text != "next" && n == page})
	}
	if page > 1 {
		add("previous", page-1)
	}
	for n := 1; n <= last; n++ {
		switch {
		case n == 1 || n == last || n >= page-2 && n <= page+2:
			add(strconv.Itoa(n), n)
		case n == 2 || n == last-1:
			l.Pages = append(l.Pages, choice{Text: "…"})
		}
	}
	if page < last {
		add("next", page+1)
	}
	return nil
}

// listLinks is what a request asks of a listing, and makes links to others.
type listLinks struct {
	path      string
	query     url.Values
	page      int
	untracked bool
	running   bool
	states    []koschei.State
}

// readListQuery reads what all listings understand.
func readListQuery(u *url.URL) (listLinks, error) {
	q := u.Query()
	l := listLinks{path: u.Path, query: q, page: 1, untracked: q.Get("untracked") == "1", running: q.Get("running") == "1"}
	if text := q.Get("page"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return l, fmt.Errorf("page %q is not a number: %w", text, koschei.ErrInvalid)
		}
		if n < 1 || n > maxPage {
			return l, fmt.Errorf("there is no page %d: %w", n, koschei.ErrNotFound)
		}
		l.page = n
	}
	for state := range strings.SplitSeq(q.Get("state"), ",") {
		switch {
		case state == "":
		case slices.Contains(listedStates(), koschei.State(state)):
			l.states = append(l.states, koschei.State(state))
			l.untracked = l.untracked || koschei.State(state) == koschei.StateUntracked
		default:
			return l, fmt.Errorf("there is no state %q, packages are failing, unresolved, ok, unknown or untracked: %w", state, koschei.ErrInvalid)
		}
	}
	return l, nil
}

// maxPage keeps offsets far from overflowing.
const maxPage = 1_000_000

func (l listLinks) span(perPage int) postgres.Span {
	return postgres.Span{Limit: perPage, Offset: (l.page - 1) * perPage}
}

// order is what the request sorts by. Without a wish, those with a problem are
// sorted by when it came up, anything else as usual says.
func (l listLinks) order(usual string) postgres.ListOrder {
	text := l.query.Get("order_by")
	if text == "" && len(l.states) > 0 {
		text = "since,name"
	}
	if text == "" {
		text = usual
	}
	var order postgres.ListOrder
	for key := range strings.SplitSeq(text, ",") {
		name, reverse := strings.CutPrefix(strings.TrimSpace(key), "-")
		if name != "" && len(order) < maxOrderKeys {
			order = append(order, postgres.OrderKey{Key: name, Reverse: reverse})
		}
	}
	return order
}

// maxOrderKeys is more than there are.
const maxOrderKeys = 16

// set returns the address of the same listing with some of its arguments
// changed, from its first page.
func (l listLinks) set(args map[string]string) string {
	q := url.Values{}
	for key, values := range l.query {
		if key != "page" {
			q[key] = values
		}
	}
	for key, value := range args {
		if value == "" {
			q.Del(key)
		} else {
			q.Set(key, value)
		}
	}
	if len(q) == 0 {
		return l.path
	}
	return l.path + "?" + q.Encode()
}

func (l listLinks) with(key, value string) string { return l.set(map[string]string{key: value}) }

func (l listLinks) without(keys ...string) string {
	args := map[string]string{}
	for _, k := range keys {
		args[k] = ""
	}
	return l.set(args)
}

// column makes a heading that sorts by key, the other way if it already does.
func (l listLinks) column(text, key string, order postgres.ListOrder) column {
	if key == "" {
		return column{Text: text}
	}
	c := column{Text: text, URL: l.with("order_by", key)}
	if len(order) > 0 && order[0].Key == key {
		c.Sort = "ascending"
		if order[0].Reverse {
			c.Sort = "descending"
		} else {
			c.URL = l.with("order_by", "-"+key)
		}
	}
	return c
}
