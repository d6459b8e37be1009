package collectionedit

import (
	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A forkView is the form that makes a collection like another.
type forkView struct {
	html.Layout
	Collection *koschei.Collection
	URL        string
	Packages   int
	Form       forkForm
	Trouble    string
}

// A forkForm says what the new collection has of its own.
type forkForm struct {
	Name        string `form:"name"`
	DisplayName string `form:"display_name"`
	Target      string `form:"target"`
	BuildTag    string `form:"build_tag"`
	DestTag     string `form:"dest_tag"`
}

// Validate implements web.Form.
func (f *forkForm) Validate() error {
	if f.DestTag == "" {
		f.DestTag = f.BuildTag
	}
	return koschei.ValidateName("collection", f.Name)
}

func readFork(r *web.Request) (*forkView, error) {
	c, packages, err := sized(r)
	if err != nil {
		return nil, err
	}
	return &forkView{Layout: r.Layout("", "Fork "+c.DisplayName), Collection: &c.Collection, URL: editURL(c.Name), Packages: packages}, nil
}

// sized is the collection of the address with how many packages it has.
func sized(r *web.Request) (c *view.FrameCollection, packages int, err error) {
	c, err = r.Collection(r.PathValue("name"))
	if err != nil {
		return nil, 0, err
	}
	packages, _, err = r.View.CollectionSize(r.Context(), c.ID)
	return c, packages, err
}

func (p *pages) showFork(r *web.Request) (web.Answer, error) {
	v, err := readFork(r)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Page(p.fork, v)
}

func (p *pages) doFork(r *web.Request) (web.Answer, error) {
	v, err := readFork(r)
	if err != nil {
		return web.Answer{}, err
	}
	err = r.Read(&v.Form)
	var changes []string
	if f := &v.Form; err == nil {
		changes, err = r.Edit.ForkCollection(r.Context(), r.Act(), v.Collection.Name, koschei.Collection{
			Name: f.Name, DisplayName: f.DisplayName, Target: f.Target, BuildTag: f.BuildTag, DestTag: f.DestTag,
		})
	}
	if status, trouble := web.Mistake(err); trouble != "" {
		v.Trouble = trouble
		answer, err := web.Page(p.fork, v)
		answer.Status = status
		return answer, err
	}
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(listURL, changes), nil
}
