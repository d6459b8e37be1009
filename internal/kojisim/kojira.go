package kojisim

import (
	"time"
)

// kojiraEvery is how often kojira looks at the repos.
const kojiraEvery = 15 * time.Minute

// StartKojira lets kojira look after the repos from now on.
func (w *System) StartKojira() {
	w.noteOutdated()
	w.serveRequests()
	w.checkIn()
	w.After(kojiraEvery, w.StartKojira)
}

// StartRegeneration lets kojira make new repos from now on.
func (w *System) StartRegeneration() {
	if w.Rules.RepoEvery > 0 {
		w.regenerate()
		w.After(w.Rules.RepoEvery, w.StartRegeneration)
	}
}

// regenerate starts a newRepo task for each build tag that changed.
func (w *System) regenerate() {
	kojira := w.UserByName("kojira")
	done := map[*Tag]bool{}
	for _, g := range w.Targets {
		t := g.Build
		if done[t] || w.making(t) {
			continue
		}
		done[t] = true
		if r := w.NewestRepo(t); r == nil || t.changedAfter(r.Holds) != 0 {
			w.NewRepoTask(t, kojira, []any{t.Name}, 0)
		}
	}
}

// making reports whether a newRepo task of the tag is under way.
func (w *System) making(t *Tag) bool {
	for i := len(w.Repos) - 1; i >= 0 && i > len(w.Repos)-20; i-- {
		r := w.Repos[i]
		if k := w.TaskByID(r.TaskID); k != nil && r.Tag == t && r.State == repoInit && !k.Ended() {
			return true
		}
	}
	return false
}

// noteOutdated sets the end event of repos whose tag has changed.
func (w *System) noteOutdated() {
	for i := len(w.Repos) - 1; i >= 0; i-- {
		if r := w.Repos[i]; r.End == 0 && r.State == RepoReady && !r.Dist {
			r.End = r.Tag.changedAfter(r.Holds)
		}
	}
}

// repoRetries is how often a request that came to nothing is tried again.
const repoRetries = 3

// serveRequests starts newRepo tasks for wishes that have none.
func (w *System) serveRequests() {
	kojira := w.UserByName("kojira")
	waiting := false
	for _, q := range w.Requests {
		if q.Active && q.Task != nil && q.Task.Ended() {
			q.Task, q.Updated = nil, w.Now // it failed, or it would not be active
			q.Active = q.Tries <= repoRetries
		}
		waiting = waiting || q.Active
		if !q.Active || q.Task != nil {
			continue
		}
		q.Tries++
		q.Updated = w.Now
		owner := kojira
		if owner == nil {
			owner = q.Owner
		}
		q.Task = w.NewRepoTask(q.Tag, owner, []any{q.Tag.Name}, q.AtEvent)
	}
	if waiting && w.Rules.RepoEvery == 0 && w.Rules.servesRequests() { // kojira does not come by itself
		w.After(kojiraEvery, w.serveRequests)
	}
}

// RequestRepo notes a wish for a repo.
func (w *System) RequestRepo(t *Tag, owner *User, minEvent, atEvent int) *RepoRequest {
	q := &RepoRequest{
		ID: len(w.Requests) + 1, Tag: t, Owner: owner, Priority: 20, MinEvent: minEvent, AtEvent: atEvent,
		Created: w.Now, Updated: w.Now, Active: true,
	}
	w.Requests = append(w.Requests, q)
	w.Changed()
	if w.Rules.servesRequests() {
		w.After(time.Minute, w.serveRequests)
	}
	return q
}
