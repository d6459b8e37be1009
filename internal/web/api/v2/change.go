package v2

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A StateChange is a package that came from one state to another.
type StateChange struct {
	ID         int64         `json:"id"`
	Place      string        `json:"place" doc:"where to go on behind it, as after"`
	Collection string        `json:"collection"`
	Package    string        `json:"package"`
	Before     koschei.State `json:"before"`
	State      koschei.State `json:"state"`
	At         time.Time     `json:"at"`
}

type changesAsked struct {
	Collection []string `query:"collection" doc:"all if it is not given"`
	After      string   `query:"after" doc:"next of the part before, or place or id of a change; newest for what comes from now on"`
	Limit      int      `query:"limit" default:"100" min:"1" max:"2000"`
}

func (a *API) addChanges() {
	add(a, http.MethodGet, "/changes", "Changes of states, in the order in which they came to be known; next is always there", getChanges, fresh)
}

func getChanges(r *web.Request, in *changesAsked) (ListOf[StateChange], error) {
	after, err := placeOf(r.Context(), r.View, in.After)
	if err != nil {
		return ListOf[StateChange]{}, err
	}
	changes, err := r.View.Timeline.After(r.Context(), scope(r), after, in.Limit)
	if err != nil {
		return ListOf[StateChange]{}, err
	}
	list := ListOf[StateChange]{Items: each(changes, tellStateChange), Next: after.String()}
	if n := len(changes); n > 0 {
		list.Next = changes[n-1].Mark.String()
	}
	return list, nil
}

// placeOf is the place behind which changes are asked for: that of what a part or an
// export told last, of a change by its id, or of the newest one. What commits late is
// behind it.
func placeOf(ctx context.Context, v *view.View, after string) (view.Mark, error) {
	switch {
	case after == "":
		return view.Mark{}, nil
	case after == "newest":
		last, err := v.Timeline.Last(ctx, 1)
		if err != nil || len(last) == 0 {
			return view.Mark{}, err
		}
		return last[0].Mark, nil
	case strings.Contains(after, "-"):
		at, err := view.ParseMark(after)
		if err != nil {
			return view.Mark{}, fmt.Errorf("argument after: %w", err)
		}
		return at, nil
	}
	id, err := number("after", after)
	if err != nil {
		return view.Mark{}, err
	}
	return v.Timeline.MarkOf(ctx, id)
}

func tellStateChange(c *view.ToldChange) StateChange {
	return StateChange{c.Mark.ID, c.Mark.String(), c.Collection, c.Package, c.Before, c.State, c.Changed}
}
