package koschei

import "time"

// A ServiceReport is how one service fares with one collection.
type ServiceReport struct {
	Service   Service
	Succeeded time.Time // last, to within a minute; zero if it never did
	Remark    string    // what the service said of the collection then

	Trouble   string    // a sentence that tells why it fails now; "" if it does not
	FirstSeen time.Time // of the trouble
	LastSeen  time.Time
	Failures  int // in a row
}

// A Freshness says which repo the verdicts on a collection's packages are
// about, and how far that is behind.
type Freshness struct {
	Verdicts Repo      // the newest in which packages were resolved; RepoID 0 if there is none
	Newest   Repo      // the newest that is known; RepoID 0 if there is none
	Newer    int       // known repos that are newer than Verdicts
	Broken   int       // of them, those whose base buildroot could not be installed
	Since    time.Time // when the first of Newer was made; zero if there is none

	Services []ServiceReport // by name
}

// Behind is for how long a newer repo has been there than the one that
// verdicts are about; 0 if there is none.
func (f *Freshness) Behind(now time.Time) time.Duration {
	if f.Newer == 0 {
		return 0
	}
	return max(0, now.Sub(f.Since))
}

// EventsBehind is how many of the hub's events the newest known repo is ahead
// of the one that verdicts are about.
func (f *Freshness) EventsBehind() int64 {
	if f.Newer == 0 {
		return 0
	}
	return f.Newest.CreateEvent - f.Verdicts.CreateEvent
}

// TagMoved says whether the build tag has changed since the newest repo was
// made, as far as the hub had told when the repo was last asked for.
func (f *Freshness) TagMoved() bool { return f.Newest.EndEvent > f.Newest.CreateEvent }

// LateAfter is how old the repo-resolver's last success with a collection may be:
// half an hour, and a minute of real time.
func (c Clock) LateAfter() time.Duration { return max(30*time.Minute, c.Domain(time.Minute)) }

// Unseen says whether nobody has looked for longer than late whether there is a
// newer repo than the one that verdicts are about. That none is known then means
// nothing.
func (f *Freshness) Unseen(now time.Time, late time.Duration) bool {
	looked := f.Report(ServiceRepoResolver).Succeeded
	return f.Verdicts.RepoID != 0 && f.Newer == 0 && (looked.IsZero() || now.Sub(looked) > late)
}

// Report returns how a service fares; the zero report if it never looked at
// the collection.
func (f *Freshness) Report(service Service) ServiceReport {
	for _, r := range f.Services {
		if r.Service == service {
			return r
		}
	}
	return ServiceReport{Service: service}
}

// Troubles returns the reports of services that fail now.
func (f *Freshness) Troubles() []ServiceReport {
	var troubles []ServiceReport
	for _, r := range f.Services {
		if r.Trouble != "" {
			troubles = append(troubles, r)
		}
	}
	return troubles
}
