package v2

import (
	"net/http"

	"github.com/koschei-ci/koschei/internal/web"
)

type unmetAsked struct {
	Collection string `path:"collection"`
	Limit      int    `query:"limit" default:"100" min:"1" max:"1000"`
}

type wantersAsked struct {
	ID    int64  `path:"id" min:"1"`
	After string `query:"after" doc:"next of the part before"`
	Limit int    `query:"limit" default:"1000" min:"1" max:"10000"`
}

func (a *API) addUnmet() {
	add(a, http.MethodGet, "/unmet/{collection}", "What packages need now and nothing provides, what most packages want first", getUnmet)
	add(a, http.MethodGet, "/unmet/{id}/packages", "The packages that cannot be installed for want of one dependency", getWanters)
}

func getUnmet(r *web.Request, in *unmetAsked) (ListOf[Unmet], error) {
	c, err := r.Collection(in.Collection)
	if err != nil {
		return ListOf[Unmet]{}, err
	}
	unmet, err := r.View.Packages.UnmetNow(r.Context(), c.ID, in.Limit)
	return ListOf[Unmet]{Items: each(unmet, tellUnmet)}, err
}

func getWanters(r *web.Request, in *wantersAsked) (ListOf[string], error) {
	names, err := r.View.Packages.UnmetPackages(r.Context(), in.ID, in.After, in.Limit+1)
	same := func(name *string) string { return *name }
	return listOf(names, in.Limit, same, same), err
}
