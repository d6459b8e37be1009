package collectionedit

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A groupView is the form of a group of collections, there or not yet.
type groupView struct {
	html.Layout
	Page     string
	URL      string
	New      bool
	Form     groupForm
	Seen     view.CollectionGroupSettings
	SeenList string // the names in Seen
	All      []view.FrameCollection
	Trouble  string
}

// A groupForm says what a group of collections is to be.
type groupForm struct {
	Name           string `form:"name"` // of one that is made
	DisplayName    string `form:"display_name"`
	Collections    string `form:"collections"`
	Seen           string `form:"seen"` // "1" of every form that is ours
	WasDisplayName string `form:"was_display_name"`
	WasCollections string `form:"was_collections"`

	guarded bool // whether it must say what it shows
}

// longestDisplayName is longer than any name that is read.
const longestDisplayName = 1000

// Validate implements web.Form.
func (f *groupForm) Validate() error {
	f.DisplayName = strings.TrimSpace(f.DisplayName)
	switch {
	case f.guarded && f.Seen != "1":
		return fmt.Errorf("the form does not say what it shows of the group; please open it again: %w", koschei.ErrInvalid)
	case f.DisplayName == "":
		return fmt.Errorf("the group has no name that people see: %w", koschei.ErrInvalid)
	case len(f.DisplayName) > longestDisplayName:
		return fmt.Errorf("the name that people see has more than %d bytes: %w", longestDisplayName, koschei.ErrInvalid)
	}
	return nil
}

func names(text string) []string {
	list := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \r\n\t", r) })
	if list == nil {
		list = []string{}
	}
	return list
}

func groupURL(name string) string { return "/admin/collection-groups/" + url.PathEscape(name) }

func (p *pages) showAddGroup(r *web.Request) (web.Answer, error) {
	return web.Page(p.group, &groupView{Layout: r.Layout("", "New group of collections"), Page: "collections", URL: "/admin/add-collection-group", New: true, All: r.All})
}

func (p *pages) createGroup(r *web.Request) (web.Answer, error) {
	var f groupForm
	err := r.Read(&f)
	var changes []string
	if err == nil {
		changes, err = r.Edit.CreateCollectionGroup(r.Context(), r.Act(), edit.CollectionGroupEdit{Name: f.Name, DisplayName: f.DisplayName, Collections: names(f.Collections)})
	}
	if status, trouble := web.Mistake(err); trouble != "" {
		v := &groupView{Layout: r.Layout("", "New group of collections"), Page: "collections", URL: "/admin/add-collection-group", New: true, All: r.All, Form: f, Trouble: trouble}
		answer, err := web.Page(p.group, v)
		answer.Status = status
		return answer, err
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(listURL, changes), nil
}

// readGroup returns the form of the group of the address.
func readGroup(r *web.Request) (*groupView, error) {
	groups, err := r.View.CollectionGroups(r.Context())
	if err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	for _, g := range groups {
		if g.Name == name {
			list := strings.Join(g.Collections, "\n")
			return &groupView{
				Layout: r.Layout("", "Change "+g.DisplayName), Page: "collections", URL: groupURL(name), All: r.All, Seen: g, SeenList: list,
				Form: groupForm{Name: name, DisplayName: g.DisplayName, Collections: list},
			}, nil
		}
	}
	return nil, fmt.Errorf("there is no group of collections named %q: %w", name, koschei.ErrNotFound)
}

func (p *pages) showGroup(r *web.Request) (web.Answer, error) {
	v, err := readGroup(r)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.group, v)
}

func (p *pages) changeGroup(r *web.Request) (web.Answer, error) {
	v, err := readGroup(r)
	if err != nil {
		return web.Answer{}, err
	}
	f := groupForm{guarded: true}
	err = r.Read(&f)
	var changes []string
	if err == nil {
		changes, err = r.Edit.EditCollectionGroup(r.Context(), r.Act(), edit.CollectionGroupEdit{
			Name: v.Seen.Name, DisplayName: f.DisplayName, Collections: names(f.Collections),
			Seen: &edit.CollectionGroupSeen{DisplayName: f.WasDisplayName, Collections: names(f.WasCollections)},
		})
	}
	if status, trouble := web.Mistake(err); trouble != "" {
		v.Form, v.Trouble = f, trouble
		answer, err := web.Page(p.group, v)
		answer.Status = status
		return answer, err
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(listURL, changes), nil
}

func (p *pages) deleteGroup(r *web.Request) (web.Answer, error) {
	changes, err := r.Edit.DeleteCollectionGroup(r.Context(), r.Act(), r.PathValue("name"))
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(listURL, changes), nil
}
