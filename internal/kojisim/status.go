package kojisim

import (
	"time"
)

// A Status is what anyone may know of a world at one moment.
type Status struct {
	Now       time.Time
	Seed      int64
	Packages  int
	Builds    int
	Events    int
	Tasks     int
	FreeTasks int
	OpenTasks int
	Hosts     int
	Load      float64
	Capacity  float64
	Repos     []RepoStatus // the newest first, at most 20
}

// A RepoStatus is one repository of a Status.
type RepoStatus struct {
	ID    int
	Tag   string
	State string
	Event int
}

// Status returns what there is in the world.
func (world *World) Status() Status {
	w := world.Lock()
	defer world.Unlock()
	s := Status{
		Now: w.Now, Seed: w.Seed, Packages: len(w.Packages), Builds: len(w.Builds), Events: len(w.Events), Tasks: len(w.Tasks),
		Hosts: len(w.Hosts),
	}
	for _, h := range w.Hosts {
		s.Load += h.Load
		s.Capacity += h.Capacity
	}
	for _, t := range w.Tasks {
		switch t.State {
		case TaskFree:
			s.FreeTasks++
		case TaskOpen, TaskAssigned:
			s.OpenTasks++
		}
	}
	for i := len(w.Repos) - 1; i >= 0 && len(s.Repos) < 20; i-- {
		r := w.Repos[i]
		s.Repos = append(s.Repos, RepoStatus{ID: r.ID, Tag: r.Tag.Name, State: repoStateName(r.State), Event: r.Event})
	}
	return s
}
