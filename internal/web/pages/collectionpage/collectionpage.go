// Package collectionpage shows all collections in short, and one with its
// configuration, its repos and what changed in the latest.
package collectionpage

import (
	"embed"
	"net/url"
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
	clock koschei.Clock
	all   html.Page[allView]
	one   html.Page[oneView]
	known web.Memo[*view.CollectionsPage] // of all, which takes long to find out
}

// knownLasts is how long the overview may tell what was so a moment ago, in real
// time.
const knownLasts = 5 * time.Second

// Routes are the addresses of collections. Of clock only the speed counts.
func Routes(t *html.Templates, clock koschei.Clock) []web.Route {
	folder := t.Folder("collectionpage", files)
	p := &pages{
		clock: clock, all: html.Whole[allView](folder, "collections.html", "bar.html"), one: html.Whole[oneView](folder, "collection.html", "bar.html"),
		known: web.Memo[*view.CollectionsPage]{Lasts: knownLasts},
	}
	return []web.Route{
		web.PublicPage("/collections", "collections", p.showAll, web.ForAMoment),
		web.PublicPage("/collection/{name}", "collection", p.showOne, web.UntilChanged),
	}
}

// An allView is the overview of collections.
type allView struct {
	html.Layout
	Groups []group // the last, without a name, of those in no group
}

type group struct {
	DisplayName string
	URL         string // packages of all its collections
	Cards       []card
}

// A card is a collection in short.
type card struct {
	Name         string
	DisplayName  string
	LatestRepoID int64 // 0 if there is none
	RepoCreated  time.Time
	Problems     []string // why its base buildroot cannot be installed
	PackagesURL  string
	Shares       []share
	Packages     int
	Running      int
}

// A share is the part of a collection's packages that is in one state, as a
// piece of a bar 1000 wide.
type share struct {
	State koschei.State
	Count int
	URL   string
	X, W  int
}

func (p *pages) showAll(r *web.Request) (web.Answer, error) {
	page, err := p.known.For(r, "", r.View.CollectionsPage)
	if err != nil {
		return web.Answer{}, err
	}
	v := allView{Layout: r.Layout("collections", "Collections")}
	grouped := map[int64]bool{}
	for _, g := range page.Groups {
		shown := group{DisplayName: g.DisplayName}
		var names []string
		for _, id := range g.Members {
			if c := r.CollectionByID(id); c != nil {
				grouped[id] = true
				names = append(names, c.Name)
				shown.Cards = append(shown.Cards, cardOf(c, page.Counts[id]))
			}
		}
		shown.URL = html.InCollection("/packages", strings.Join(names, ","))
		v.Groups = append(v.Groups, shown)
	}
	var rest group
	for i := range r.All {
		if c := &r.All[i]; !grouped[c.ID] {
			rest.Cards = append(rest.Cards, cardOf(c, page.Counts[c.ID]))
		}
	}
	if len(rest.Cards) > 0 {
		v.Groups = append(v.Groups, rest)
	}
	return web.Page(p.all, &v)
}

func cardOf(c *view.FrameCollection, counts view.PackageCounts) card {
	v := card{
		Name: c.Name, DisplayName: c.DisplayName, LatestRepoID: c.LatestRepoID, RepoCreated: c.RepoCreated, Problems: c.Problems,
		PackagesURL: html.InCollection("/packages", c.Name), Running: counts.Running,
	}
	v.Shares, v.Packages = shares(c.Name, counts)
	return v
}

func shares(collection string, counts view.PackageCounts) (bar []share, total int) {
	states := []koschei.State{koschei.StateOK, koschei.StateFailing, koschei.StateUnresolved, koschei.StateUnknown}
	for _, state := range states {
		total += counts.ByState[state]
	}
	sum := 0
	for _, state := range states {
		n := counts.ByState[state]
		if n == 0 {
			continue
		}
		x := sum * 1000 / total
		sum += n
		bar = append(bar, share{state, n, html.InCollection("/packages", collection) + "&state=" + string(state), x, sum*1000/total - x})
	}
	return bar, total
}

