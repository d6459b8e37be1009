// Package repopage shows the repos of a collection: what came with each and what it
// did, one in full, and what differs between two.
package repopage

import (
	"embed"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	list    html.Page[listView]
	one     html.Page[oneView]
	between html.Page[betweenView]
}

// Routes are the addresses of repos.
func Routes(t *html.Templates) []web.Route {
	folder := t.Folder("repopage", files)
	p := &pages{
		html.Whole[listView](folder, "repos.html"),
		html.Whole[oneView](folder, "repo.html"),
		html.Whole[betweenView](folder, "between.html"),
	}
	return []web.Route{
		web.PublicPage("/repos", "repos", p.showList, web.UntilChanged),
		web.PublicPage("/repo/{collection}/{repo}", "repo", p.showOne, web.UntilChanged),
	}
}

const (
	shownRepos = 50
	shownRows  = 300 // of each list of a repo
)

// A listForm says where in the list of repos to begin.
type listForm struct {
	Before string `form:"before"` // event

	before int64
}

// Validate implements web.Form.
func (f *listForm) Validate() (err error) {
	if f.Before == "" {
		return nil
	}
	if f.before, err = strconv.ParseInt(f.Before, 10, 64); err != nil || f.before < 1 {
		return fmt.Errorf("before %q is no event: %w", f.Before, koschei.ErrInvalid)
	}
	return nil
}

// A listView is the page of all repos.
type listView struct {
	html.Layout
	Collection string
	Name       string // of the collection, for people
	Repos      []line
	MoreURL    string // "" if these are all
}

// A line is a repo in the list.
type line struct {
	view.RepoLine
	URL  string
	Took string // from its making to its verdicts; "" if it was not resolved
}

func lineOf(collection string, r view.RepoLine) line {
	l := line{RepoLine: r, URL: html.RepoURL(collection, r.RepoID)}
	if !r.Solved.IsZero() {
		l.Took = html.Duration(r.Solved.Sub(r.Created))
	}
	return l
}

func (p *pages) showList(r *web.Request) (web.Answer, error) {
	var form listForm
	if err := r.Read(&form); err != nil {
		return web.Answer{}, err
	}
	c, err := r.First()
	if err != nil {
		return web.Answer{}, err
	}
	v := listView{Layout: r.Layout("repos", "Repos"), Collection: c.Name, Name: c.DisplayName}
	about(r, &v.Layout, c)
	repos, err := r.View.Repos.List(r.Context(), c.ID, form.before, shownRepos+1)
	if err != nil {
		return web.Answer{}, err
	}
	if len(repos) > shownRepos {
		repos = repos[:shownRepos]
		v.MoreURL = r.Address().Set(map[string]string{"before": strconv.FormatInt(repos[shownRepos-1].CreateEvent, 10)})
	}
	for _, repo := range repos {
		v.Repos = append(v.Repos, lineOf(c.Name, repo))
	}
	return web.Page(p.list, &v)
}

// A oneView is the page of one repo.
type oneView struct {
	html.Layout
	line
	Collection     string
	CollectionName string
	Sentence       string
	BeforeURL      string // the repo before; "" if it is not kept
	NextURL        string
	SinceURL       string // what differs from the repo before
	Unmet          []unmet
	Mended         []named
	Updates        []update
	Distances      []distance
	Counts         []count
}

type unmet struct {
	view.Unmet
	UpdateURL string // of the update to blame; "" if none is known
	Why       string
}

type named struct{ Name, URL string }

// An update is one that came with the repo.
type update struct {
	view.Update
	URL string
}

// A distance is how many packages' buildroots changed so near.
type distance struct {
	Sign     string
	Meaning  string
	Packages int
}

// A count is how many packages were in a state before and after the repo.
type count struct {
	State         koschei.State
	Before, After int
}

func (p *pages) showOne(r *web.Request) (web.Answer, error) {
	c, err := r.Collection(r.PathValue("collection"))
	if err != nil {
		return web.Answer{}, err
	}
	first, second, both := strings.Cut(r.PathValue("repo"), "..")
	id, err := repoID(first)
	if err != nil {
		return web.Answer{}, err
	}
	if both {
		to, err := repoID(second)
		if err != nil {
			return web.Answer{}, err
		}
		return p.showBetween(r, c, id, to)
	}
	page, err := r.View.Repos.Page(r.Context(), c.ID, id, shownRows)
	if errors.Is(err, koschei.ErrNotFound) {
		return web.Answer{}, notKept(c, id)
	}
	if err != nil {
		return web.Answer{}, err
	}
	v := oneView{
		Layout: r.Layout("repos", fmt.Sprintf("Repo %d", id)), line: lineOf(c.Name, page.RepoLine), Collection: c.Name, CollectionName: c.DisplayName,
		Sentence: did(page),
	}
	about(r, &v.Layout, c)
	if page.Before != 0 {
		v.BeforeURL, v.SinceURL = html.RepoURL(c.Name, page.Before), betweenURL(c.Name, page.Before, id)
	}
	if page.Next != 0 {
		v.NextURL = html.RepoURL(c.Name, page.Next)
	}
	v.fill(page, c.Name)
	return web.Page(p.one, &v)
}

// about makes a page one about a collection.
func about(r *web.Request, l *html.Layout, c *view.FrameCollection) {
	r.About(l, c)
	r.Switch(l, func(name string) string { return html.InCollection("/repos", name) })
}

