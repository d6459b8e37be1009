package v2

import (
	"net/http"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/web"
)

// A NewGroup is a group that is to be made.
type NewGroup struct {
	Name        *string  `json:"name" required:"true" doc:"with its namespace, as alice/mine"`
	Packages    []string `json:"packages,omitempty"`
	Maintainers []string `json:"maintainers,omitempty"`
}

// A GroupEdit says what becomes of a group; what is not there stays.
type GroupEdit struct {
	Revision    *int64    `json:"revision" required:"true" doc:"of the group as the sender has seen it"`
	Name        *string   `json:"name,omitempty" doc:"another name, with its namespace"`
	Packages    *[]string `json:"packages,omitempty" doc:"its members instead of those it has"`
	Append      bool      `json:"append,omitempty" doc:"or besides them"`
	Maintainers *[]string `json:"maintainers,omitempty" doc:"instead of those it has"`
}

type newGroupAsked struct{ Body NewGroup }

type globalGroupEdit struct {
	Name string `path:"name"`
	Body GroupEdit
}

type ownGroupEdit struct {
	Namespace string `path:"namespace"`
	Name      string `path:"name"`
	Body      GroupEdit
}

type globalGroupSeen struct {
	Name     string `path:"name"`
	Revision string `query:"revision" doc:"of the group as the sender has seen it; required"`
}

type ownGroupSeen struct {
	Namespace string `path:"namespace"`
	Name      string `path:"name"`
	Revision  string `query:"revision" doc:"of the group as the sender has seen it; required"`
}

func (a *API) addGroupActs() {
	groups := signedIn(koschei.TokenGroups)
	add(a, http.MethodPost, "/groups", "Make a group", doing(func(r *web.Request, as audit.Act, in *newGroupAsked) ([]string, error) {
		return r.Edit.CreateGroup(r.Context(), as, *in.Body.Name, in.Body.Packages, in.Body.Maintainers)
	}), groups, creates)
	add(a, http.MethodPatch, "/groups/{name}", "Change a global group", doing(func(r *web.Request, as audit.Act, in *globalGroupEdit) ([]string, error) {
		return editGroup(r, as, in.Name, &in.Body)
	}), groups)
	add(a, http.MethodPatch, "/groups/{namespace}/{name}", "Change a group in a namespace", doing(func(r *web.Request, as audit.Act, in *ownGroupEdit) ([]string, error) {
		return editGroup(r, as, in.Namespace+"/"+in.Name, &in.Body)
	}), groups)
	add(a, http.MethodDelete, "/groups/{name}", "Delete a global group", doing(func(r *web.Request, as audit.Act, in *globalGroupSeen) ([]string, error) {
		return deleteGroup(r, as, in.Name, in.Revision)
	}), groups)
	add(a, http.MethodDelete, "/groups/{namespace}/{name}", "Delete a group in a namespace", doing(func(r *web.Request, as audit.Act, in *ownGroupSeen) ([]string, error) {
		return deleteGroup(r, as, in.Namespace+"/"+in.Name, in.Revision)
	}), groups)
}

func editGroup(r *web.Request, as audit.Act, name string, b *GroupEdit) ([]string, error) {
	return r.Edit.EditGroup(r.Context(), as, name, edit.GroupEdit{
		FullName: b.Name, Packages: b.Packages, Append: b.Append, OnlyMaintainers: b.Maintainers, Revision: b.Revision,
	})
}

func deleteGroup(r *web.Request, as audit.Act, name, revision string) ([]string, error) {
	if revision == "" {
		return nil, invalid("the request does not say which revision of the group it is about, as ?revision=7")
	}
	seen, err := number("revision", revision)
	if err != nil {
		return nil, err
	}
	return r.Edit.DeleteGroup(r.Context(), as, name, &seen)
}
