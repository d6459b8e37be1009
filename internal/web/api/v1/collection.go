package v1

import (
	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/web"
)

// A Difference is an element of the answer to /api/v1/collections/diff: a
// package that is in another state in one collection than in the other.
type Difference struct {
	Name  string                   `json:"name"`
	State map[string]koschei.State `json:"state"` // by the collection's name
}

// collectionDiff answers with the packages that two collections have in
// different states, by name.
func collectionDiff(r *web.Request) (web.Answer, error) {
	first, err := collection(r, r.PathValue("a"))
	if err != nil {
		return web.Answer{}, err
	}
	second, err := collection(r, r.PathValue("b"))
	if err != nil {
		return web.Answer{}, err
	}
	differences, err := r.View.CollectionDiff(r.Context(), first.ID, second.ID)
	if err != nil {
		return web.Answer{}, err
	}
	return list(func(l *listWriter) error {
		for _, d := range differences {
			if err := l.add(Difference{d.Name, map[string]koschei.State{first.Name: d.A, second.Name: d.B}}); err != nil {
				return err
			}
		}
		return nil
	}), nil
}