func (v *oneView) fill(page *view.RepoPage, collection string) {
	for _, u := range page.Unmet {
		shown := unmet{Unmet: u, Why: why(&u)}
		if u.Source != "" {
			shown.UpdateURL = html.UpdateURL(collection, u.Source, u.After)
		}
		v.Unmet = append(v.Unmet, shown)
	}
	for _, name := range page.Mended {
		v.Mended = append(v.Mended, named{name, html.PackageURL(name, collection)})
	}
	for _, u := range page.Changed {
		v.Updates = append(v.Updates, update{u, html.UpdateURL(collection, u.Source, u.After)})
	}
	for _, d := range []struct {
		distance int
		sign     string
		meaning  string
	}{
		{1, "1", "required by the package itself"},
		{2, "2", "2 requirements away"},
		{3, "3", "3 requirements away"},
		{4, "4", "4 requirements away"},
		{koschei.NoDistance, "B", "in the build group, or farther away"},
	} {
		if n := page.Distances[d.distance]; n > 0 {
			v.Distances = append(v.Distances, distance{d.sign, d.meaning, n})
		}
	}
	if len(page.Counts) == 2 && page.Counts[1].RepoID == page.RepoID {
		for _, state := range []koschei.State{koschei.StateOK, koschei.StateFailing, koschei.StateUnresolved, koschei.StateUnknown} {
			v.Counts = append(v.Counts, count{state, page.Counts[0].Of(state), page.Counts[1].Of(state)})
		}
	}
}

// did tells what a repo did.
func did(p *view.RepoPage) string {
	switch {
	case p.Solved.IsZero():
		return "No package was resolved in it."
	case p.Resolved == koschei.Unresolved:
		return "The base buildroot cannot be installed from it, so packages keep what was known before."
	}
	parts := []string{html.Plural(p.Updates, "update") + " came with it"}
	if p.Unresolved > 0 {
		parts = append(parts, html.Plural(p.Unresolved, "package")+" could not be installed any more")
	}
	if p.RepoLine.Mended > 0 {
		parts = append(parts, html.Plural(p.RepoLine.Mended, "package")+" could be installed again")
	}
	if p.Broke > 0 {
		parts = append(parts, html.Plural(p.Broke, "package")+" failed first in builds made in it")
	}
	return html.Sentence(strings.Join(parts, ", "))
}

// why tells why something is not met.
func why(u *view.Unmet) string {
	needer := "packages require it themselves"
	if u.NeededBy != "" {
		needer = fmt.Sprintf("%s-%s requires it", u.NeededBy, u.NeededVersion)
	}
	switch u.Why {
	case "gone":
		return fmt.Sprintf("%s provided it; %s", u.Provider, needer)
	case "new":
		return needer + " now"
	case "absent":
		return needer + "; the repo before did not have it either"
	default:
		return needer
	}
}

func repoID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%q is not the number of a repo: %w", text, koschei.ErrNotFound)
	}
	return id, nil
}

func notKept(c *view.FrameCollection, id int64) error {
	return fmt.Errorf("repo %d of %s is not kept: %w", id, c.DisplayName, koschei.ErrNotFound)
}

func betweenURL(collection string, from, to int64) string {
	return fmt.Sprintf("/repo/%s/%d..%d", url.PathEscape(collection), from, to)
}

// A betweenView is the page of what differs between two repos.
type betweenView struct {
	html.Layout
	Collection     string
	CollectionName string
	From, To       koschei.Repo
	FromURL, ToURL string
	Apart          time.Duration
	Repos, Missing int
	Steps          []step
	More           bool // there are more than are shown
}

// A step is a source that differs.
type step struct {
	view.SourceStep
	URL     string
	RepoURL string
}

// ApartWords is how far apart they were made.
func (v *betweenView) ApartWords() string { return html.Duration(v.Apart) }

func (p *pages) showBetween(r *web.Request, c *view.FrameCollection, from, to int64) (web.Answer, error) {
	d, err := r.View.Repos.Difference(r.Context(), c.ID, from, to, shownRows+1)
	if errors.Is(err, koschei.ErrInvalid) { // the wrong way round
		return web.Redirect(betweenURL(c.Name, to, from)), nil
	}
	if errors.Is(err, koschei.ErrNotFound) {
		return web.Answer{}, fmt.Errorf("repos %d and %d of %s are not both kept: %w", from, to, c.DisplayName, koschei.ErrNotFound)
	}
	if err != nil {
		return web.Answer{}, err
	}
	v := betweenView{
		Layout: r.Layout("repos", fmt.Sprintf("From repo %d to %d", from, to)), Collection: c.Name, CollectionName: c.DisplayName,
		From: d.From, To: d.To, FromURL: html.RepoURL(c.Name, from), ToURL: html.RepoURL(c.Name, to),
		Apart: d.To.Created.Sub(d.From.Created), Repos: d.Repos, Missing: d.Missing, More: len(d.Updates) > shownRows,
	}
	about(r, &v.Layout, c)
	for _, s := range d.Updates[:min(len(d.Updates), shownRows)] {
		v.Steps = append(v.Steps, step{s, html.UpdateURL(c.Name, s.Source, s.After), html.RepoURL(c.Name, s.RepoID)})
	}
	return web.Page(p.between, &v)
}