// A oneView is the page of one collection.
type oneView struct {
	html.Layout
	Card    card
	Config  config
	State   koschei.State // of the base buildroot
	Event   int64         // of the latest repo
	Repos   []repo
	Fresh   html.Fresh
	Changes []repoChange
	Changed int // source packages that changed in the latest repo
}

// A config is how a collection is configured.
type config struct {
	Target, DestTag, BuildTag, BuildGroup string

	Order               int
	PriorityCoefficient float64
	Weight              float64
	MaxBuilds           int // 0 is no limit of its own
	BugzillaProduct     string
	BugzillaVersion     string
	PollUntracked       bool
	Paused              bool
	WeakDeps            bool
	Lenient             bool
	SecondaryMode       bool
	Groups              []string
}

// A repo is one of a collection's newest.
type repo struct {
	RepoID    int64
	Event     int64
	State     koschei.RepoState // "" unless it is worth telling
	Created   time.Time
	Resolved  koschei.Resolution
	Packages  int // tried
	Failed    int
	Different int
	Latest    bool   // the one that states are about
	Took      string // from its making to its verdicts, "" if it was not solved
}

// A repoChange is what became of a source package's binary packages.
type repoChange struct {
	Source string
	Rows   []html.Change
	URL    string
}

const (
	shownRepos   = 15
	shownChanges = 100
)

func (p *pages) showOne(r *web.Request) (web.Answer, error) {
	c, err := r.Collection(r.PathValue("name"))
	if err != nil {
		return web.Answer{}, err
	}
	page, err := r.View.CollectionPage(r.Context(), &c.Collection, shownRepos, shownChanges)
	if err != nil {
		return web.Answer{}, err
	}
	v := oneView{
		Layout: r.Layout("collections", c.DisplayName), Card: cardOf(c, page.Counts), Config: configOf(&c.Collection, page.Groups),
		State: c.State(), Event: c.LatestRepoEvent, Changed: page.Changed, Fresh: html.FreshOf(&page.Fresh, r.Now, p.clock),
	}
	r.About(&v.Layout, c)
	r.Switch(&v.Layout, func(name string) string { return "/collection/" + url.PathEscape(name) })
	v.Broken = nil // the page itself tells
	for _, k := range page.Repos {
		v.Repos = append(v.Repos, repoOf(k, c.LatestRepoID))
	}
	for _, change := range page.Changes {
		shown := repoChange{Source: change.Source, URL: html.PackageURL(change.Source, c.Name)}
		for _, ch := range change.Changes {
			shown.Rows = append(shown.Rows, html.ChangeOf(ch))
		}
		v.Changes = append(v.Changes, shown)
	}
	return web.Page(p.one, &v)
}

func configOf(c *koschei.Collection, groups []view.CollectionGroup) config {
	v := config{
		Target: c.Target, DestTag: c.DestTag, BuildTag: c.BuildTag, BuildGroup: c.BuildGroup,
		Order: c.Order, PriorityCoefficient: c.PriorityCoefficient, Weight: c.Weight, MaxBuilds: c.MaxBuilds,
		BugzillaProduct: c.BugzillaProduct, BugzillaVersion: c.BugzillaVersion,
		PollUntracked: c.PollUntracked, Paused: c.Paused, WeakDeps: c.WeakDeps, Lenient: c.Lenient, SecondaryMode: c.SecondaryMode,
	}
	for _, g := range groups {
		v.Groups = append(v.Groups, g.DisplayName)
	}
	return v
}

func repoOf(r koschei.Repo, latest int64) repo {
	v := repo{
		RepoID: r.RepoID, Event: r.CreateEvent, Created: r.Created, Resolved: r.Resolved,
		Packages: r.Packages, Failed: r.PackagesFailed, Different: r.PackagesChanged, Latest: r.RepoID == latest,
	}
	if r.State != koschei.RepoReady {
		v.State = r.State
	}
	if !r.Solved.IsZero() {
		v.Took = html.Duration(r.Solved.Sub(r.Created))
	}
	return v
}
