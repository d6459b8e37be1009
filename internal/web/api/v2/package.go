package v2

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/explain"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A ListedPackage is a package in a collection.
type ListedPackage struct {
	Name       string        `json:"name"`
	Collection string        `json:"collection"`
	State      koschei.State `json:"state"`
	Since      time.Time     `json:"since,omitzero" doc:"when it came into the state"`
	Running    bool          `json:"running" doc:"whether a build is under way"`
	Revision   int64         `json:"revision" doc:"counts what people changed of it"`
	LastBuild  int64         `json:"last_build,omitempty" doc:"the last that ended and counts"`
	Version    string        `json:"version,omitempty" doc:"of that build"`
	Why        string        `json:"why,omitempty" doc:"one line of why it failed or cannot be installed"`
}

type packagesAsked struct {
	Collection []string `query:"collection" doc:"all if it is not given"`
	Name       []string `query:"name"`
	Prefix     string   `query:"prefix" doc:"what names begin with"`
	State      []string `query:"state" doc:"ok, failing, unresolved, unknown, untracked or blocked"`
	Group      string   `query:"group" doc:"members of a group by its full name"`
	After      string   `query:"after" doc:"next of the part before"`
	Limit      int      `query:"limit" default:"100" min:"1" max:"2000" doc:"about so many: packages of one name stay together"`
}

func (in *packagesAsked) query(collections []string) (view.PackageQuery, error) {
	known := strings.Join(states(), " ")
	for _, state := range in.State {
		if !strings.Contains(" "+known+" ", " "+state+" ") {
			return view.PackageQuery{}, fmt.Errorf("argument state: %q is none of %s: %w", state, known, koschei.ErrInvalid)
		}
	}
	q := view.PackageQuery{Collections: collections, Names: in.Name, Prefix: in.Prefix, States: in.State, After: in.After, Limit: in.Limit}
	if in.Group != "" {
		var err error
		if q.Namespace, q.Group, err = koschei.ParseGroupName(in.Group); err != nil {
			return view.PackageQuery{}, err
		}
	}
	return q, nil
}

func (a *API) addPackages() {
	add(a, http.MethodGet, "/packages", "Packages by name", getPackages)
	add(a, http.MethodGet, "/packages/{collection}/{name}", "What is known of a package, and why it is built or not", a.getPackage, fresh)
	add(a, http.MethodGet, "/packages/{collection}/{name}/bugreport", "A report of a bug about a package that is broken", a.getBugReport, fresh)
}

// A BugReport is what there is to say at a bug tracker.
type BugReport struct {
	Summary string `json:"summary"`
	Text    string `json:"text"`
	Form    string `json:"form,omitempty" doc:"address of a form that is filled in, where bugs of the collection are reported"`
}

type bugReportAsked struct {
	Collection string `path:"collection"`
	Name       string `path:"name"`
}

func (a *API) getBugReport(r *web.Request, in *bugReportAsked) (BugReport, error) {
	c, err := r.Collection(in.Collection)
	if err != nil {
		return BugReport{}, err
	}
	report, err := a.Report(r, in.Name, c)
	if err != nil {
		return BugReport{}, err
	}
	told := BugReport{Summary: report.Summary(), Text: report.Text()}
	if a.Bugzilla != "" && c.BugzillaProduct != "" && c.BugzillaVersion != "" {
		told.Form = report.Form(a.Bugzilla, c.BugzillaProduct, c.BugzillaVersion)
	}
	return told, nil
}

func getPackages(r *web.Request, in *packagesAsked) (ListOf[ListedPackage], error) {
	q, err := in.query(scope(r))
	if err != nil {
		return ListOf[ListedPackage]{}, err
	}
	if in.Group != "" {
		exists, err := r.View.GroupExists(r.Context(), in.Group)
		if err == nil && !exists {
			err = fmt.Errorf("there is no group named %q: %w", in.Group, koschei.ErrNotFound)
		}
		if err != nil {
			return ListOf[ListedPackage]{}, err
		}
	}
	packages, err := r.View.Packages.After(r.Context(), q)
	list := ListOf[ListedPackage]{Items: each(packages, tellListed)}
	if len(packages) >= in.Limit {
		list.Next = packages[len(packages)-1].Name
	}
	return list, err
}

