package html

import (
	"time"

	"github.com/koschei-ci/koschei"
)

// A Fresh tells which repo verdicts are about, how far that is behind, and
// what troubles the collection.
type Fresh struct {
	Verdicts koschei.Repo // RepoID 0 if there is none
	Newer    int          // repos newer than Verdicts
	TagMoved bool         // the build tag has changed since the newest repo
	Behind   string       // "" if no newer repo is known
	Because  string       // of Behind; "" if it is only a matter of moments
	Events   int64        // that the newest repo is ahead
	Services []koschei.ServiceReport
	Troubles []koschei.ServiceReport
}

// How old the repo-resolver's last success may be before it is told as the
// reason for being behind: so long in domain time, and so long in real time.
const (
	lateAfter     = 30 * time.Minute
	lateAfterReal = time.Minute
)

// FreshOf says how fresh a collection is at now. Of clock only the speed counts.
func FreshOf(f *koschei.Freshness, now time.Time, clock koschei.Clock) Fresh {
	v := Fresh{
		Verdicts: f.Verdicts, Newer: f.Newer, TagMoved: f.TagMoved(), Events: f.EventsBehind(),
		Services: f.Services, Troubles: f.Troubles(),
	}
	if f.Newer == 0 {
		return v
	}
	v.Behind = Duration(f.Behind(now))
	late := max(lateAfter, clock.Domain(lateAfterReal))
	resolver := f.Report(koschei.ServiceRepoResolver)
	switch {
	case resolver.Trouble != "":
		v.Because = resolver.Trouble
	case f.Broken == f.Newer:
		v.Because = "the base buildroot cannot be installed"
	case resolver.Succeeded.IsZero():
		v.Because = "no repo-resolver has looked at the collection"
	case now.Sub(resolver.Succeeded) > late:
		v.Because = "the repo-resolver last succeeded " + Span(now.Sub(resolver.Succeeded)) + " ago"
	}
	return v
}
