// Package site puts together what Koschei serves over HTTP: the table of all
// routes. There are two: the site, with pages and API, for everybody, and the
// operators' addresses, which tell how a process is and what it counts.
package site

import (
	"cmp"
	"log/slog"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	v1 "github.com/koschei-ci/koschei/internal/web/api/v1"
	v2 "github.com/koschei-ci/koschei/internal/web/api/v2"
	"github.com/koschei-ci/koschei/internal/web/html"
	"github.com/koschei-ci/koschei/internal/web/pages/adminpage"
	"github.com/koschei-ci/koschei/internal/web/pages/badge"
	"github.com/koschei-ci/koschei/internal/web/pages/buildpage"
	"github.com/koschei-ci/koschei/internal/web/pages/collectionedit"
	"github.com/koschei-ci/koschei/internal/web/pages/collectionpage"
	"github.com/koschei-ci/koschei/internal/web/pages/docpage"
	"github.com/koschei-ci/koschei/internal/web/pages/feed"
	"github.com/koschei-ci/koschei/internal/web/pages/groupedit"
	"github.com/koschei-ci/koschei/internal/web/pages/grouppage"
	"github.com/koschei-ci/koschei/internal/web/pages/overviewpage"
	"github.com/koschei-ci/koschei/internal/web/pages/packageedit"
	"github.com/koschei-ci/koschei/internal/web/pages/packagelist"
	"github.com/koschei-ci/koschei/internal/web/pages/packagepage"
	"github.com/koschei-ci/koschei/internal/web/pages/queuepage"
	"github.com/koschei-ci/koschei/internal/web/pages/repopage"
	"github.com/koschei-ci/koschei/internal/web/pages/static"
	"github.com/koschei-ci/koschei/internal/web/pages/statspage"
	"github.com/koschei-ci/koschei/internal/web/pages/statuspage"
	"github.com/koschei-ci/koschei/internal/web/pages/subscriptions"
	"github.com/koschei-ci/koschei/internal/web/pages/tokenpage"
	"github.com/koschei-ci/koschei/internal/web/pages/unsubscribe"
	"github.com/koschei-ci/koschei/internal/web/pages/updatepage"
	"github.com/koschei-ci/koschei/internal/web/pages/userpage"
	"github.com/koschei-ci/koschei/internal/web/signin"
)

// A Config is what both servers of a process are made of. All of it from View
// to Health must be set.
type Config struct {
	View     *view.View
	Editor   *edit.Editor
	Log      *slog.Logger
	Clock    koschei.Clock
	Registry *prometheus.Registry
	Rules    koschei.PriorityRules
	Health   web.Health
	SignIn   *signin.SignIn // nil if nobody can sign in, and nothing below is set
	Edit     *edit.Editor
	Policy   koschei.Policy // of Edit

	Koji            html.Links
	PackagesPerPage int // 100 if 0
	BuildsPerPage   int // 15 if 0
	Version         string
	FrontIsList     bool        // whether / lists packages, and does not show the overview
	Mail            bool        // whether letters are sent
	Hooks           bool        // whether web hooks of users are called
	Bugzilla        string      // where bugs are reported, without a slash at the end; "" for nowhere
	Address         string      // of the site as others see it, without a slash at the end
	Limits          web.Limits  // of a client; none if zero
	Live            web.Bell    // rings when something changes that people may be told of; nil if nothing does
	Changes         web.Changes // tells when pages that were shown do not hold any more; nil if nobody does
}

// New returns the server of the site. With operations it serves the operators'
// addresses too; without, of those only the ones that ask how the process is.
func New(c Config, operations bool) (*web.Server, error) {
	templates := html.New(c.Clock)
	described, err := v2.New(v2.Config{Rules: c.Rules, SignIn: c.SignIn != nil, Report: c.packages().Report, Bugzilla: c.Bugzilla}).Routes()
	if err != nil {
		return nil, err
	}
	routes := slices.Concat(pageRoutes(c, templates), v1.Routes(), described)
	routes = append(append(routes, c.Health.Routes()...), web.Theme(), web.Events())
	if operations {
		routes = append(routes, web.Metrics(c.Registry))
	}
	if c.SignIn != nil {
		routes = append(routes, actRoutes(c, templates)...)
	}
	return newServer(c, templates, append(routes, nowhere("/api/", web.JSON), nowhere("/api/v2/", web.Problem), nowhere("/", web.HTML)))
}

// Operations returns the server of the operators' addresses alone.
func Operations(c Config) (*web.Server, error) {
	return newServer(c, html.New(c.Clock), append(c.Health.Routes(), web.Metrics(c.Registry), nowhere("/", web.Text)))
}

func newServer(c Config, templates *html.Templates, routes []web.Route) (*web.Server, error) {
	config := web.Config{
		Routes: routes, View: c.View, Templates: templates, Log: c.Log, Clock: c.Clock, Registry: c.Registry,
		Identity: web.Anonymous, Version: c.Version, Limits: c.Limits, Changes: c.Changes, Live: c.Live,
	}
	if c.SignIn != nil {
		config.Identity, config.SignIn, config.Edit = c.SignIn.Identity, true, c.Edit
		if origin := c.SignIn.Origin(); origin != "" {
			config.FormTargets = []string{origin}
		}
	}
	return web.New(config)
}

// packages is what pages of packages are made of.
func (c *Config) packages() *packagepage.Config {
	return &packagepage.Config{Rules: c.Rules, Links: c.Koji, PerPage: cmp.Or(c.BuildsPerPage, 15), Bugzilla: c.Bugzilla, Address: c.Address}
}

func pageRoutes(c Config, t *html.Templates) []web.Route {
	lists := packagelist.New(t, c.Rules, cmp.Or(c.PackagesPerPage, 100))
	var routes []web.Route
	for _, of := range [][]web.Route{
		lists.Routes(),
		overviewpage.Routes(t, overviewpage.Front{List: lists.Front, ListAlways: c.FrontIsList}),
		packagepage.Routes(t, *c.packages()),
		buildpage.Routes(t, c.Koji),
		collectionpage.Routes(t, c.Clock),
		updatepage.Routes(t),
		queuepage.Routes(t, c.Rules, c.Clock, c.Koji),
		repopage.Routes(t),
		grouppage.Routes(t, lists),
		userpage.Routes(lists),
		feed.Routes(c.Address),
		statuspage.Routes(t, c.Rules, c.Clock),
		statspage.Routes(t),
		docpage.Routes(t, c.Rules),
		badge.Routes(t),
		unsubscribe.Routes(t, c.Editor),
		static.Routes(),
	} {
		routes = append(routes, of...)
	}
	return routes
}

// actRoutes are for those who have signed in.
func actRoutes(c Config, t *html.Templates) []web.Route {
	return slices.Concat(
		c.SignIn.Routes(t), packageedit.Routes(t, c.Policy, c.Rules), groupedit.Routes(t), subscriptions.Routes(t, subscriptions.Ways{Mail: c.Mail, Hooks: c.Hooks}),
		adminpage.Routes(t), collectionedit.Routes(t), tokenpage.Routes(t, c.SignIn.Real), buildpage.Acts(),
	)
}

// nowhere is all below prefix that no other route has.
func nowhere(prefix string, errors web.Format) web.Route {
	return web.Route{Pattern: prefix, Handler: web.Nothing, Access: web.Public, Errors: errors, Label: "nowhere"}
}
