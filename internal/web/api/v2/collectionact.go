package v2

import (
	"net/http"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/web"
)

// A CollectionEdit says what becomes of a collection, or what a new one is; what is not
// there stays, or is as "koschei-admin create-collection" has it.
type CollectionEdit struct {
	Name            *string  `json:"name,omitempty"`
	DisplayName     *string  `json:"display_name,omitempty"`
	Order           *int     `json:"order,omitempty" doc:"pages show the highest first"`
	SecondaryMode   *bool    `json:"secondary_mode,omitempty"`
	Target          *string  `json:"target,omitempty"`
	DestTag         *string  `json:"dest_tag,omitempty"`
	BuildTag        *string  `json:"build_tag,omitempty"`
	BuildGroup      *string  `json:"build_group,omitempty"`
	BugzillaProduct *string  `json:"bugzilla_product,omitempty"`
	BugzillaVersion *string  `json:"bugzilla_version,omitempty"`
	Coefficient     *float64 `json:"priority_coefficient,omitempty"`
	Weight          *float64 `json:"weight,omitempty"`
	MaxBuilds       *int     `json:"max_builds,omitempty"`
	Paused          *bool    `json:"paused,omitempty" doc:"no scratch builds are submitted"`
	PollUntracked   *bool    `json:"poll_untracked,omitempty"`
	WeakDeps        *bool    `json:"weak_deps,omitempty"`
	Lenient         *bool    `json:"lenient,omitempty"`
}

func give[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

func (e *CollectionEdit) apply(c *koschei.Collection) error {
	for to, value := range map[*string]*string{
		&c.Name: e.Name, &c.DisplayName: e.DisplayName, &c.Target: e.Target, &c.DestTag: e.DestTag, &c.BuildTag: e.BuildTag,
		&c.BuildGroup: e.BuildGroup, &c.BugzillaProduct: e.BugzillaProduct, &c.BugzillaVersion: e.BugzillaVersion,
	} {
		give(to, value)
	}
	for to, value := range map[*bool]*bool{
		&c.SecondaryMode: e.SecondaryMode, &c.Paused: e.Paused, &c.PollUntracked: e.PollUntracked, &c.WeakDeps: e.WeakDeps, &c.Lenient: e.Lenient,
	} {
		give(to, value)
	}
	give(&c.Order, e.Order)
	give(&c.PriorityCoefficient, e.Coefficient)
	give(&c.Weight, e.Weight)
	give(&c.MaxBuilds, e.MaxBuilds)
	return nil
}

// A CollectionBranch says how a collection is split in two.
type CollectionBranch struct {
	NewName         *string `json:"new_name" required:"true" doc:"what the collection is called from now on"`
	DisplayName     *string `json:"display_name" required:"true" doc:"of the branch, which takes its old name"`
	Target          *string `json:"target" required:"true" doc:"what the collection builds for from now on"`
	DestTag         *string `json:"dest_tag" required:"true"`
	BuildTag        *string `json:"build_tag" required:"true"`
	BugzillaVersion string  `json:"bugzilla_version,omitempty" doc:"of the branch"`
}

// A CollectionGroup is a set of collections that pages show together.
type CollectionGroup struct {
	Name        *string  `json:"name" required:"true"`
	DisplayName string   `json:"display_name,omitempty"`
	Collections []string `json:"collections,omitempty" doc:"instead of those it has"`
}

type newCollectionAsked struct{ Body CollectionEdit }

type collectionEditAsked struct {
	Collection string `path:"collection"`
	Body       CollectionEdit
}

type branchAsked struct {
	Collection string `path:"collection"`
	Body       CollectionBranch
}

type collectionDeleted struct {
	Collection string `path:"collection"`
	Force      bool   `query:"force" doc:"delete it with its packages"`
}

type collectionGroupAsked struct{ Body CollectionGroup }

type collectionGroupNamed struct {
	Name string `path:"name"`
}

type noticeAsked struct{ Body Notice }

func (a *API) addCollectionActs() {
	add(a, http.MethodPost, "/collections", "Make a collection", doing(createCollection), admins, creates)
	add(a, http.MethodPatch, "/collections/{collection}", "Change a collection", doing(func(r *web.Request, as audit.Act, in *collectionEditAsked) ([]string, error) {
		return r.Edit.EditCollection(r.Context(), as, in.Collection, in.Body.apply)
	}), admins)
	add(a, http.MethodDelete, "/collections/{collection}", "Delete a collection", doing(func(r *web.Request, as audit.Act, in *collectionDeleted) ([]string, error) {
		return r.Edit.DeleteCollection(r.Context(), as, in.Collection, in.Force)
	}), admins)
	add(a, http.MethodPost, "/collections/{collection}/branch", "Split a collection as a release is branched", doing(branchCollection), admins, creates)
	add(a, http.MethodPost, "/collections/{collection}/fork", "Make a collection like another one", doing(forkCollection), admins, creates)
	add(a, http.MethodPost, "/collection-groups", "Make a group of collections", doing(func(r *web.Request, as audit.Act, in *collectionGroupAsked) ([]string, error) {
		return r.Edit.CreateCollectionGroup(r.Context(), as, in.Body.edit())
	}), admins, creates)
	add(a, http.MethodPatch, "/collection-groups", "Change a group of collections", doing(func(r *web.Request, as audit.Act, in *collectionGroupAsked) ([]string, error) {
		return r.Edit.EditCollectionGroup(r.Context(), as, in.Body.edit())
	}), admins)
	add(a, http.MethodDelete, "/collection-groups/{name}", "Delete a group of collections", doing(func(r *web.Request, as audit.Act, in *collectionGroupNamed) ([]string, error) {
		return r.Edit.DeleteCollectionGroup(r.Context(), as, in.Name)
	}), admins)
	add(a, http.MethodPut, "/notice", "Tell something on every page, or with an empty text nothing", doing(func(r *web.Request, as audit.Act, in *noticeAsked) ([]string, error) {
		return r.Edit.SetNotice(r.Context(), as, in.Body.Text)
	}), admins)
}

func (g *CollectionGroup) edit() edit.CollectionGroupEdit {
	return edit.CollectionGroupEdit{Name: *g.Name, DisplayName: g.DisplayName, Collections: g.Collections}
}

func createCollection(r *web.Request, as audit.Act, in *newCollectionAsked) ([]string, error) {
	c := koschei.Collection{BuildGroup: "build", PriorityCoefficient: 1, Weight: 1}
	if err := in.Body.apply(&c); err != nil {
		return nil, err
	}
	return r.Edit.CreateCollection(r.Context(), as, &c)
}

func branchCollection(r *web.Request, as audit.Act, in *branchAsked) ([]string, error) {
	b := &in.Body
	return r.Edit.BranchCollection(r.Context(), as, edit.Branch{
		Master: in.Collection, NewName: *b.NewName, Target: *b.Target, DestTag: *b.DestTag, BuildTag: *b.BuildTag,
		DisplayName: *b.DisplayName, BugzillaVersion: b.BugzillaVersion,
	})
}

func forkCollection(r *web.Request, as audit.Act, in *collectionEditAsked) ([]string, error) {
	var fork koschei.Collection
	if err := in.Body.apply(&fork); err != nil {
		return nil, err
	}
	return r.Edit.ForkCollection(r.Context(), as, in.Collection, fork)
}
