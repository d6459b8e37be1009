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
	Unseen   string       // why it is not known whether there is a newer repo; "" if it is
	Because  string       // of Behind; "" if it is only a matter of moments
	Events   int64        // that the newest repo is ahead
	Services []koschei.ServiceReport
	Troubles []koschei.ServiceReport
}

// FreshOf says how fresh a collection is at now. Of clock only the speed counts.
func FreshOf(f *koschei.Freshness, now time.Time, clock koschei.Clock) Fresh {
	v := Fresh{
		Verdicts: f.Verdicts, Newer: f.Newer, TagMoved: f.TagMoved(), Events: f.EventsBehind(),
		Services: f.Services, Troubles: f.Troubles(),
	}
	late := clock.LateAfter()
	resolver := f.Report(koschei.ServiceRepoResolver)
	if f.Newer == 0 {
		if f.Unseen(now, late) {
			v.Unseen = "no repo-resolver has looked at the collection"
			if !resolver.Succeeded.IsZero() {
				v.Unseen = "the repo-resolver last looked " + Span(now.Sub(resolver.Succeeded)) + " ago"
			}
		}
		return v
	}
	v.Behind = Duration(f.Behind(now))
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
