// Package groupedit lets people make groups of packages, change them and delete
// them: users in their own namespace, maintainers what they maintain,
// administrators all.
package groupedit

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	add    html.Page[addView]
	edit   html.Page[editView]
	remove html.Page[editView]
}

// Routes are the addresses where groups are changed.
func Routes(t *html.Templates) []web.Route {
	folder := t.Folder("groupedit", files)
	p := &pages{html.Whole[addView](folder, "add.html"), html.Whole[editView](folder, "edit.html"), html.Whole[editView](folder, "delete.html")}
	var routes []web.Route
	add := func(pattern, label string, show, change web.Handler) {
		routes = append(routes,
			web.Route{Method: http.MethodGet, Pattern: pattern, Handler: show, Access: web.SignedIn, Errors: web.HTML, Label: label + " form", Frame: true},
			web.Route{Method: http.MethodPost, Pattern: pattern, Handler: change, Access: web.SignedIn, CSRF: web.SameOrigin, Errors: web.HTML, Label: label, Frame: true},
		)
	}
	add("/add-group", "group add", p.showAdd, p.create)
	for _, pattern := range []string{"/groups/{name}", "/groups/{namespace}/{name}"} {
		add(pattern+"/edit", "group edit", p.showEdit, p.change)
		add(pattern+"/delete", "group delete", p.showDelete, p.delete)
	}
	return routes
}

// An addView is the form of a group that is not there yet.
type addView struct {
	html.Layout
	Trouble string // what is wrong with what was filled in
	Form    addForm
}

// An addForm makes a group.
type addForm struct {
	Namespace   string `form:"namespace"`
	Name        string `form:"name"`
	Packages    string `form:"packages"`
	Maintainers string `form:"maintainers"`
}

// Validate implements web.Form.
func (f *addForm) Validate() error {
	_, _, err := koschei.ParseGroupName(f.fullName())
	return err
}

func (f *addForm) fullName() string {
	return koschei.Group{Namespace: f.Namespace, Name: f.Name}.FullName()
}

// names splits what people type into names.
func names(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}

func (p *pages) showAdd(r *web.Request) (web.Answer, error) {
	return web.Page(p.add, &addView{Layout: r.Layout("groups", "New group"), Form: addForm{Namespace: r.Actor.Name}})
}

func (p *pages) create(r *web.Request) (web.Answer, error) {
	var f addForm
	err := r.Read(&f)
	var changes []string
	if err == nil {
		changes, err = r.Edit.CreateGroup(r.Context(), r.Act(), f.fullName(), names(f.Packages), names(f.Maintainers))
	}
	if status, trouble := web.Mistake(err); trouble != "" {
		answer, err := web.Page(p.add, &addView{Layout: r.Layout("groups", "New group"), Trouble: trouble, Form: f})
		answer.Status = status
		return answer, err
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(groupURL(f.Namespace, f.Name), changes), nil
}

func groupURL(namespace, name string) string {
	if namespace == "" {
		return "/groups/" + url.PathEscape(name)
	}
	return "/groups/" + url.PathEscape(namespace) + "/" + url.PathEscape(name)
}

// An editView has the forms of a group.
type editView struct {
	html.Layout
	Group       string
	URL         string
	Namespace   string
	Name        string
	Revision    int64
	Packages    string // one a line
	Maintainers string
	Clash       *html.Clash
	Trouble     string
}

func (p *pages) showEdit(r *web.Request) (web.Answer, error) {
	v, err := read(r)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.edit, v)
}

func (p *pages) showDelete(r *web.Request) (web.Answer, error) {
	v, err := read(r)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.remove, v)
}