func tellListed(p *view.PackageLine) ListedPackage {
	told := ListedPackage{
		Name: p.Name, Collection: p.Collection, State: p.State, Since: p.Since, Running: p.Running, Revision: p.Revision, LastBuild: p.LastBuild, Why: p.Why,
	}
	if p.LastBuild != 0 {
		told.Version = p.EVR.String()
	}
	return told
}

// A Package is all that is known of one in a collection.
type Package struct {
	Name       string        `json:"name"`
	Collection string        `json:"collection"`
	State      koschei.State `json:"state"`
	Since      time.Time     `json:"since,omitzero" doc:"when it came into the state"`
	Running    bool          `json:"running"`
	Groups     []string      `json:"groups" doc:"global ones"`
	Elsewhere  []Elsewhere   `json:"elsewhere" doc:"the same package in other collections"`

	Settings Settings `json:"settings"`
	Why      Why      `json:"why" doc:"why it is built or is not"`

	Problems     []string  `json:"problems,omitempty" doc:"why it cannot be installed"`
	Unmet        []Unmet   `json:"unmet,omitempty" doc:"what nothing provides that it needs"`
	LastSuccess  *BuildRef `json:"last_success,omitempty"`
	FirstFailure *BuildRef `json:"first_failure,omitempty" doc:"after that"`
	Broke        []Change  `json:"broke,omitempty" doc:"what changed from the last success to the first failure"`
	Excerpt      *Excerpt  `json:"excerpt,omitempty" doc:"of the log of the last failure"`

	Before  *BuildRef `json:"before,omitempty" doc:"what changes are counted from"`
	Changes []Change  `json:"changes" doc:"since then, in what a build would get now"`
	Builds  []Build   `json:"builds" doc:"the newest first"`
}

// An Elsewhere is the state of a package in another collection.
type Elsewhere struct {
	Collection string        `json:"collection"`
	State      koschei.State `json:"state"`
}

// Settings are what people decide about a package.
type Settings struct {
	Revision       int64  `json:"revision" doc:"counts what people changed of it"`
	Tracked        bool   `json:"tracked"`
	ManualPriority int    `json:"manual_priority"`
	StaticPriority int    `json:"static_priority"`
	ArchOverride   string `json:"arch_override"`
	SkipResolution bool   `json:"skip_resolution"`
}

// A Why says why a package is built or is not, in the words of the command line.
type Why struct {
	Verdict   explain.Verdict `json:"verdict"`
	Reasons   []string        `json:"reasons"`
	Waits     string          `json:"waits,omitempty" doc:"what all packages of the collection wait for"`
	Priority  float64         `json:"priority"`
	Threshold float64         `json:"threshold"`
	Terms     []Term          `json:"terms" doc:"what adds up to the priority"`
	DueAt     time.Time       `json:"due_at,omitzero" doc:"when time alone makes it due"`
}

// A Term is a part of a priority.
type Term struct {
	Kind   string  `json:"kind"`
	Points float64 `json:"points"`
}

// An Unmet is a dependency that nothing provides.
type Unmet struct {
	ID         int64     `json:"id"`
	Dependency string    `json:"dependency"`
	NeededBy   string    `json:"needed_by,omitempty"`
	Why        string    `json:"why"`
	Source     string    `json:"source,omitempty" doc:"the update that did it"`
	Before     string    `json:"before,omitempty"`
	After      string    `json:"after,omitempty"`
	Provider   string    `json:"provider,omitempty" doc:"what provided it before"`
	RepoID     int64     `json:"repo" doc:"in which it was seen first"`
	Since      time.Time `json:"since"`
	Packages   int       `json:"packages" doc:"that want it"`
}

// A Change is what became of a binary package in a buildroot.
type Change struct {
	Name     string `json:"name"`
	Before   string `json:"before,omitempty"`
	After    string `json:"after,omitempty"`
	Distance int    `json:"distance,omitempty" doc:"from what is built; not there if it is far"`
}

