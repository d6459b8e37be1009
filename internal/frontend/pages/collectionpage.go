package pages

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A collectionsView is the overview of collections.
type collectionsView struct {
	layout
	Groups []collectionGroupView // the last, without a name, of those in no group
}

type collectionGroupView struct {
	DisplayName string
	URL         string // packages of all its collections
	Cards       []collectionCard
}

// A collectionCard is a collection in short.
type collectionCard struct {
	postgres.FrameCollection
	PackagesURL string
	Shares      []share
	Packages    int
	Running     int
}

// A share is the part of a collection's packages that is in one state, as a
// piece of a bar 1000 wide.
type share struct {
	State koschei.State
	Count int
	URL   string
	X, W  int
}

// Collections shows all collections by group.
func (s *Site) Collections(w http.ResponseWriter, r *http.Request) error {
	f, err := s.frame(r, "collections", "Collections")
	if err != nil {
		return err
	}
	page, err := s.db.CollectionsPage(r.Context())
	if err != nil {
		return err
	}
	view := collectionsView{layout: f.layout}
	grouped := map[int64]bool{}
	for _, g := range page.Groups {
		group := collectionGroupView{DisplayName: g.DisplayName}
		var names []string
		for _, id := range g.Members {
			if c := f.collectionByID(id); c != nil {
				grouped[id] = true
				names = append(names, c.Name)
				group.Cards = append(group.Cards, card(c, page.Counts[id]))
			}
		}
		group.URL = packagesURL(strings.Join(names, ","))
		view.Groups = append(view.Groups, group)
	}
	var rest collectionGroupView
	for i := range f.All {
		if c := &f.All[i]; !grouped[c.ID] {
			rest.Cards = append(rest.Cards, card(c, page.Counts[c.ID]))
		}
	}
	if len(rest.Cards) > 0 {
		view.Groups = append(view.Groups, rest)
	}
	return s.render(w, http.StatusOK, "collections", &view)
}

func packagesURL(collections string) string {
	return "/packages?collection=" + url.QueryEscape(collections)
}

func card(c *postgres.FrameCollection, counts postgres.PackageCounts) collectionCard {
	v := collectionCard{FrameCollection: *c, PackagesURL: packagesURL(c.Name), Running: counts.Running}
	v.Shares, v.Packages = shares(c.Name, counts)
	return v
}

func shares(collection string, counts postgres.PackageCounts) (bar []share, total int) {
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
		bar = append(bar, share{state, n, packagesURL(collection) + "&state=" + string(state), x, sum*1000/total - x})
	}
	return bar, total
}

// A collectionView is the page of one collection.
type collectionView struct {
	layout
	Card         collectionCard
	Groups       []postgres.CollectionGroup
	Repos        []repoRow
	Fresh        freshView
	Changes      []repoChangeView
	Changed      int // source packages that changed in the latest repo
	SolvedBefore bool
}

// A repoRow is one of a collection's newest repos.
type repoRow struct {
	koschei.Repo
	Latest bool   // the one that states are about
	Took   string // from its making to its verdicts, "" if it was not solved
}

// A repoChangeView is what became of a source package's binary packages.
type repoChangeView struct {
	Source string
	Rows   []changeRow
	URL    string
}

const (
	shownRepos       = 15
	shownRepoChanges = 100
)

// Collection shows one collection.
func (s *Site) Collection(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	f, err := s.frame(r, "collections", name)
	if err != nil {
		return err
	}
	c := f.collection(name)
	if c == nil {
		return fmt.Errorf("there is no collection named %q: %w", name, koschei.ErrNotFound)
	}
	page, err := s.db.CollectionPage(r.Context(), &c.Collection, shownRepos, shownRepoChanges)
	if err != nil {
		return err
	}
	f.focus() // the page itself tells
	view := collectionView{layout: f.layout, Card: card(c, page.Counts), Groups: page.Groups, Changed: page.Changed, Fresh: s.fresh(page.Fresh)}
	view.Title = c.DisplayName
	for _, repo := range page.Repos {
		row := repoRow{Repo: repo, Latest: repo.RepoID == c.LatestRepoID}
		if !repo.Solved.IsZero() {
			row.Took = duration(repo.Solved.Sub(repo.Created))
		}
		view.Repos = append(view.Repos, row)
	}
	for _, change := range page.Changes {
		v := repoChangeView{Source: change.Source, URL: packageURL(change.Source, c.Name)}
		for _, ch := range change.Changes {
			v.Rows = append(v.Rows, changeOf(ch))
		}
		view.Changes = append(view.Changes, v)
	}
	return s.render(w, http.StatusOK, "collection", &view)
}
