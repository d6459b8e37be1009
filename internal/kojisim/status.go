package kojisim

import (
	"slices"
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
		Now: w.now, Seed: w.seed, Packages: len(w.packages), Builds: len(w.builds), Events: len(w.events), Tasks: len(w.tasks),
		Hosts: len(w.hosts),
	}
	for _, h := range w.hosts {
		s.Load += h.load
		s.Capacity += h.capacity
	}
	for _, t := range w.tasks {
		switch t.state {
		case taskFree:
			s.FreeTasks++
		case taskOpen, taskAssigned:
			s.OpenTasks++
		}
	}
	for i := len(w.repos) - 1; i >= 0 && len(s.Repos) < 20; i-- {
		r := w.repos[i]
		s.Repos = append(s.Repos, RepoStatus{ID: r.id, Tag: r.tag.name, State: repoStateName(r.state), Event: r.event})
	}
	return s
}

// Breakages returns the rules by which builds fail, by package.
func (world *World) Breakages() map[string][]Breakage {
	w := world.Lock()
	defer world.Unlock()
	out := make(map[string][]Breakage, len(w.truth.breakages))
	for name, bs := range w.truth.breakages {
		out[name] = slices.Clone(bs)
	}
	return out
}
