// Package docpage shows what packagers need to know: what the states mean,
// what to do when a package fails, and how to be told.
package docpage

import (
	"embed"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	rules koschei.PriorityRules
	page  html.Page[content]
}

// A content is the page.
type content struct {
	html.Layout
	Threshold string // the priority from which packages are built
	Change    string // what a changed dependency weighs that the package itself requires
	Failed    string // what the first failure weighs
	Week      string // after how long time alone reaches the threshold
}

// Routes are the addresses of the documentation.
func Routes(t *html.Templates, rules koschei.PriorityRules) []web.Route {
	p := &pages{rules, html.Whole[content](t.Folder("docpage", files), "documentation.html")}
	return []web.Route{web.PublicPage("/documentation", "documentation", p.show, web.UntilChanged)}
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	return web.Page(p.page, &content{
		Layout: r.Layout("", "For packagers"), Threshold: html.Points(p.rules.BuildThreshold), Change: html.Points(p.rules.PackageUpdate),
		Failed: html.Count(p.rules.FailedBuild), Week: html.Span(p.rules.T1),
	})
}
