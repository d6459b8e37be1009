// Package feed tells in Atom feeds what broke and what was mended: of a
// collection, a package, a group, what a person looks after, and of an update.
//
// An entry is one thing that happened. It is told once and never changes, so an
// unchanged feed is the same to the byte.
package feed

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// entries are those of a feed.
const entries = 50

type feeds struct {
	address string // of the site, without a slash at the end; "" if that is not known
	host    string // that ids are of
}

// Routes are the addresses of feeds. address is that of the site, "" if it is not
// known: then links in feeds are relative.
func Routes(address string) []web.Route {
	f := &feeds{address: address, host: "localhost"}
	if u, err := url.Parse(address); err == nil && u.Hostname() != "" {
		f.host = u.Hostname()
	}
	var routes []web.Route
	for _, r := range []struct {
		pattern string
		handler web.Handler
	}{
		{"/feed/collection/{collection}", f.collection},
		{"/feed/package/{name}", f.pkg},
		{"/feed/group/{name}", f.group},
		{"/feed/group/{namespace}/{name}", f.group},
		{"/feed/user/{name}", f.user},
		{"/feed/update/{collection}/{source}", f.update},
	} {
		routes = append(routes, web.Route{
			Method: http.MethodGet, Pattern: r.pattern, Handler: r.handler, Access: web.Public, Errors: web.Text, Label: "feed", Frame: true, Kept: web.UntilChanged,
		})
	}
	return routes
}

// A feed as RFC 4287 has it.
type feed struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Author  string   `xml:"author>name"`
	Links   []link   `xml:"link"`
	Entries []entry  `xml:"entry"`
}

type link struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
	Type string `xml:"type,attr"`
}

type entry struct {
	ID       string   `xml:"id"`
	Title    string   `xml:"title"`
	Updated  string   `xml:"updated"`
	Link     link     `xml:"link"`
	Category category `xml:"category"`
	Summary  string   `xml:"summary"`
}

type category struct {
	Term string `xml:"term,attr"`
}

func (f *feeds) collection(r *web.Request) (web.Answer, error) {
	c, err := r.Collection(r.PathValue("collection"))
	if err != nil {
		return web.Answer{}, err
	}
	return f.states(r, view.NewsFilter{CollectionID: c.ID}, "What broke in "+c.DisplayName, html.InCollection("/overview", c.Name))
}

func (f *feeds) pkg(r *web.Request) (web.Answer, error) {
	name := r.PathValue("name")
	switch there, err := r.View.Packages.Exists(r.Context(), name); {
	case err != nil:
		return web.Answer{}, err
	case !there:
		return web.Answer{}, fmt.Errorf("there is no package named %q: %w", name, koschei.ErrNotFound)
	}
	return f.states(r, view.NewsFilter{Package: name}, "The package "+name, html.PackageURL(name, ""))
}

func (f *feeds) group(r *web.Request) (web.Answer, error) {
	asked := koschei.Group{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}
	g, _, err := r.View.GroupPage(r.Context(), asked.Namespace, asked.Name)
	if errors.Is(err, koschei.ErrNotFound) {
		return web.Answer{}, fmt.Errorf("there is no group named %q: %w", asked.FullName(), koschei.ErrNotFound)
	}
	if err != nil {
		return web.Answer{}, err
	}
	return f.states(r, view.NewsFilter{GroupID: g.ID}, "The group "+g.FullName(), "/groups/"+strings.ReplaceAll(url.PathEscape(g.FullName()), "%2F", "/"))
}

func (f *feeds) user(r *web.Request) (web.Answer, error) {
	name := r.PathValue("name")
	if _, err := r.View.People.Person(r.Context(), name); err != nil {
		return web.Answer{}, err
	}
	return f.states(r, view.NewsFilter{Person: name}, "What "+name+" looks after", "/user/"+url.PathEscape(name))
}

