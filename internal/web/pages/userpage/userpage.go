// Package userpage shows the packages that a person looks after.
package userpage

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
	"github.com/koschei-ci/koschei/internal/web/pages/packagelist"
)

type pages struct{ lists *packagelist.Lists }

// Routes are the addresses of people, whose packages lists show.
func Routes(lists *packagelist.Lists) []web.Route {
	p := &pages{lists}
	return []web.Route{web.PublicPage("/user/{name}", "user", p.show, web.UntilChanged)}
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	name := r.PathValue("name")
	person, err := r.View.People.Person(r.Context(), name)
	if err != nil {
		return web.Answer{}, err
	}
	layout := r.Layout("", "Packages of "+name)
	layout.Feeds = []html.Feed{{Title: "What " + name + " looks after", URL: "/feed/user/" + url.PathEscape(name)}}
	return p.lists.Show(r, packagelist.Wanted{
		Layout: layout, Heading: "Packages of " + name, Facts: facts(person), Fixed: true,
		Filter: view.PackageFilter{Person: name},
	})
}

// facts tell where the list comes from.
func facts(p *view.Person) []html.Prose {
	var list []html.Prose
	switch {
	case p.ListAge == 0:
		list = append(list, html.Say("No list of owners is known here, so these are the packages of groups alone."))
	case p.Owned == 0:
		list = append(list, html.Say("The list of owners names none."))
	default:
		list = append(list, html.Say(fmt.Sprintf("The list of owners, of %s, names %s.", html.Ago(p.ListAge), html.Plural(p.Owned, "package"))))
	}
	if len(p.Groups) == 0 {
		return append(list, html.Say("There is no group to maintain."))
	}
	groups := html.Say("Maintains ")
	for i, g := range p.Groups {
		if i > 0 {
			groups = groups.And(", ")
		}
		groups = groups.Link(g.FullName(), "/groups/"+strings.ReplaceAll(url.PathEscape(g.FullName()), "%2F", "/"))
	}
	return append(list, groups.And("."))
}
