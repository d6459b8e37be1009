// Package grouppage shows the global groups of packages, and one group with
// its packages and who looks after it.
package grouppage

import (
	"embed"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
	"github.com/koschei-ci/koschei/internal/web/pages/packagelist"
)

//go:embed *.html
var files embed.FS

type pages struct {
	lists *packagelist.Lists
	all   html.Page[content]
}

// Routes are the addresses of groups, whose packages lists show.
func Routes(t *html.Templates, lists *packagelist.Lists) []web.Route {
	folder := t.Folder("grouppage", files)
	p := &pages{lists, html.Whole[content](folder, "groups.html")}
	return []web.Route{
		web.PublicPage("/groups", "groups", p.showAll, web.UntilChanged),
		web.PublicPage("/groups/{name}", "group", p.showOne, web.UntilChanged),
		web.PublicPage("/groups/{namespace}/{name}", "group", p.showOne, web.UntilChanged),
	}
}

// A content is the list of global groups.
type content struct {
	html.Layout
	Groups []group
}

type group struct {
	Name     string
	Packages int
	URL      string
}

func (p *pages) showAll(r *web.Request) (web.Answer, error) {
	groups, err := r.View.GlobalGroups(r.Context())
	if err != nil {
		return web.Answer{}, err
	}
	v := content{Layout: r.Layout("groups", "Groups")}
	for _, g := range groups {
		v.Groups = append(v.Groups, group{g.Name, g.Packages, "/groups/" + url.PathEscape(g.Name) + r.ScopeQuery()})
	}
	return web.Page(p.all, &v)
}

func (p *pages) showOne(r *web.Request) (web.Answer, error) {
	asked := koschei.Group{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}
	g, maintainers, err := r.View.GroupPage(r.Context(), asked.Namespace, asked.Name)
	if errors.Is(err, koschei.ErrNotFound) {
		return web.Answer{}, fmt.Errorf("there is no group named %q: %w", asked.FullName(), koschei.ErrNotFound)
	}
	if err != nil {
		return web.Answer{}, err
	}
	maintained := html.Say("Nobody is named as its maintainer.")
	for i, name := range maintainers {
		if i == 0 {
			maintained = html.Say("Maintained by ")
		} else {
			maintained = maintained.And(", ")
		}
		maintained = maintained.Link(name, "/user/"+url.PathEscape(name))
	}
	if len(maintainers) > 0 {
		maintained = maintained.And(".")
	}
	change := ""
	if r.Actor.CanEditGroup(g) || slices.Contains(maintainers, r.Actor.Name) {
		change = r.URL.EscapedPath() + "/edit"
	}
	layout := r.Layout("groups", "Group "+g.FullName())
	layout.Feeds = append(layout.Feeds, html.Feed{Title: "The group " + g.FullName(), URL: "/feed/group" + strings.TrimPrefix(r.URL.EscapedPath(), "/groups")})
	return p.lists.Show(r, packagelist.Wanted{
		Layout: layout, Heading: "Group " + g.FullName(),
		Facts: []html.Prose{html.Say("It has " + html.Plural(g.Packages, "package") + " that are not blocked everywhere.")}, Foot: []html.Prose{maintained},
		Edit:   change,
		Filter: view.PackageFilter{GroupID: g.ID},
	})
}
