package kojisim

import (
	"time"
)

// A RepoRequest is a wish for a repo that is new enough.
type RepoRequest struct {
	ID       int
	Tag      *Tag
	Owner    *User
	Priority int
	MinEvent int // 0: none
	AtEvent  int // 0: none
	Created  time.Time
	Updated  time.Time
	Active   bool
	Tries    int
	Task     *Task
	Repo     *Repo
}

// taskID is the number of the task that serves the request, 0 if none does.
func (q *RepoRequest) taskID() int {
	if q.Task == nil {
		return 0
	}
	return q.Task.ID
}
