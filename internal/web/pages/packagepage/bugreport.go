package packagepage

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// longestReport keeps the address of a form below what proxies let through.
const longestReport = 6000

// report leads to a form of the bug tracker that is filled in.
func (p *pages) report(r *web.Request) (web.Answer, error) {
	name := r.PathValue("name")
	if len(r.Current) == 0 || p.Bugzilla == "" {
		return web.Answer{}, web.NoSuchPage()
	}
	c := &r.Current[0]
	page, err := r.View.PackagePage(r.Context(), name, c.ID, view.HistoryQuery{Limit: p.PerPage, Changes: shownChanges})
	if errors.Is(err, koschei.ErrNotFound) {
		return p.nothing(r, name)
	}
	if err != nil {
		return web.Answer{}, err
	}
	switch k := page.Package; {
	case c.BugzillaProduct == "" || c.BugzillaVersion == "":
		return web.Answer{}, fmt.Errorf("bugs of %s are not reported from here: %w", c.DisplayName, koschei.ErrNotFound)
	case k == nil || k.Blocked || k.LastCompleteBuildID == 0:
		return web.Answer{}, fmt.Errorf("%s has no build of %q that has ended: %w", c.DisplayName, name, koschei.ErrNotFound)
	}
	return web.Redirect(p.reportURL(r, page, &c.Collection)), nil
}

func (p *pages) reportURL(r *web.Request, page *view.PackagePage, c *koschei.Collection) string {
	evr := ""
	if b := inHistory(page, page.Package.LastCompleteBuildID); b != nil {
		evr = "-" + b.EVR.Version + "-" + b.EVR.Release
	}
	address := p.Address + html.PackageURL(page.Name, c.Name)
	v := verdictOf(page, c.Name, r.Now)
	comment := fmt.Sprintf("Package %s%s fails to build from source in %s.\n\n%s", page.Name, evr, c.DisplayName, v.Say)
	for _, e := range v.Evidence {
		comment += "\n- " + e.String()
	}
	form := func(comment string) string {
		return p.Bugzilla + "/enter_bug.cgi?" + url.Values{
			"product": {c.BugzillaProduct}, "version": {c.BugzillaVersion}, "component": {page.Name}, "bug_file_loc": {address},
			"short_desc": {fmt.Sprintf("%s: FTBFS in %s", page.Name, c.DisplayName)}, "comment": {comment + "\n\nFor more see " + address},
		}.Encode()
	}
	for full := form(comment); ; full = form(comment) {
		runes := []rune(comment)
		if len(full) <= longestReport || len(runes) < 100 {
			return full
		}
		comment = string(runes[:len(runes)*3/4]) + "…"
	}
}
