package collectionedit

import (
	"fmt"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// An addView is the form of a collection that is not there yet.
type addView struct {
	html.Layout
	Page    string
	Form    addForm
	Trouble string
}

// An addForm makes a collection. What it does not ask for gets a usual value, and can
// be changed then.
type addForm struct {
	Name        string `form:"name"`
	DisplayName string `form:"display_name"`
	Target      string `form:"target"`
	BuildTag    string `form:"build_tag"`
	DestTag     string `form:"dest_tag"`
	BuildGroup  string `form:"build_group"`
	Order       string `form:"order"`

	made koschei.Collection
}

// Validate implements web.Form.
func (f *addForm) Validate() error {
	f.made = koschei.Collection{
		Name: f.Name, DisplayName: f.DisplayName, Target: f.Target, BuildTag: f.BuildTag, DestTag: f.DestTag, BuildGroup: f.BuildGroup,
		PriorityCoefficient: 1, Weight: 1, PollUntracked: true,
	}
	if f.DestTag == "" {
		f.made.DestTag = f.BuildTag
	}
	if s, ok := schema.CollectionSetting("order"); ok {
		if err := s.Set(&f.made, f.Order); err != nil {
			return err
		}
	}
	return f.made.Validate()
}

func (p *pages) showAdd(r *web.Request) (web.Answer, error) {
	return web.Page(p.add, &addView{
		Layout: r.Layout("", "New collection"), Page: "collections",
		Form: addForm{BuildGroup: koschei.DefaultBuildGroup, Order: fmt.Sprint(koschei.DefaultOrder)},
	})
}

func (p *pages) create(r *web.Request) (web.Answer, error) {
	var f addForm
	err := r.Read(&f)
	var changes []string
	if err == nil {
		changes, err = r.Edit.CreateCollection(r.Context(), r.Act(), &f.made)
	}
	if status, trouble := web.Mistake(err); trouble != "" {
		answer, err := web.Page(p.add, &addView{Layout: r.Layout("", "New collection"), Page: "collections", Form: f, Trouble: trouble})
		answer.Status = status
		return answer, err
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(listURL, changes), nil
}

// A branchView is the form that splits a collection.
type branchView struct {
	html.Layout
	Collection *koschei.Collection
	URL        string
	Packages   int
	Form       branchForm
	Trouble    string
}

// A branchForm splits a collection as a release is branched.
type branchForm struct {
	NewName         string `form:"new_name"`
	DisplayName     string `form:"display_name"`
	Target          string `form:"target"`
	BuildTag        string `form:"build_tag"`
	DestTag         string `form:"dest_tag"`
	BugzillaVersion string `form:"bugzilla_version"`
}

// Validate implements web.Form.
func (f *branchForm) Validate() error {
	if f.DestTag == "" {
		f.DestTag = f.BuildTag
	}
	return koschei.ValidateName("collection", f.NewName)
}

func readBranch(r *web.Request) (*branchView, error) {
	c, packages, err := sized(r)
	if err != nil {
		return nil, err
	}
	return &branchView{Layout: r.Layout("", "Branch "+c.DisplayName), Collection: &c.Collection, URL: editURL(c.Name), Packages: packages}, nil
}

func (p *pages) showBranch(r *web.Request) (web.Answer, error) {
	v, err := readBranch(r)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.branch, v)
}

func (p *pages) doBranch(r *web.Request) (web.Answer, error) {
	v, err := readBranch(r)
	if err != nil {
		return web.Answer{}, err
	}
	err = r.Read(&v.Form)
	var changes []string
	if f := &v.Form; err == nil {
		changes, err = r.Edit.BranchCollection(r.Context(), r.Act(), edit.Branch{
			Master: v.Collection.Name, NewName: f.NewName, Target: f.Target, BuildTag: f.BuildTag, DestTag: f.DestTag,
			DisplayName: f.DisplayName, BugzillaVersion: f.BugzillaVersion,
		})
	}
	if status, trouble := web.Mistake(err); trouble != "" {
		v.Trouble = trouble
		answer, err := web.Page(p.branch, v)
		answer.Status = status
		return answer, err
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(listURL, changes), nil
}
