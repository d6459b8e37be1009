package api

import (
	"net/http"

	"github.com/koschei-ci/koschei"
)

// A Difference is an element of the answer to /api/v1/collections/diff: a
// package that is in another state in one collection than in the other.
type Difference struct {
	Name  string                   `json:"name"`
	State map[string]koschei.State `json:"state"` // by the collection's name
}

// CollectionDiff answers with the packages that two collections have in
// different states, by name.
func (a *API) CollectionDiff(w http.ResponseWriter, r *http.Request) error {
	first, err := a.collection(r, r.PathValue("a"))
	if err != nil {
		return err
	}
	second, err := a.collection(r, r.PathValue("b"))
	if err != nil {
		return err
	}
	differences, err := a.db.CollectionDiff(r.Context(), first.ID, second.ID)
	if err != nil {
		return err
	}
	list := newListWriter(w)
	for _, d := range differences {
		err = list.add(Difference{d.Name, map[string]koschei.State{first.Name: d.A, second.Name: d.B}})
		if err != nil {
			break
		}
	}
	return list.end(err)
}
