package updatepage

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A oneView is the page of one update.
type oneView struct {
	html.Layout
	step
	Collection     string
	CollectionName string
	Repo           koschei.Repo
	RepoURL        string
	Sentence       string
	Doubt          string // why what is told is not proved; "" if it is
	Bar            []part
	Unmet          []unmet
	Effects        []effect
	Looked         int // packages that are told of
	Reached        int // packages in all
	Changes        []html.Change
	MoreChanges    int
	History        []past
}

// A part of the bar that shows what became of the packages, 1000 wide.
type part struct {
	State koschei.State // whose colour it has
	X, W  int
}

// An unmet is something that the update took away.
type unmet struct {
	view.Unmet
	Needer string // who needs it
}

// An effect is what an update did, with the packages to which it did that.
type effect struct {
	Heading  string
	Note     string
	Packages []reached
	Folded   bool
}

// A reached is a package that the update reached.
type reached struct {
	Name     string
	URL      string
	State    koschei.State
	Distance int
	BuildID  int64
	Line     string // of the error
}

// A past is an update of the same source.
type past struct {
	step
	Created time.Time
	Broke   int
	Here    bool
}

func (p *pages) showOne(r *web.Request) (web.Answer, error) {
	c, err := r.Collection(r.PathValue("collection"))
	if err != nil {
		return web.Answer{}, err
	}
	source, version := r.PathValue("source"), r.PathValue("version")
	page, err := r.View.Repos.Update(r.Context(), c.ID, source, version)
	if errors.Is(err, koschei.ErrNotFound) {
		return web.Answer{}, fmt.Errorf("no update of %s is known in %s: %w", strings.TrimSpace(source+" to "+cmp.Or(version, "any version")), c.DisplayName, koschei.ErrNotFound)
	}
	if err != nil {
		return web.Answer{}, err
	}
	v := oneView{
		Layout: r.Layout("updates", "Update of "+source), step: stepOf(c.Name, source, page.Before, page.After),
		Collection: c.Name, CollectionName: c.DisplayName, Repo: page.Repo, RepoURL: html.RepoURL(c.Name, page.RepoID),
		Looked: len(page.Packages), Reached: page.Reached, MoreChanges: page.Binaries - len(page.Changes),
	}
	r.About(&v.Layout, c)
	v.Feeds = append(v.Feeds, html.Feed{Title: "Updates of " + source, URL: "/feed/update/" + url.PathEscape(c.Name) + "/" + html.Segment(source)})
	r.Switch(&v.Layout, func(name string) string { return html.UpdateURL(name, source, "") })
	lines, err := errorLines(r, page)
	if err != nil {
		return web.Answer{}, err
	}
	counts := page.Effects()
	v.Sentence = did(counts, page.Update.Unmet)
	if page.Others > 0 && counts[view.EffectBroke]+counts[view.EffectMended] > 0 {
		v.Doubt = fmt.Sprintf("%s came with the same repo: what broke or was mended may be their doing.", html.Plural(page.Others, "other update"))
	}
	v.Bar = bar(counts, page.Update.Unmet)
	for _, u := range page.Unmet {
		v.Unmet = append(v.Unmet, unmet{u, needer(&u)})
	}
	v.Effects = effects(page, c.Name, lines)
	for _, ch := range page.Changes {
		row := html.ChangeOf(ch)
		row.Distance = "" // to a buildroot there is none
		v.Changes = append(v.Changes, row)
	}
	for _, u := range page.History {
		v.History = append(v.History, past{stepOf(c.Name, source, u.Before, u.After), u.Created, u.Broke, u.RepoID == page.RepoID})
	}
	return web.Page(p.one, &v)
}

// errorLines are those of the builds that failed.
func errorLines(r *web.Request, page *view.UpdatePage) (map[int64]string, error) {
	var ids []int64
	for i := range page.Packages {
		if p := &page.Packages[i]; p.Effect == view.EffectBroke || p.Effect == view.EffectFails {
			ids = append(ids, p.BuildID)
		}
	}
	return r.View.Builds.FailureLines(r.Context(), ids)
}

// did tells what an update did.
func did(n map[view.Effect]int, unresolved int) string {
	var parts []string
	if unresolved > 0 {
		parts = append(parts, html.Plural(unresolved, "package")+" could not be installed any more for want of what it took away")
	}
	if n[view.EffectBroke] > 0 {
		parts = append(parts, html.Plural(n[view.EffectBroke], "package")+" failed first with it")
	}
	if n[view.EffectMended] > 0 {
		parts = append(parts, html.Plural(n[view.EffectMended], "package")+" built again with it")
	}
	if len(parts) == 0 {
		parts = append(parts, "it broke and mended nothing so far")
	}
	say := html.Sentence(strings.Join(parts, ", "))
	if builds := n[view.EffectBuilds]; builds > 0 {
		say += " " + html.Count(builds) + " still " + verb(builds, "builds", "build") + "."
	}
	if waiting := n[view.EffectWaiting]; waiting > 0 {
		say += " " + html.Count(waiting) + " " + verb(waiting, "was", "were") + " not built with it yet."
	}
	return say
}

func verb(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

func bar(n map[view.Effect]int, unresolved int) []part {
	shares := []struct {
		state koschei.State
		count int
	}{
		{koschei.StateUnresolved, unresolved},
		{koschei.StateFailing, n[view.EffectBroke] + n[view.EffectFails]},
		{koschei.StateOK, n[view.EffectBuilds] + n[view.EffectMended]},
		{koschei.StateUnknown, n[view.EffectWaiting]},
	}
	total, sum := 0, 0
	for _, s := range shares {
		total += s.count
	}
	var parts []part
	for _, s := range shares {
		if s.count > 0 {
			x := sum * 1000 / total
			sum += s.count
			parts = append(parts, part{s.state, x, sum*1000/total - x})
		}
	}
	return parts
}

// needer is who needs what is not met.
func needer(u *view.Unmet) string {
	if u.NeededBy == "" {
		return "required by the packages themselves"
	}
	return fmt.Sprintf("required by %s-%s", u.NeededBy, u.NeededVersion)
}

// shownWaiting is how many packages that wait, or that build, are named.
const shownWaiting = 200

func effects(page *view.UpdatePage, collection string, lines map[int64]string) []effect {
	all := []struct {
		of view.Effect
		effect
	}{
		{view.EffectBroke, effect{Heading: "Broke", Note: "They built before, and failed first with it."}},
		{view.EffectMended, effect{Heading: "Mended", Note: "They failed before, and built first with it."}},
		{view.EffectFails, effect{Heading: "Fails anyway", Note: "They failed before, too.", Folded: true}},
		{view.EffectWaiting, effect{Heading: "Not built with it yet", Note: "Their next builds will have it.", Folded: true}},
		{view.EffectBuilds, effect{Heading: "Still builds", Folded: true}},
	}
	var shown []effect
	for _, e := range all {
		for i := range page.Packages {
			p := &page.Packages[i]
			if p.Effect != e.of || len(e.Packages) == shownWaiting {
				continue
			}
			row := reached{
				Name: p.Package, URL: html.PackageURL(p.Package, collection), State: p.State, Distance: p.Distance, BuildID: p.BuildID,
			}
			if e.of == view.EffectBroke || e.of == view.EffectFails {
				row.Line = cmp.Or(lines[p.BuildID], p.Fault)
			}
			e.Packages = append(e.Packages, row)
		}
		if len(e.Packages) > 0 {
			shown = append(shown, e.effect)
		}
	}
	return shown
}