// states answers with changes of states. page is the address of the page that the
// feed is of.
func (f *feeds) states(r *web.Request, of view.NewsFilter, title, page string) (web.Answer, error) {
	news, err := r.View.Timeline.News(r.Context(), of, entries)
	if err != nil {
		return web.Answer{}, err
	}
	var list []entry
	for _, n := range news {
		c := r.CollectionByID(n.CollectionID)
		if c == nil {
			continue // it is new, or has just gone
		}
		words, summary := happened(n, c.DisplayName)
		list = append(list, f.entry(entry{
			ID: fmt.Sprintf("%s/%s/event/%d", url.PathEscape(c.Name), url.PathEscape(n.Package), n.ID), Title: words, Summary: summary,
			Category: category{string(n.After)}, Link: link{Href: html.PackageURL(n.Package, c.Name)},
		}, n.Changed))
	}
	return f.answer(r, title, page, list)
}

// happened tells of a change, in short and in a sentence.
func happened(n view.StateNews, collection string) (words, summary string) {
	switch n.After {
	case koschei.StateOK:
		return n.Package + " builds again in " + collection, fmt.Sprintf("It was %s before.", n.Before)
	case koschei.StateUnresolved:
		return n.Package + " cannot be installed for building in " + collection,
			fmt.Sprintf("Its build dependencies cannot be installed any more. It was %s before.", n.Before)
	default:
		return n.Package + " fails in " + collection, fmt.Sprintf("Its last build failed. It was %s before.", n.Before)
	}
}

func (f *feeds) update(r *web.Request) (web.Answer, error) {
	c, err := r.Collection(r.PathValue("collection"))
	if err != nil {
		return web.Answer{}, err
	}
	source := r.PathValue("source")
	news, err := r.View.Timeline.UpdateNews(r.Context(), c.ID, source, entries)
	if err != nil {
		return web.Answer{}, err
	}
	if len(news) == 0 {
		return web.Answer{}, fmt.Errorf("no update of %s is known in %s: %w", source, c.DisplayName, koschei.ErrNotFound)
	}
	var list []entry
	for _, n := range news {
		version := n.After
		if version == "" {
			version = "gone"
		}
		e := entry{
			ID:    fmt.Sprintf("%s/update/%s/%d", url.PathEscape(c.Name), url.PathEscape(source), n.RepoID),
			Title: fmt.Sprintf("%s %s came to %s", source, version, c.DisplayName), Category: category{"update"},
			Link: link{Href: html.UpdateURL(c.Name, source, n.After)}, Summary: fmt.Sprintf("It came with repo %d.", n.RepoID),
		}
		switch {
		case n.Broke != "":
			e.ID += fmt.Sprintf("/build/%d", n.BuildID)
			e.Title, e.Category.Term = fmt.Sprintf("%s failed first with %s %s", n.Broke, source, version), "failing"
			e.Link.Href, e.Summary = fmt.Sprintf("/build/%d", n.BuildID), "Something of the update was new in the build that failed. Other changes may have been, too."
		case n.Gone != "":
			e.ID += fmt.Sprintf("/unmet/%d", n.UnmetID)
			e.Title, e.Category.Term = fmt.Sprintf("%s is gone with %s %s", n.Gone, source, version), "unresolved"
			e.Summary = "Packages that want it cannot be built."
		}
		list = append(list, f.entry(e, n.At))
	}
	return f.answer(r, fmt.Sprintf("Updates of %s in %s", source, c.DisplayName), html.UpdateURL(c.Name, source, ""), list)
}

// entry makes the id and the link of an entry whole.
func (f *feeds) entry(e entry, at time.Time) entry {
	e.ID, e.Updated = f.tag(e.ID), stamp(at)
	e.Link.Rel, e.Link.Type, e.Link.Href = "alternate", "text/html", f.address+e.Link.Href
	return e
}

// tag is an id that never changes, as RFC 4151 has it. The year says since when the
// host is ours, and stays what it is.
func (f *feeds) tag(what string) string { return "tag:" + f.host + ",2026:" + what }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (f *feeds) answer(r *web.Request, title, page string, list []entry) (web.Answer, error) {
	path := r.URL.EscapedPath()
	whole := feed{
		ID: f.tag(strings.TrimPrefix(path, "/")), Title: title, Updated: stamp(time.Unix(0, 0)), Author: "Koschei", Entries: list,
		Links: []link{{"self", f.address + path, "application/atom+xml"}, {"alternate", f.address + page, "text/html"}},
	}
	if len(list) > 0 {
		whole.Updated = list[0].Updated
	}
	body, err := xml.Marshal(whole)
	return web.Answer{Type: "application/atom+xml; charset=utf-8", Body: append([]byte(xml.Header), body...)}, err
}
