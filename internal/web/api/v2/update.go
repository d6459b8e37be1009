package v2

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// An Update is a source package that changed with a repo, and what that did.
type Update struct {
	Source   string    `json:"source"`
	Before   string    `json:"before,omitempty"`
	After    string    `json:"after,omitempty"`
	RepoID   int64     `json:"repo"`
	Event    int64     `json:"event"`
	Created  time.Time `json:"created" doc:"when the repo was made"`
	Binaries int       `json:"binaries" doc:"packages of it that changed"`
	Reached  int       `json:"reached" doc:"packages whose buildroots it reached"`
	Unmet    int       `json:"unmet" doc:"packages that cannot be installed for want of what it took away"`
	Broke    int       `json:"broke" doc:"packages that failed for the first time with it"`
}

func tellUpdate(u *view.Update) Update {
	return Update{u.Source, u.Before, u.After, u.RepoID, u.Event, u.Created, u.Binaries, u.Reached, u.Unmet, u.Broke}
}

// An UpdatePage is everything about an update.
type UpdatePage struct {
	Update
	Others   int              `json:"others" doc:"other sources that changed in the same repo"`
	Changes  []Change         `json:"changes"`
	Packages []ReachedPackage `json:"packages" doc:"that it reached, the nearest first"`
	Missing  []Unmet          `json:"missing" doc:"what it took away"`
	History  []Update         `json:"history" doc:"of the source, the newest first"`
}

// A ReachedPackage is a package whose buildroot has something of an update.
type ReachedPackage struct {
	Package  string        `json:"package"`
	State    koschei.State `json:"state"`
	Distance int           `json:"distance,omitempty"`
	Effect   string        `json:"effect" doc:"broke, mended, builds, fails or waiting"`
	Build    int64         `json:"build,omitempty" doc:"the first with the update"`
	Fault    string        `json:"fault,omitempty"`
}

// A Blame says which update may have broken a package.
type Blame struct {
	Package  string        `json:"package"`
	State    koschei.State `json:"state"`
	Since    time.Time     `json:"since"`
	Build    int64         `json:"build,omitempty" doc:"the first that failed"`
	Source   string        `json:"source,omitempty" doc:"the update; not there if none is known to be at fault"`
	Before   string        `json:"before,omitempty"`
	After    string        `json:"after,omitempty"`
	Suspects int           `json:"suspects" doc:"updates that are as likely"`
	Proved   bool          `json:"proved"`
	Why      string        `json:"why,omitempty"`
}

type updatesAsked struct {
	Collection []string  `query:"collection" doc:"one"`
	Since      time.Time `query:"since" doc:"a day ago if it is not given"`
	After      string    `query:"after" doc:"next of the part before"`
	Limit      int       `query:"limit" default:"100" min:"1" max:"1000"`
}

// one is the one collection that the arguments name, or there is.
func (in *updatesAsked) one(r *web.Request) (*view.FrameCollection, error) {
	if len(r.Current) != 1 {
		return collectionOf(r, "")
	}
	if in.Since.IsZero() {
		in.Since = r.Now.AddDate(0, 0, -1)
	}
	return r.First()
}

func (a *API) addUpdates() {
	add(a, http.MethodGet, "/updates", "Updates of a collection, the newest first", getUpdates)
	add(a, http.MethodGet, "/blames", "Packages that broke, with the updates that may have done it", getBlames)
	add(a, http.MethodGet, "/updates/{collection}/{source}", "The newest update of a source", func(r *web.Request, in *sourceAsked) (UpdatePage, error) {
		return getUpdate(r, &updateAsked{in.Collection, in.Source, ""})
	})
	add(a, http.MethodGet, "/updates/{collection}/{source}/{version}", "An update", getUpdate)
}

func getUpdates(r *web.Request, in *updatesAsked) (ListOf[Update], error) {
	c, err := in.one(r)
	if err != nil {
		return ListOf[Update]{}, err
	}
	var before view.UpdateKey
	if in.After != "" {
		event, source, found := strings.Cut(in.After, ",")
		if before.Event, err = strconv.ParseInt(event, 10, 64); err != nil || !found {
			return ListOf[Update]{}, fmt.Errorf("argument after: %q is not the next of a part: %w", in.After, koschei.ErrInvalid)
		}
		before.Source = source
	}
	updates, err := r.View.Repos.Updates(r.Context(), c.ID, in.Since, before, in.Limit+1)
	return listOf(updates, in.Limit, tellUpdate, func(u *view.Update) string { return fmt.Sprintf("%d,%s", u.Event, u.Source) }), err
}

func getBlames(r *web.Request, in *updatesAsked) (ListOf[Blame], error) {
	c, err := in.one(r)
	if err != nil {
		return ListOf[Blame]{}, err
	}
	if in.After != "" {
		return ListOf[Blame]{}, fmt.Errorf("argument after: this list has one part: %w", koschei.ErrInvalid)
	}
	blames, err := r.View.Repos.Blames(r.Context(), c.ID, in.Since, in.Limit)
	return ListOf[Blame]{Items: each(blames, func(b *view.Blame) Blame {
		return Blame{b.Package, b.State, b.Since, b.BuildID, b.Source, b.Before, b.After, b.Suspects, b.Proved(), b.Line}
	})}, err
}

type sourceAsked struct {
	Collection string `path:"collection"`
	Source     string `path:"source"`
}

type updateAsked struct {
	Collection string `path:"collection"`
	Source     string `path:"source"`
	Version    string `path:"version"`
}

func getUpdate(r *web.Request, in *updateAsked) (UpdatePage, error) {
	c, err := r.Collection(in.Collection)
	if err != nil {
		return UpdatePage{}, err
	}
	page, err := r.View.Repos.Update(r.Context(), c.ID, in.Source, in.Version)
	if err != nil {
		return UpdatePage{}, err
	}
	return UpdatePage{
		Update: tellUpdate(&page.Update), Others: page.Others, Changes: each(page.Changes, tellChange), Missing: each(page.Unmet, tellUnmet),
		History: each(page.History, tellUpdate),
		Packages: each(page.Packages, func(p *view.ReachedPackage) ReachedPackage {
			return ReachedPackage{p.Package, p.State, p.Distance, string(p.Effect), p.BuildID, p.Fault}
		}),
	}, nil
}
