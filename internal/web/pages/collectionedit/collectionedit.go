// Package collectionedit is where administrators make, change, branch, fork and
// delete collections, and put them into groups that pages show together. What a change
// makes untrue of what was found out before is said before it is done.
//
// No hub is asked here: targets and tags are taken as they are given, and
// koschei-admin check-config says which of them are not there.
package collectionedit

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	list   html.Page[listView]
	add    html.Page[addView]
	edit   html.Page[editView]
	sure   html.Page[sureView]
	branch html.Page[branchView]
	fork   html.Page[forkView]
	remove html.Page[deleteView]
	group  html.Page[groupView]
}

// Routes are the addresses where collections are changed.
func Routes(t *html.Templates) []web.Route {
	f := t.Folder("collectionedit", files)
	p := &pages{
		html.Whole[listView](f, "list.html"), html.Whole[addView](f, "add.html"), html.Whole[editView](f, "edit.html"), html.Whole[sureView](f, "sure.html"),
		html.Whole[branchView](f, "branch.html"), html.Whole[forkView](f, "fork.html"), html.Whole[deleteView](f, "delete.html"), html.Whole[groupView](f, "group.html"),
	}
	var routes []web.Route
	add := func(pattern, label string, show, change web.Handler) {
		if show != nil {
			routes = append(routes, web.Route{Method: http.MethodGet, Pattern: pattern, Handler: show, Access: web.Admins, Errors: web.HTML, Label: label + " form", Frame: true})
		}
		if change != nil {
			routes = append(routes, web.Route{Method: http.MethodPost, Pattern: pattern, Handler: change, Access: web.Admins, CSRF: web.SameOrigin, Errors: web.HTML, Label: label, Frame: true})
		}
	}
	add("/admin/collections", "admin collections", p.showList, nil)
	add("/admin/add-collection", "collection add", p.showAdd, p.create)
	add("/admin/collections/{name}", "collection edit", p.showEdit, p.change)
	add("/admin/collections/{name}/branch", "collection branch", p.showBranch, p.doBranch)
	add("/admin/collections/{name}/fork", "collection fork", p.showFork, p.doFork)
	add("/admin/collections/{name}/delete", "collection delete", p.showDelete, p.delete)
	add("/admin/add-collection-group", "collection group add", p.showAddGroup, p.createGroup)
	add("/admin/collection-groups/{name}", "collection group edit", p.showGroup, p.changeGroup)
	add("/admin/collection-groups/{name}/delete", "collection group delete", nil, p.deleteGroup)
	return routes
}

// A listView lists collections and their groups.
type listView struct {
	html.Layout
	Page        string // of the tabs
	Collections []view.FrameCollection
	Groups      []view.CollectionGroupSettings
}

const listURL = "/admin/collections"

func (p *pages) showList(r *web.Request) (web.Answer, error) {
	groups, err := r.View.CollectionGroups(r.Context())
	if err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.list, &listView{Layout: r.Layout("", "Collections"), Page: "collections", Collections: r.All, Groups: groups})
}

func editURL(name string) string { return listURL + "/" + url.PathEscape(name) }

// An editView has a form for each setting of a collection.
type editView struct {
	html.Layout
	Page    string
	Name    string
	URL     string
	Fields  []field
	Trouble string
}

func (p *pages) showEdit(r *web.Request) (web.Answer, error) {
	c, err := r.Collection(r.PathValue("name"))
	if err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.edit, editViewOf(r, c))
}

func editViewOf(r *web.Request, c *view.FrameCollection) *editView {
	return &editView{Layout: r.Layout("", "Change "+c.DisplayName), Page: "collections", Name: c.Name, URL: editURL(c.Name), Fields: fieldsOf(&c.Collection)}
}

// A changeForm gives one setting another value.
type changeForm struct {
	Setting string `form:"setting"`
	Value   string `form:"value"`
	Was     string `form:"was"`
	Seen    string `form:"seen"` // "1" of every form that is ours: was may be empty
	Sure    string `form:"sure"` // "1" of who has read what the change makes untrue
}

// Validate implements web.Form.
func (f *changeForm) Validate() error {
	if f.Seen != "1" {
		return fmt.Errorf("the form does not say which value of the setting it shows; please open it again: %w", koschei.ErrInvalid)
	}
	return nil
}

// A sureView asks before something is done that makes untrue what was found out.
type sureView struct {
	html.Layout
	Name    string
	URL     string
	Form    changeForm
	Label   string
	From    string
	To      string
	Effects []string // sentences
}

func (p *pages) change(r *web.Request) (web.Answer, error) {
	c, err := r.Collection(r.PathValue("name"))
	if err != nil {
		return web.Answer{}, err
	}
	var f changeForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	changed, effects, err := p.effects(r, c, &f)
	if err == nil && len(effects) > 0 && f.Sure != "1" {
		shown := fieldOf(&c.Collection, f.Setting)
		return web.Page(p.sure, &sureView{
			Layout: r.Layout("", "Change "+c.DisplayName), Name: c.Name, URL: editURL(c.Name), Form: f, Label: shown.Label,
			From: shown.in(f.Was), To: shown.in(f.Value), Effects: effects,
		})
	}
	var changes []string
	if err == nil {
		changes, err = r.Edit.EditCollection(r.Context(), r.Act(), c.Name, edit.CollectionChange{Setting: f.Setting, Was: f.Was, Becomes: f.Value}.Apply)
	}
	if status, trouble := web.Mistake(err); trouble != "" {
		v := editViewOf(r, c)
		v.Trouble = trouble
		answer, err := web.Page(p.edit, v)
		answer.Status = status
		return answer, err
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(editURL(changed.Name), changes), nil
}

// A deleteView asks before a collection is deleted.
type deleteView struct {
	html.Layout
	Collection *koschei.Collection
	URL        string
	Packages   int
	Repos      int
	Trouble    string
}

// A deleteForm deletes a collection. Its name is typed once more.
type deleteForm struct {
	Name string `form:"name"`
}

// Validate implements web.Form.
func (f *deleteForm) Validate() error { return koschei.ValidateName("collection", f.Name) }

func (p *pages) showDelete(r *web.Request) (web.Answer, error) {
	v, err := readDelete(r)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.remove, v)
}

func readDelete(r *web.Request) (*deleteView, error) {
	c, err := r.Collection(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	v := &deleteView{Layout: r.Layout("", "Delete "+c.DisplayName), Collection: &c.Collection, URL: editURL(c.Name)}
	v.Packages, v.Repos, err = r.View.CollectionSize(r.Context(), c.ID)
	return v, err
}

func (p *pages) delete(r *web.Request) (web.Answer, error) {
	v, err := readDelete(r)
	if err != nil {
		return web.Answer{}, err
	}
	var f deleteForm
	err = r.Read(&f)
	if err == nil && f.Name != v.Collection.Name {
		err = fmt.Errorf("what was typed is %q, and the collection is called %s: %w", f.Name, v.Collection.Name, koschei.ErrInvalid)
	}
	var changes []string
	if err == nil {
		changes, err = r.Edit.DeleteCollection(r.Context(), r.Act(), v.Collection.Name, true)
	}
	if status, trouble := web.Mistake(err); trouble != "" && !errors.Is(err, koschei.ErrNotFound) {
		v.Trouble = trouble
		answer, err := web.Page(p.remove, v)
		answer.Status = status
		return answer, err
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(listURL, changes), nil
}
