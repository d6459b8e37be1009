package kojisim

import (
	"time"
)

// States of a repo.
const (
	repoInit    = 0
	RepoReady   = 1
	repoExpired = 2
	RepoDeleted = 3
	RepoProblem = 4
)

// repoStateName is Koji's word for a state of a repo.
func repoStateName(state int) string {
	return [...]string{"INIT", "READY", "EXPIRED", "DELETED", "PROBLEM"}[state]
}

// A Repo is what a build tag held at one event.
type Repo struct {
	ID      int
	Tag     *Tag
	State   int
	Changed time.Time // of state
	Created time.Time
	ready   time.Time // when builds could first use it
	Event   int       // create_event
	Holds   int       // event whose content it has; the same but for repos of the past
	Begin   int       // event since which the tag was like this
	End     int       // event at which it changed, 0 if not known
	Dist    bool
	TaskID  int // 0: no task makes it
}

// Usable reports whether builds may use the repo.
func (r *Repo) Usable() bool { return r.State == RepoReady || r.State == repoExpired }
