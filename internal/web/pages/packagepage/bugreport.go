package packagepage

import (
	"errors"
	"fmt"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bugreport"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// report leads to a form of the bug tracker that is filled in.
func (p *pages) report(r *web.Request) (web.Answer, error) {
	name := r.PathValue("name")
	if len(r.Current) == 0 || p.Bugzilla == "" {
		return web.Answer{}, web.NoSuchPage()
	}
	c := &r.Current[0]
	page, err := r.View.Packages.Page(r.Context(), name, c.ID, view.HistoryQuery{Limit: p.PerPage, Changes: shownChanges})
	if errors.Is(err, koschei.ErrNotFound) {
		return p.nothing(r, name)
	}
	if err != nil {
		return web.Answer{}, err
	}
	switch k := page.Package; {
	case c.BugzillaProduct == "" || c.BugzillaVersion == "":
		return web.Answer{}, fmt.Errorf("bugs of %s are not reported from here: %w", c.DisplayName, koschei.ErrNotFound)
	case k == nil || !reportable(k):
		return web.Answer{}, fmt.Errorf("%q is not broken in %s as far as is known: %w", name, c.DisplayName, koschei.ErrNotFound)
	}
	report, err := p.bug(r, page, &c.Collection)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Redirect(report.Form(p.Bugzilla, c.BugzillaProduct, c.BugzillaVersion)), nil
}

// reportable says whether there is something to report a bug about.
func reportable(k *koschei.PackageStatus) bool {
	s := k.State()
	return s == koschei.StateFailing || s == koschei.StateUnresolved
}

// reportedChanges is how many updates a report names.
const reportedChanges = 10

// bug is what there is to say of a package that is broken.
func (p *pages) bug(r *web.Request, page *view.PackagePage, c *koschei.Collection) (*bugreport.Report, error) {
	k := page.Package
	v := verdictOf(page, c.Name, r.Now)
	report := &bugreport.Report{
		Package: page.Name, Collection: c.DisplayName, Unresolved: k.State() == koschei.StateUnresolved, Problems: v.Problems,
		Say: v.Say.String(), URL: p.Address + html.PackageURL(page.Name, c.Name),
	}
	for _, e := range v.Evidence {
		report.Evidence = append(report.Evidence, e.String())
	}
	if report.Unresolved {
		return report, nil
	}
	if b := inHistory(page, k.LastCompleteBuildID); b != nil {
		report.EVR = b.EVR.Version + "-" + b.EVR.Release
	}
	for _, s := range suspectsOf(page) {
		if len(report.Suspects) == reportedChanges {
			report.More++
			continue
		}
		report.Suspects = append(report.Suspects, s.name+s.step())
	}
	failure, err := r.View.Builds.Failure(r.Context(), k.LastCompleteBuildID)
	if err == nil && failure != nil && failure.Found {
		report.Log, report.Arch, report.Excerpt = failure.Log, failure.Arch, failure.Lines
	}
	return report, err
}
