package v2

import (
	"net/http"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A StateChange is a package that came from one state to another.
type StateChange struct {
	ID         int64         `json:"id" doc:"grows"`
	Collection string        `json:"collection"`
	Package    string        `json:"package"`
	Before     koschei.State `json:"before"`
	State      koschei.State `json:"state"`
	At         time.Time     `json:"at"`
}

type changesAsked struct {
	Collection []string `query:"collection" doc:"all if it is not given"`
	After      string   `query:"after" doc:"next of the part before, or the id of a change; newest for what comes from now on"`
	Limit      int      `query:"limit" default:"100" min:"1" max:"2000"`
}

func (a *API) addChanges() {
	add(a, http.MethodGet, "/changes", "Changes of states, the oldest first; next is always there", getChanges, fresh)
}

func getChanges(r *web.Request, in *changesAsked) (ListOf[StateChange], error) {
	after := int64(0)
	var err error
	if in.After == "newest" {
		after, err = r.View.Timeline.NewestTransition(r.Context())
	} else {
		after, err = number("after", in.After)
	}
	if err != nil {
		return ListOf[StateChange]{}, err
	}
	changes, err := r.View.Timeline.TransitionsAfter(r.Context(), scope(r), after, in.Limit)
	if err != nil {
		return ListOf[StateChange]{}, err
	}
	list := ListOf[StateChange]{Items: each(changes, tellTransition), Next: strconv.FormatInt(after, 10)}
	if n := len(changes); n > 0 {
		list.Next = strconv.FormatInt(changes[n-1].ID, 10)
	}
	return list, nil
}

func tellTransition(t *view.Transition) StateChange {
	return StateChange{t.ID, t.Collection, t.Package, t.Before, t.State, t.At}
}
