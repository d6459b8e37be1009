package updatepage

import (
	"fmt"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// An affectedForm says which way of a dependency is asked about, in the words of
// the original.
type affectedForm struct {
	Collection string `form:"collection"`
	Epoch1     string `form:"epoch1"`
	Version1   string `form:"version1"`
	Release1   string `form:"release1"`
	Epoch2     string `form:"epoch2"`
	Version2   string `form:"version2"`
	Release2   string `form:"release2"`

	from, to rpm.EVR
}

// Validate implements web.Form.
func (f *affectedForm) Validate() (err error) {
	if f.from, err = evrOf(f.Epoch1, f.Version1, f.Release1, "1"); err != nil {
		return err
	}
	f.to, err = evrOf(f.Epoch2, f.Version2, f.Release2, "2")
	return err
}

// maxVersion is longer than any version or release.
const maxVersion = 255

func evrOf(epoch, version, release, which string) (rpm.EVR, error) {
	evr := rpm.EVR{Version: version, Release: release}
	if version == "" || release == "" {
		return evr, fmt.Errorf("version%s and release%s must be given: %w", which, which, koschei.ErrInvalid)
	}
	if len(version) > maxVersion || len(release) > maxVersion {
		return evr, fmt.Errorf("version%s or release%s is too long: %w", which, which, koschei.ErrInvalid)
	}
	if epoch != "" {
		n, err := strconv.ParseUint(epoch, 10, 32)
		if err != nil {
			return evr, fmt.Errorf("epoch%s %q is no number: %w", which, epoch, koschei.ErrInvalid)
		}
		evr.Epoch = uint32(n)
	}
	return evr, nil
}

// An affectedView is the page of builds that failed after a dependency changed.
type affectedView struct {
	html.Layout
	Dependency string
	From, To   string
	Collection string
	UpdateURL  string // of the update that brought the second version; "" if it is not known
	Update     string
	Rows       []affectedRow
	More       bool
}

type affectedRow struct {
	Name    string
	URL     string
	BuildID int64
	EVR     string
	Change  html.Change
	Started time.Time
}

const shownAffected = 200

func (p *pages) showAffected(r *web.Request) (web.Answer, error) {
	var form affectedForm
	if err := r.Read(&form); err != nil {
		return web.Answer{}, err
	}
	if len(r.Current) != 1 {
		return web.Answer{}, fmt.Errorf("exactly one collection must be named: %w", koschei.ErrInvalid)
	}
	c, name := &r.Current[0], r.PathValue("dependency")
	affected, err := r.View.Repos.AffectedBy(r.Context(), c.Name, name, form.from, form.to, shownAffected+1)
	if err != nil {
		return web.Answer{}, err
	}
	v := affectedView{
		Layout: r.Layout("updates", "Affected by "+name), Dependency: name, From: form.from.String(), To: form.to.String(), Collection: c.DisplayName,
		More: len(affected) > shownAffected,
	}
	source, err := r.View.Builds.SourceNamed(r.Context(), name, form.to)
	if err != nil {
		return web.Answer{}, err
	}
	if source.Name != "" {
		v.Update, v.UpdateURL = source.Name+" "+source.Version, html.UpdateURL(c.Name, source.Name, source.Version)
	}
	for _, a := range affected[:min(len(affected), shownAffected)] {
		v.Rows = append(v.Rows, affectedRow{
			Name: a.Package, URL: html.PackageURL(a.Package, c.Name), BuildID: a.Build.ID, EVR: a.Build.EVR.String(),
			Change: html.ChangeOf(a.Change), Started: a.Build.Started,
		})
	}
	return web.Page(p.affected, &v)
}
