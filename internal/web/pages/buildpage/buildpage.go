// Package buildpage shows one build: its tasks, how it ended, and what its
// buildroot had that another build's had not.
package buildpage

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	links html.Links
	page  html.Page[content]
}

// Routes are the addresses of builds.
func Routes(t *html.Templates, links html.Links) []web.Route {
	folder := t.Folder("buildpage", files)
	p := &pages{links, html.Whole[content](folder, "build.html")}
	return []web.Route{{
		Method: http.MethodGet, Pattern: "/build/{id}", Handler: p.show, Access: web.Public, Errors: web.HTML, Label: "build", Frame: true,
	}}
}

// A content is the page of one build.
type content struct {
	html.Layout
	Name           string // of the package
	Collection     string
	CollectionName string // as people call it
	Build          *html.Build
	RepoID         int64          // 0 if it is not known
	RepoEvent      int64          // 0 if the repo is not kept
	RepoCreated    time.Time      // likewise
	Compared       *html.BuildRef // nil if there is nothing to compare with
	Chosen         bool           // whether the reader chose Compared
	Sets           html.Changes   // from Compared's to Build's
	SetNote        string         // why there are no Sets, "" if there are
	Set            []dependency
	Newer          *html.BuildRef // the package's next build; nil if there is none
}

// A dependency is a package of the buildroot.
type dependency struct {
	Name     string
	EVRArch  string
	Distance int
}

// A form says what the build is compared with.
type form struct {
	Compare string `form:"compare"` // the id of a build, "" for the build before

	compare int64
}

// Validate implements web.Form.
func (f *form) Validate() (err error) {
	if f.Compare == "" {
		return nil
	}
	if f.compare, err = strconv.ParseInt(f.Compare, 10, 64); err != nil || f.compare <= 0 {
		return fmt.Errorf("build %q to compare with is not a number: %w", f.Compare, koschei.ErrInvalid)
	}
	return nil
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return web.Answer{}, fmt.Errorf("there is no build %q: %w", r.PathValue("id"), koschei.ErrNotFound)
	}
	var f form
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	page, err := r.View.BuildPage(r.Context(), id, f.compare)
	switch {
	case errors.Is(err, koschei.ErrNotFound) && f.compare != 0:
		return web.Answer{}, fmt.Errorf("there is no build %d, or no build %d of the same package whose dependencies are known: %w", id, f.compare, koschei.ErrNotFound)
	case errors.Is(err, koschei.ErrNotFound):
		return web.Answer{}, fmt.Errorf("there is no build %d: %w", id, koschei.ErrNotFound)
	case err != nil:
		return web.Answer{}, err
	}
	c := r.CollectionByID(page.CollectionID)
	if c == nil {
		return web.Answer{}, fmt.Errorf("build %d is of a collection that is gone: %w", id, koschei.ErrNotFound)
	}
	v := content{
		Layout: r.Layout("packages", fmt.Sprintf("%s-%s, build %d", page.PackageName, page.EVR, id)),
		Name:   page.PackageName, Collection: c.Name, CollectionName: c.DisplayName, Build: web.BuildOf(&page.BuildRecord, p.links),
		RepoID: page.Repo.RepoID, RepoEvent: page.Repo.CreateEvent, RepoCreated: page.Repo.Created,
		Compared: web.RefOf(page.Compared.Build), Chosen: f.compare != 0, Newer: web.RefOf(page.Newer),
	}
	r.About(&v.Layout, c)
	r.Switch(&v.Layout, func(name string) string { return html.PackageURL(page.PackageName, name) })
	for _, d := range page.Set {
		v.Set = append(v.Set, dependency{d.Name, d.EVR.String() + "." + d.Arch, d.Distance})
	}
	if page.Deps == koschei.DepsResolved && page.Compared.Build != nil {
		v.Sets = html.ChangesOf(koschei.DiffDependencies(page.Compared.Set, page.Set))
	} else {
		v.SetNote = cmp.Or(v.Build.DepsNote, "Since the build before, of which it is not known any more what it was built with:")
	}
	return web.Page(p.page, &v)
}
