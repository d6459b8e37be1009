// Package buildpage shows what is different between two builds of a package: of a
// build and the one before it, of any two, or of a build and what one would get
// now. It shows how they ended and where they stopped.
package buildpage

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	links   html.Links
	page    html.Page[content]
	logPage html.Page[logContent]
}

// Routes are the addresses of builds.
func Routes(t *html.Templates, links html.Links) []web.Route {
	folder := t.Folder("buildpage", files)
	p := &pages{links, html.Whole[content](folder, "build.html"), html.Whole[logContent](folder, "log.html")}
	return []web.Route{
		web.PublicPage("/build/{id}", "build", p.build, web.UntilChanged),
		web.PublicPage("/build/{id}/log", "build log", p.log, web.UntilChanged),
		web.PublicPage("/compare", "compare", p.compare, web.UntilChanged),
	}
}

// A buildForm says what a build is compared with.
type buildForm struct {
	Compare string `form:"compare"` // the id of a build, "" for the build before

	compare int64
}

// Validate implements web.Form.
func (f *buildForm) Validate() (err error) {
	if f.Compare != "" {
		f.compare, err = buildID(f.Compare)
	}
	return err
}

// build shows a build beside the one before it.
func (p *pages) build(r *web.Request) (web.Answer, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return web.Answer{}, fmt.Errorf("there is no build %q: %w", r.PathValue("id"), koschei.ErrNotFound)
	}
	var f buildForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	if f.compare != 0 {
		return web.Redirect(compareURL(f.compare, id, "")), nil
	}
	return p.show(r, view.Pair{B: id}, "", fmt.Sprintf("/build/%d", id))
}

// A compareForm says which builds are compared.
type compareForm struct {
	A        string `form:"a"`        // the id of a build
	B        string `form:"b"`        // likewise, or "now"
	Other    string `form:"other"`    // another build instead of A, "" for A
	Distance string `form:"distance"` // "near" and "far" changes only, "" for all

	pair view.Pair
}

// Validate implements web.Form.
func (f *compareForm) Validate() (err error) {
	if f.pair.A, err = buildID(strings.TrimSpace(cmp.Or(f.Other, f.A))); err != nil {
		return err
	}
	if f.B != "now" {
		if f.pair.B, err = buildID(strings.TrimSpace(f.B)); err != nil {
			return err
		}
	}
	switch f.Distance {
	case "", "near", "far":
		return nil
	}
	return fmt.Errorf("distance is near or far, not %q: %w", f.Distance, koschei.ErrInvalid)
}

func buildID(text string) (int64, error) {
	if text == "" {
		return 0, fmt.Errorf("say which two builds to compare, as in /compare?a=12&b=34 or /compare?a=12&b=now: %w", koschei.ErrInvalid)
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("build %q to compare with is not a number: %w", text, koschei.ErrInvalid)
	}
	return id, nil
}

func (p *pages) compare(r *web.Request) (web.Answer, error) {
	var f compareForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	if f.Other != "" {
		return web.Redirect(compareURL(f.pair.A, f.pair.B, f.Distance)), nil
	}
	return p.show(r, f.pair, f.Distance, compareURL(f.pair.A, f.pair.B, ""))
}

// compareURL is the address of a comparison; b is 0 for what a build would get now.
func compareURL(a, b int64, distance string) string {
	second := "now"
	if b != 0 {
		second = strconv.FormatInt(b, 10)
	}
	url := fmt.Sprintf("/compare?a=%d&b=%s", a, second)
	if distance != "" {
		url += "&distance=" + distance
	}
	return url
}

// shownLines are how many lines of a log are shown beside other things.
const shownLines = 16

// show shows a pair at an address, to which what is asked of distances can be
// added.
func (p *pages) show(r *web.Request, pair view.Pair, distance, address string) (web.Answer, error) {
	page, err := r.View.Builds.Compare(r.Context(), pair)
	switch {
	case errors.Is(err, koschei.ErrNotFound):
		return web.Answer{}, fmt.Errorf("there is no build %d: %w", cmp.Or(pair.B, pair.A), koschei.ErrNotFound)
	case errors.Is(err, koschei.ErrInvalid):
		return web.Answer{}, fmt.Errorf("builds %d and %d are not of the same package, or there is no build %d: %w", pair.A, pair.B, pair.A, koschei.ErrNotFound)
	case err != nil:
		return web.Answer{}, err
	}
	c := r.CollectionByID(page.CollectionID)
	if c == nil {
		return web.Answer{}, fmt.Errorf("build %d is of a collection that is gone: %w", pair.B, koschei.ErrNotFound)
	}
	v := p.content(page, c, distance, address)
	if b := page.B.BuildRecord; b != nil && b.Outcome == koschei.OutcomeFailed {
		failure, err := r.View.Builds.Failure(r.Context(), b.ID)
		if err != nil {
			return web.Answer{}, err
		}
		v.Excerpt = web.ExcerptOf(failure, b.ID, shownLines, logsOf(v.B.Build))
	}
	if b := page.B.BuildRecord; b != nil && len(v.Changes) > 0 {
		via, err := r.View.Builds.Via(r.Context(), b.ID)
		if err != nil {
			return web.Answer{}, err
		}
		v.lead(via)
	}
	v.Layout = r.Layout("packages", v.Heading)
	r.About(&v.Layout, c)
	r.Switch(&v.Layout, func(name string) string { return html.PackageURL(page.PackageName, name) })
	return web.Page(p.page, v)
}
