package v2

import (
	"fmt"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A ListOf is a part of a list.
type ListOf[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"argument after of the part that follows; not there at the end"`
}

// listOf makes a part of a list out of rows, of which one more was asked for than are
// told: key is where the next part begins.
func listOf[R, T any](rows []R, limit int, tell func(*R) T, key func(*R) string) ListOf[T] {
	list := ListOf[T]{Items: []T{}}
	for i := range rows {
		if i == limit {
			list.Next = key(&rows[i-1])
			break
		}
		list.Items = append(list.Items, tell(&rows[i]))
	}
	return list
}

// each tells of all rows.
func each[R, T any](rows []R, tell func(*R) T) []T {
	items := make([]T, 0, len(rows))
	for i := range rows {
		items = append(items, tell(&rows[i]))
	}
	return items
}

// collectionOf is the collection that an operation is about.
func collectionOf(r *web.Request, name string) (*view.FrameCollection, error) {
	if name == "" {
		return nil, fmt.Errorf("say which collection, as collection=f44: %w", koschei.ErrInvalid)
	}
	return r.Collection(name)
}

// scope are the names of the collections that an operation is about, none for all.
func scope(r *web.Request) []string {
	if r.Scope() == "" {
		return nil
	}
	return strings.Split(r.Scope(), ",")
}

// collectionName is the name of the collection with an id.
func collectionName(r *web.Request, id int64) string {
	if c := r.CollectionByID(id); c != nil {
		return c.Name
	}
	return ""
}
