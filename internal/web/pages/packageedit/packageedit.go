// Package packageedit lets people who have signed in change what people decide
// about a package: whether it is tracked, its priorities, its architectures, and
// whether it is resolved. Each field is a form of its own. Who changes a field that
// somebody else has changed since the page was made is told so first.
package packageedit

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	policy koschei.Policy
	rules  koschei.PriorityRules
	page   html.Page[content]
}

// Routes are the addresses where packages are changed.
func Routes(t *html.Templates, policy koschei.Policy, rules koschei.PriorityRules) []web.Route {
	folder := t.Folder("packageedit", files)
	p := &pages{policy, rules, html.Whole[content](folder, "edit.html")}
	return []web.Route{
		{Method: http.MethodGet, Pattern: "/package/{name}/edit", Handler: p.show, Access: web.SignedIn, Errors: web.HTML, Label: "package edit", Frame: true},
		{Method: http.MethodPost, Pattern: "/package/{name}/edit", Handler: p.change, Access: web.SignedIn, CSRF: web.SameOrigin, Errors: web.HTML, Label: "package change", Frame: true},
		{Method: http.MethodPost, Pattern: "/package/{name}/build-again", Handler: p.build, Access: web.SignedIn, CSRF: web.SameOrigin, Errors: web.HTML, Label: "package build again", Frame: true},
	}
}

// A content has the forms of one package in one collection.
type content struct {
	html.Layout
	Name       string
	Collection *koschei.Collection
	Settings   *view.PackageSettings
	Back       string
	Clash      *html.Clash
	Clashed    string // field
	Yours      string // its value in the form
	Static     bool   // whether who asks may set the static priority
	Acts       []html.Act
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	c, err := r.First()
	if err != nil {
		return web.Answer{}, err
	}
	return p.form(r, c, &content{})
}

func (p *pages) form(r *web.Request, c *view.FrameCollection, v *content) (web.Answer, error) {
	name := r.PathValue("name")
	settings, err := r.View.Packages.Settings(r.Context(), c.Name, name)
	if errors.Is(err, koschei.ErrNotFound) {
		return web.Answer{}, fmt.Errorf("%s has no package named %q: %w", c.DisplayName, name, koschei.ErrNotFound)
	}
	if err != nil {
		return web.Answer{}, err
	}
	v.Layout, v.Name, v.Collection, v.Settings = r.Layout("packages", "Change "+name), name, &c.Collection, settings
	v.Back = html.PackageURL(name, c.Name)
	_, asMaintainer := p.policy.Gives(r.Actor, koschei.RightStaticPriority)
	given, _ := p.policy.Gives(r.Actor, koschei.RightStaticPriority)
	v.Static = given || asMaintainer
	entries, err := r.View.People.AuditLog(r.Context(), view.AuditQuery{Package: name, Collection: c.Name, Limit: shownActs})
	if err != nil {
		return web.Answer{}, err
	}
	v.Acts = web.Acts(entries, editURL(name, c.Name))
	r.About(&v.Layout, c)
	r.Switch(&v.Layout, func(collection string) string { return editURL(name, collection) })
	return web.Page(p.page, v)
}

// shownActs is how much is shown of what people changed before.
const shownActs = 10

func editURL(name, collection string) string {
	return html.InCollection("/package/"+html.Segment(name)+"/edit", collection)
}

// A fieldForm sets one field of a package.
type fieldForm struct {
	Field    string `form:"field"`
	Value    string `form:"value"`
	Revision string `form:"revision"`
	Where    string `form:"collection"`

	edit edit.PackageEdit
}

// Validate implements web.Form.
func (f *fieldForm) Validate() error {
	revision, err := strconv.ParseInt(f.Revision, 10, 64)
	if err != nil || revision < 0 {
		return fmt.Errorf("the form does not say which revision of the package it shows; please open it again: %w", koschei.ErrInvalid)
	}
	f.edit = edit.PackageEdit{Collection: f.Where, Revision: &revision}
	switch f.Field {
	case "tracked":
		f.edit.Tracked, err = yesNo(f.Value)
	case "manual_priority":
		f.edit.ManualPriority, err = number(f.Value)
	case "static_priority":
		f.edit.StaticPriority, err = number(f.Value)
	case "arch_override":
		var override string
		override, err = koschei.ParseArchOverride(f.Value)
		f.edit.ArchOverride = &override
	case "skip_resolution":
		f.edit.SkipResolution, err = yesNo(f.Value)
	default:
		err = fmt.Errorf("a package has no field %q that can be changed: %w", f.Field, koschei.ErrInvalid)
	}
	return err
}

func yesNo(text string) (*bool, error) {
	yes := text == "yes"
	if !yes && text != "no" {
		return nil, fmt.Errorf("%q is neither yes nor no: %w", text, koschei.ErrInvalid)
	}
	return &yes, nil
}

func number(text string) (*int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("priority %q is not a whole number of at most 32 bits: %w", text, koschei.ErrInvalid)
	}
	value := int(n)
	return &value, nil
}

func (p *pages) change(r *web.Request) (web.Answer, error) {
	var f fieldForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	c, err := r.Collection(f.Where)
	if err != nil {
		return web.Answer{}, err
	}
	f.edit.Name = r.PathValue("name")
	changes, err := r.Edit.EditPackage(r.Context(), r.Act(), f.edit)
	var clash *edit.Clash
	if errors.As(err, &clash) {
		answer, err := p.form(r, c, &content{Clashed: f.Field, Yours: f.Value, Clash: &html.Clash{Sentence: fmt.Sprintf(
			"%s set the %s to %s, %s; yours is %s.", clash.By, clash.Label, named(clash.Is), html.Ago(r.Now.Sub(clash.At)), named(clash.Yours),
		)}})
		answer.Status = http.StatusConflict
		return answer, err
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(editURL(f.edit.Name, c.Name), changes), nil
}

// named is a value in a sentence.
func named(value string) string {
	switch value {
	case "":
		return "nothing"
	case "true":
		return "yes"
	case "false":
		return "no"
	}
	return value
}

// A buildForm asks for another build of a package.
type buildForm struct {
	Where string `form:"collection"`
	Turn  string `form:"turn"` // "first", or "" for its turn
}

// Validate implements web.Form.
func (f *buildForm) Validate() error {
	if f.Turn != "" && f.Turn != "first" {
		return fmt.Errorf("a package is built in its turn or first, and not %q: %w", f.Turn, koschei.ErrInvalid)
	}
	return nil
}

func (p *pages) build(r *web.Request) (web.Answer, error) {
	var f buildForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	if _, err := r.Collection(f.Where); err != nil {
		return web.Answer{}, err
	}
	name := r.PathValue("name")
	changes, err := r.Edit.RetryPackages(r.Context(), r.Act(), f.Where, []string{name}, edit.Turn{Rules: p.rules, First: f.Turn == "first"})
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(html.PackageURL(name, f.Where), changes), nil
}
