package v2

import (
	"net/http"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/web"
)

// A PackageEdit says what becomes of a package; what is not there stays.
type PackageEdit struct {
	Revision       *int64  `json:"revision" required:"true" doc:"of the package as the sender has seen it"`
	Tracked        *bool   `json:"tracked,omitempty"`
	ManualPriority *int    `json:"manual_priority,omitempty"`
	StaticPriority *int    `json:"static_priority,omitempty"`
	ArchOverride   *string `json:"arch_override,omitempty" doc:"as ^aarch64 or x86_64 i686; empty for none"`
	SkipResolution *bool   `json:"skip_resolution,omitempty"`
}

type packageEditAsked struct {
	Collection string `path:"collection"`
	Name       string `path:"name"`
	Body       PackageEdit
}

type buildAgainAsked struct {
	Collection string `path:"collection"`
	Name       string `path:"name"`
	First      bool   `query:"first" doc:"before all others; only administrators may"`
}

func (a *API) addPackageActs() {
	packages := signedIn(koschei.TokenPackages)
	add(a, http.MethodPatch, "/packages/{collection}/{name}", "Change what people decide about a package", doing(editPackage), packages)
	add(a, http.MethodPost, "/packages/{collection}/{name}/build-again", "Have a package built again when its turn comes",
		doing(func(r *web.Request, as audit.Act, in *buildAgainAsked) ([]string, error) {
			if _, err := r.Collection(in.Collection); err != nil {
				return nil, err
			}
			return r.Edit.RetryPackages(r.Context(), as, in.Collection, []string{in.Name}, edit.Turn{Rules: a.Rules, First: in.First})
		}), packages)
	add(a, http.MethodPost, "/builds/{id}/cancel", "Have a build canceled", doing(func(r *web.Request, as audit.Act, in *buildAsked) ([]string, error) {
		return r.Edit.RequestCancel(r.Context(), as, in.ID)
	}), packages)
}

func editPackage(r *web.Request, as audit.Act, in *packageEditAsked) ([]string, error) {
	if _, err := r.Collection(in.Collection); err != nil {
		return nil, err
	}
	b := &in.Body
	e := edit.PackageEdit{
		Collection: in.Collection, Name: in.Name, Revision: b.Revision, Tracked: b.Tracked, ManualPriority: b.ManualPriority,
		StaticPriority: b.StaticPriority, SkipResolution: b.SkipResolution,
	}
	if b.ArchOverride != nil {
		override, err := koschei.ParseArchOverride(*b.ArchOverride)
		if err != nil {
			return nil, err
		}
		e.ArchOverride = &override
	}
	return r.Edit.EditPackage(r.Context(), as, e)
}
