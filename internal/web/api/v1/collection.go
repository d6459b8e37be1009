package v1

import (
	"context"
	"encoding/json"
	"fmt"

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
func (l *lister) collectionDiff(r *web.Request) (web.Answer, error) {
	first, err := collection(r, r.PathValue("a"))
	if err != nil {
		return web.Answer{}, err
	}
	second, err := collection(r, r.PathValue("b"))
	if err != nil {
		return web.Answer{}, err
	}
	body, err := l.differences.Get(r.Context(), fmt.Sprintf("%q %q", first.Name, second.Name), func(ctx context.Context) ([]byte, error) {
		differences, err := r.View.Packages.CollectionDiff(ctx, first.ID, second.ID)
		if err != nil {
			return nil, err
		}
		told := make([]Difference, 0, len(differences))
		for _, d := range differences {
			told = append(told, Difference{d.Name, map[string]koschei.State{first.Name: d.A, second.Name: d.B}})
		}
		text, err := json.Marshal(told)
		return append(text, '\n'), err
	})
	return web.Answer{Type: "application/json", Body: body}, err
}
