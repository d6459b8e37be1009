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
	if c.BugzillaProduct == "" || c.BugzillaVersion == "" {
		return web.Answer{}, fmt.Errorf("bugs of %s are not reported from here: %w", c.DisplayName, koschei.ErrNotFound)
	}
	report, err := p.Report(r, name, c)
	if errors.Is(err, errNoPackage) {
		return p.nothing(r, name)
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Redirect(report.Form(p.Bugzilla, c.BugzillaProduct, c.BugzillaVersion)), nil
}

// errNoPackage says that nobody knows a package.
var errNoPackage = fmt.Errorf("no such package: %w", koschei.ErrNotFound)

// Report words a report of a bug about a package that is broken. An error wraps
// koschei.ErrNotFound if there is no such package, or nothing to report.
func (c *Config) Report(r *web.Request, name string, in *view.FrameCollection) (*bugreport.Report, error) {
	page, err := r.View.Packages.Page(r.Context(), name, in.ID, view.HistoryQuery{Limit: c.PerPage, Changes: shownChanges})
	if errors.Is(err, koschei.ErrNotFound) {
		return nil, errNoPackage
	}
	if err != nil {
		return nil, err
	}
	if k := page.Package; k == nil || !reportable(k) {
		return nil, fmt.Errorf("%q is not broken in %s as far as is known: %w", name, in.DisplayName, koschei.ErrNotFound)
	}
	return c.bug(r, page, &in.Collection)
}

// reportable says whether there is something to report a bug about.
func reportable(k *koschei.PackageStatus) bool {
	s := k.State()
	return s == koschei.StateFailing || s == koschei.StateUnresolved
}

// reportedChanges is how many updates a report names.
const reportedChanges = 10

// bug is what there is to say of a package that is broken.
func (c *Config) bug(r *web.Request, page *view.PackagePage, in *koschei.Collection) (*bugreport.Report, error) {
	k := page.Package
	v := verdictOf(page, in.Name, r.Now)
	report := &bugreport.Report{
		Package: page.Name, Collection: in.DisplayName, Unresolved: k.State() == koschei.StateUnresolved, Problems: v.Problems,
		Say: v.Say.String(), URL: c.Address + html.PackageURL(page.Name, in.Name),
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
