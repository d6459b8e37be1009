package buildpage

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A logContent is the page of what is kept of a failed build's log.
type logContent struct {
	html.Layout
	Name           string
	Collection     string
	CollectionName string
	Build          *html.Build
	Excerpt        *html.Excerpt // nil if nothing is kept
	Note           string        // why there is none
	Message        string        // the error in short, "" if it is not known
	Same           []same        // others that failed alike
}

// A same is a build that failed with the same error.
type same struct {
	Name, Collection, URL string
	Build                 *html.BuildRef
}

// shownSame are how many other builds are told that failed alike.
const shownSame = 30

// log shows what is kept of the log of a failed build.
func (p *pages) log(r *web.Request) (web.Answer, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return web.Answer{}, fmt.Errorf("there is no build %q: %w", r.PathValue("id"), koschei.ErrNotFound)
	}
	page, err := r.View.Builds.Compare(r.Context(), view.Pair{B: id})
	if errors.Is(err, koschei.ErrNotFound) {
		return web.Answer{}, fmt.Errorf("there is no build %d: %w", id, koschei.ErrNotFound)
	}
	if err != nil {
		return web.Answer{}, err
	}
	c := r.CollectionByID(page.CollectionID)
	if c == nil {
		return web.Answer{}, fmt.Errorf("build %d is of a collection that is gone: %w", id, koschei.ErrNotFound)
	}
	failure, err := r.View.Builds.Failure(r.Context(), id)
	if err != nil {
		return web.Answer{}, err
	}
	v := &logContent{
		Layout: r.Layout("packages", fmt.Sprintf("Where build %d of %s stopped", id, page.PackageName)),
		Name:   page.PackageName, Collection: c.Name, CollectionName: c.DisplayName, Build: web.BuildOf(page.B.BuildRecord, p.links),
	}
	r.About(&v.Layout, c)
	r.Switch(&v.Layout, func(name string) string { return html.PackageURL(page.PackageName, name) })
	v.Excerpt = web.ExcerptOf(failure, id, web.AllLines, logsOf(v.Build))
	switch {
	case v.Excerpt != nil:
		v.Message = failure.Message
		err = v.alike(r, failure.Signature, id)
	case page.B.Outcome != koschei.OutcomeFailed:
		v.Note = "It did not fail, so nothing is kept of its log."
	case failure == nil:
		v.Note = "Its logs have not been read yet."
	default:
		v.Note = "Its logs were gone when they were to be read."
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.logPage, v)
}

// alike finds the builds that failed with the same error.
func (v *logContent) alike(r *web.Request, signature string, id int64) error {
	if signature == "" {
		return nil
	}
	found, err := r.View.Builds.SameFailures(r.Context(), signature, shownSame+1)
	if err != nil {
		return err
	}
	for i := range found {
		if f := &found[i]; f.Build.ID != id {
			v.Same = append(v.Same, same{f.Package, f.Collection, html.PackageURL(f.Package, f.Collection), web.RefOf(&f.Build)})
		}
	}
	return nil
}

// logsOf are the logs of the task that brought a build down.
func logsOf(b *html.Build) []html.Log {
	for _, t := range b.Tasks {
		if t.Guilty {
			return t.Logs
		}
	}
	return nil
}