func tellUnmet(u *view.Unmet) Unmet {
	return Unmet{
		ID: u.ID, Dependency: u.Dependency, NeededBy: u.NeededBy, Why: string(u.Why), Source: u.Source, Before: u.Before, After: u.After,
		Provider: u.Provider, RepoID: u.RepoID, Since: u.Since, Packages: u.Packages,
	}
}

func tellChange(c *koschei.Change) Change {
	version := func(n *rpm.NEVRA) string {
		if n == nil {
			return ""
		}
		return n.EVR.String()
	}
	return Change{Name: c.Name, Before: version(c.Prev), After: version(c.Curr), Distance: c.Distance}
}

type packageAsked struct {
	Collection string `path:"collection"`
	Name       string `path:"name"`
	Builds     int    `query:"builds" default:"15" min:"1" max:"100" doc:"so many of the history"`
	Before     int64  `query:"before" min:"0" doc:"only builds before this event"`
}

func (a *API) getPackage(r *web.Request, in *packageAsked) (Package, error) {
	c, err := r.Collection(in.Collection)
	if err != nil {
		return Package{}, err
	}
	page, err := r.View.Packages.Page(r.Context(), in.Name, c.ID, view.HistoryQuery{Limit: in.Builds, BeforeEvent: in.Before, Changes: 100})
	switch {
	case errors.Is(err, koschei.ErrNotFound):
		return Package{}, noPackage(r, in.Name)
	case err != nil:
		return Package{}, err
	case page.Package == nil:
		return Package{}, fmt.Errorf("%s has no package named %q: %w", c.DisplayName, in.Name, koschei.ErrNotFound)
	}
	settings, err := r.View.Packages.Settings(r.Context(), c.Name, in.Name)
	if err != nil {
		return Package{}, err
	}
	told := tellPackage(r, page, c)
	told.Settings = Settings(*settings)
	told.Why = a.why(r, page.Package, c)
	if page.FirstFailure != nil && told.State == koschei.StateFailing {
		told.Excerpt, err = excerptOf(r, page.FirstFailure.ID)
	}
	return told, err
}

func tellPackage(r *web.Request, page *view.PackagePage, c *view.FrameCollection) Package {
	p := page.Package
	told := Package{
		Name: p.Name, Collection: c.Name, State: p.State(), Since: p.StateSince, Running: p.Running(), Groups: page.Groups,
		Elsewhere: []Elsewhere{}, Problems: page.Now.Problems, LastSuccess: tellRef(page.LastSuccess), FirstFailure: tellRef(page.FirstFailure),
		Broke: each(page.Broke.List, tellChange), Before: tellRef(page.Before), Changes: each(page.Changes.List, tellChange), Builds: []Build{},
	}
	for _, other := range page.Others {
		told.Elsewhere = append(told.Elsewhere, Elsewhere{collectionName(r, other.CollectionID), other.State})
	}
	for i := range page.Unmet {
		told.Unmet = append(told.Unmet, tellUnmet(&page.Unmet[i].Unmet))
	}
	for _, entry := range page.History {
		if entry.Build != nil {
			told.Builds = append(told.Builds, tellBuild(entry.Build))
		}
	}
	return told
}

// noPackage is the error of a name that no package has, with names near to it.
func noPackage(r *web.Request, name string) error {
	near, err := r.View.Packages.NearNames(r.Context(), name)
	if err != nil {
		return err
	}
	sentence := fmt.Sprintf("there is no package named %q", name)
	if len(near) > 0 {
		sentence += "; near: " + strings.Join(near, ", ")
	}
	return koschei.Refusal(koschei.ErrNotFound, sentence)
}

func (a *API) why(r *web.Request, p *koschei.PackageStatus, c *view.FrameCollection) Why {
	w := explain.Package(a.Rules, p, &c.Collection, r.Fresh(c).Report(koschei.ServiceScheduler), r.Now)
	told := Why{
		Verdict: w.Verdict, Reasons: w.Phrases(), Waits: w.Wait.Phrase(), Priority: w.Priority.Total(), Threshold: w.Threshold, DueAt: w.DueAt, Terms: []Term{},
	}
	for _, t := range explain.Terms(w.Priority) {
		told.Terms = append(told.Terms, Term{string(t.Kind), t.Points})
	}
	return told
}