// read returns the group of the address.
func read(r *web.Request) (*editView, error) {
	g := koschei.Group{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}
	settings, err := r.View.GroupSettings(r.Context(), g.Namespace, g.Name)
	if errors.Is(err, koschei.ErrNotFound) {
		return nil, fmt.Errorf("there is no group named %q: %w", g.FullName(), koschei.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return viewOf(r, g, settings), nil
}

func viewOf(r *web.Request, g koschei.Group, s *view.GroupSettings) *editView {
	return &editView{
		Layout: r.Layout("groups", "Group "+g.FullName()), Group: g.FullName(), URL: groupURL(g.Namespace, g.Name), Namespace: g.Namespace, Name: g.Name,
		Revision: s.Revision, Packages: strings.Join(s.Packages, "\n"), Maintainers: strings.Join(s.Maintainers, "\n"),
	}
}

// A changeForm changes one thing of a group.
type changeForm struct {
	Field     string `form:"field"`
	Value     string `form:"value"`
	Namespace string `form:"namespace"` // for field name
	Revision  string `form:"revision"`

	edit edit.GroupEdit
}

// Validate implements web.Form.
func (f *changeForm) Validate() error {
	revision, err := seen(f.Revision)
	if err != nil {
		return err
	}
	f.edit.Revision = revision
	list := names(f.Value)
	if list == nil {
		list = []string{}
	}
	switch f.Field {
	case "packages":
		f.edit.Packages = &list
	case "maintainers":
		f.edit.OnlyMaintainers = &list
	case "name":
		name := koschei.Group{Namespace: f.Namespace, Name: f.Value}.FullName()
		if _, _, err := koschei.ParseGroupName(name); err != nil {
			return err
		}
		f.edit.FullName = &name
	default:
		return fmt.Errorf("a group has no field %q that can be changed: %w", f.Field, koschei.ErrInvalid)
	}
	return nil
}

func seen(text string) (*int64, error) {
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil || revision < 0 {
		return nil, fmt.Errorf("the form does not say which revision of the group it shows; please open it again: %w", koschei.ErrInvalid)
	}
	return &revision, nil
}

func (p *pages) change(r *web.Request) (web.Answer, error) {
	v, err := read(r)
	if err != nil {
		return web.Answer{}, err
	}
	var f changeForm
	err = r.Read(&f)
	var changes []string
	if err == nil {
		changes, err = r.Edit.EditGroup(r.Context(), r.Act(), v.Group, f.edit)
	}
	var clash *edit.GroupClash
	status, trouble := web.Mistake(err)
	switch {
	case errors.As(err, &clash):
		v.Clash = &html.Clash{Sentence: fmt.Sprintf("%s changed this group %s, lastly so: %s. Below is what you want.", clash.By, html.Ago(r.Now.Sub(clash.At)), clash.Did)}
	case trouble != "":
		v.Trouble = trouble
	case err != nil:
		return web.Answer{}, err
	default:
		to := v.URL
		if f.edit.FullName != nil {
			to = groupURL(f.Namespace, f.Value)
		}
		return web.Changed(to, changes), nil
	}
	v.keep(&f)
	answer, err := web.Page(p.edit, v)
	answer.Status = status
	return answer, err
}

// keep shows what somebody wanted, which was not done.
func (v *editView) keep(f *changeForm) {
	switch f.Field {
	case "packages":
		v.Packages = f.Value
	case "maintainers":
		v.Maintainers = f.Value
	case "name":
		v.Namespace, v.Name = f.Namespace, f.Value
	}
}

// A deleteForm deletes a group.
type deleteForm struct {
	Revision string `form:"revision"`

	revision *int64
}

// Validate implements web.Form.
func (f *deleteForm) Validate() (err error) {
	f.revision, err = seen(f.Revision)
	return err
}

func (p *pages) delete(r *web.Request) (web.Answer, error) {
	v, err := read(r)
	if err != nil {
		return web.Answer{}, err
	}
	var f deleteForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	changes, err := r.Edit.DeleteGroup(r.Context(), r.Act(), v.Group, f.revision)
	if errors.Is(err, koschei.ErrConflict) {
		v.Trouble = "Somebody has changed the group since this page was made. Delete it all the same?"
		answer, err := web.Page(p.remove, v)
		answer.Status = http.StatusConflict
		return answer, err
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed("/groups", changes), nil
}
