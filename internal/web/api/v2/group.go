package v2

import (
	"fmt"
	"net/http"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/web"
)

func invalid(sentence string) error { return fmt.Errorf("%s: %w", sentence, koschei.ErrInvalid) }

// A ListedGroup is a group of packages.
type ListedGroup struct {
	Name     string `json:"name" doc:"with its namespace, as alice/mine"`
	Packages int    `json:"packages"`
}

// A Group is one with its members.
type Group struct {
	Name        string   `json:"name" doc:"with its namespace, as alice/mine"`
	Revision    int64    `json:"revision" doc:"counts what people changed of it"`
	Packages    []string `json:"packages"`
	Maintainers []string `json:"maintainers"`
}

type globalGroup struct {
	Name string `path:"name"`
}

type ownGroup struct {
	Namespace string `path:"namespace"`
	Name      string `path:"name"`
}

func (a *API) addGroups() {
	add(a, http.MethodGet, "/groups", "Global groups by name", func(r *web.Request, _ *nothing) (ListOf[ListedGroup], error) {
		groups, err := r.View.GlobalGroups(r.Context())
		return ListOf[ListedGroup]{Items: each(groups, func(g *koschei.Group) ListedGroup {
			return ListedGroup{g.FullName(), g.Packages}
		})}, err
	})
	add(a, http.MethodGet, "/groups/{name}", "A global group", func(r *web.Request, in *globalGroup) (Group, error) { return getGroup(r, "", in.Name) })
	add(a, http.MethodGet, "/groups/{namespace}/{name}", "A group in a namespace",
		func(r *web.Request, in *ownGroup) (Group, error) { return getGroup(r, in.Namespace, in.Name) })
}

func getGroup(r *web.Request, namespace, name string) (Group, error) {
	s, err := r.View.GroupSettings(r.Context(), namespace, name)
	if err != nil {
		return Group{}, err
	}
	return Group{koschei.Group{Namespace: namespace, Name: name}.FullName(), s.Revision, s.Packages, s.Maintainers}, nil
}
