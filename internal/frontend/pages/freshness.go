package pages

import (
	"time"

	"github.com/koschei-ci/koschei"
)

// A freshView tells which repo verdicts are about, how far that is behind, and
// what troubles the collection.
type freshView struct {
	koschei.Freshness
	Behind   string // "" if no newer repo is known
	Because  string // of Behind; "" if it is only a matter of moments
	Events   int64  // that the newest repo is ahead
	Troubles []koschei.ServiceReport
}

// How old the repo-resolver's last success may be before it is told as the
// reason for being behind: so long in domain time, and so long in real time.
const (
	lateAfter     = 30 * time.Minute
	lateAfterReal = time.Minute
)

func (s *Site) lateAfter() time.Duration {
	return max(lateAfter, s.config.Clock.Domain(lateAfterReal))
}

func (s *Site) fresh(f koschei.Freshness) freshView {
	now := s.now()
	v := freshView{Freshness: f, Events: f.EventsBehind(), Troubles: f.Troubles()}
	if f.Newer == 0 {
		return v
	}
	v.Behind = duration(f.Behind(now))
	resolver := f.Report(koschei.ServiceRepoResolver)
	switch {
	case resolver.Trouble != "":
		v.Because = resolver.Trouble
	case f.Broken == f.Newer:
		v.Because = "the base buildroot cannot be installed"
	case resolver.Succeeded.IsZero():
		v.Because = "no repo-resolver has looked at the collection"
	case now.Sub(resolver.Succeeded) > s.lateAfter():
		v.Because = "the repo-resolver last succeeded " + span(now.Sub(resolver.Succeeded)) + " ago"
	}
	return v
}
