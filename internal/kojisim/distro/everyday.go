package distro

import (
	"fmt"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Everyday is what happens at a hub besides updates, each so long after the
// world is handed over; 0 is never.
type Everyday struct {
	// Upgrade makes the hub, until then of Koji 1.34, one of 1.36.
	Upgrade time.Duration
	// OnDemand is when kojira makes no more repos by itself, for as long as
	// OnDemandFor: from then on somebody has to ask for them.
	OnDemand, OnDemandFor time.Duration
	// Drafts is when some builds are tagged that are drafts first.
	Drafts time.Duration
	// MassRebuild is when packages begin to be rebuilt in a side tag, all of which
	// is merged at one moment when Lasting is over.
	MassRebuild time.Duration
	// Pushes is when some updates begin: first each is in a tag for overrides, and
	// later all are pushed at one moment.
	Pushes time.Duration
	// Branch is when a new tag, BranchTag, which inherits nothing, begins to be
	// filled: build by build, for as long as Lasting.
	Branch time.Duration

	Lasting  time.Duration // of a mass rebuild, of a branching, of overrides
	Rebuilds int           // packages of the mass rebuild
	Few      int           // drafts, and updates of a push

	// Held lets all this begin when the system's BeginLife is called.
	Held bool
}

// What everyday life brings.
const (
	OverrideTag  = DestTagName + "-override"
	CandidateTag = DestTagName + "-candidate"
	RebuildTag   = DestTagName + "-rebuild"
	BranchTag    = "f46"
)

// prepareEveryday makes what must be there before everyday life begins.
func (s *packagers) prepareEveryday(e Everyday) {
	if e.Upgrade > 0 {
		s.w.Policy.Version = "1.34.1"
	}
	if e.Pushes > 0 {
		s.addOverrides()
	}
	s.w.BeginLife = func() { s.planEveryday(e) }
	if !e.Held {
		s.w.BeginLife()
	}
}

func (s *packagers) planEveryday(e Everyday) {
	plan := func(d time.Duration, do func()) {
		if d > 0 {
			s.w.After(d, do)
		}
	}
	plan(e.Upgrade, func() { s.w.Policy.Version = "1.36.0" })
	plan(e.OnDemand, func() { s.makeOnDemand(e.OnDemandFor) })
	plan(e.Drafts, func() { s.draftBuilds(e.Few, e.Lasting) })
	plan(e.MassRebuild, func() { s.massRebuild(e.Rebuilds, e.Lasting) })
	plan(e.Pushes, func() { s.push(e.Few, e.Lasting) })
	plan(e.Branch, func() { s.branch(e.Lasting) })
}

// makeOnDemand lets kojira make repos only when somebody asks, for some time.
func (s *packagers) makeOnDemand(lasting time.Duration) {
	every := s.w.Rules.RepoEvery
	s.w.Rules.RepoEvery, s.w.Rules.Requests = 0, true
	s.w.After(lasting, func() {
		s.w.Rules.RepoEvery = every
		s.w.StartRegeneration()
	})
}

// some draws packages that have a build, each once.
func (s *packagers) some(n int) []*kojisim.Package {
	var out []*kojisim.Package
	met := map[*kojisim.Package]bool{}
	for range 10 * n {
		if p := s.anyPackage(); p != nil && !met[p] && len(out) < n {
			met[p] = true
			out = append(out, p)
		}
	}
	return out
}

// draftBuilds tags builds that are drafts, and promotes them a while later.
func (s *packagers) draftBuilds(n int, lasting time.Duration) {
	repo := s.w.NewestRepo(s.build)
	for _, p := range s.some(n) {
		was := s.newest(p)
		if was == nil || repo == nil {
			continue
		}
		evr := rpm.EVR{Epoch: was.EVR.Epoch, Version: was.EVR.Version, Release: s.nextRelease(was.EVR.Release)}
		content, draft := s.renewed(was, evr), evr
		draft.Release = fmt.Sprintf("%s,draft_%d", evr.Release, len(s.w.Builds)+1)
		b := s.w.NewBuild(p, draft, content, s.user, kojisim.BuildComplete)
		s.w.RecordBuild(b, repo)
		s.w.TagBuild(s.dest, b, s.user)
		s.w.After(lasting, func() { s.w.Promote(b) })
	}
}

// sideTarget makes a target whose builds go to a tag of their own.
func (s *packagers) sideTarget(name string) *kojisim.Tag {
	tag := s.w.AddTag(name, nil)
	s.w.AddTarget(name, s.build, tag)
	return tag
}

// massRebuild builds packages in a side tag and merges it.
func (s *packagers) massRebuild(n int, lasting time.Duration) {
	side := s.sideTarget(RebuildTag)
	for _, p := range s.some(n) {
		s.w.After(s.luck.Between(0, lasting/2), func() { s.buildFor(side.Name, p, nil) })
	}
	s.w.After(lasting, func() {
		for _, g := range side.Taggings {
			if now := s.latest(g.Build.Package); now == nil || g.Build.EVR.Order(now.EVR) > 0 {
				s.w.TagBuild(s.dest, g.Build, s.admin)
			}
		}
	})
}

// buildFor builds the next release of a package for a target; done hears of the
// build if it succeeds.
func (s *packagers) buildFor(target string, p *kojisim.Package, done func(*kojisim.Build)) {
	was := s.newest(p)
	if was == nil || s.w.Holiday {
		return
	}
	evr := rpm.EVR{Epoch: was.EVR.Epoch, Version: was.EVR.Version, Release: s.nextRelease(was.EVR.Release)}
	s.w.SubmitUpdate(s.user, target, &kojisim.Update{Package: p, EVR: evr, Content: s.renewed(was, evr), Done: func(ok bool) {
		b := s.w.BuildByNVR(p.Name + "-" + evr.Version + "-" + evr.Release)
		if ok && b != nil && done != nil {
			done(b)
		}
	}})
}

// addOverrides lets a tag for overrides come before the others in the build tag.
func (s *packagers) addOverrides() {
	override := s.w.AddTag(OverrideTag, nil)
	s.build.Parents = append([]*kojisim.Tag{override}, s.build.Parents...)
	s.sideTarget(CandidateTag)
}

// push builds updates, has an override for each, and later pushes all.
func (s *packagers) push(n int, lasting time.Duration) {
	override := s.w.TagByName(OverrideTag)
	var ready []*kojisim.Build
	for _, p := range s.some(n) {
		s.buildFor(CandidateTag, p, func(b *kojisim.Build) {
			ready = append(ready, b)
			s.w.TagBuild(override, b, s.user)
		})
	}
	s.w.After(lasting, func() {
		for _, b := range ready {
			s.w.TagBuild(s.dest, b, s.admin)
			s.w.UntagBuild(override, b, s.admin)
			s.w.UntagBuild(s.w.TagByName(CandidateTag), b, s.admin)
		}
	})
}

// branch fills a new tag with all that there is, one build after the other.
func (s *packagers) branch(lasting time.Duration) {
	tag := s.w.AddTag(BranchTag, nil)
	build := s.w.AddTag(BranchTag+"-build", s.build.OwnArches(), tag)
	s.w.AddTarget(BranchTag, build, tag)
	build.Loose = s.build.Loose
	group := s.w.AddGroup(build, "build", "What every build needs")
	group.Members = append(group.Members, s.build.GroupByName("build").Members...)
	for i, p := range s.w.Packages {
		if s.latestOf(p) == nil {
			continue
		}
		s.w.AddPackage(tag, p, s.user)
		s.w.After(time.Duration(float64(lasting)*float64(i)/float64(len(s.w.Packages))), func() {
			if b := s.latestOf(p); b != nil {
				s.w.TagBuild(tag, b, s.admin)
			}
		})
	}
}

// latestOf is what counts in the build tag, overrides included.
func (s *packagers) latestOf(p *kojisim.Package) *kojisim.Build {
	return s.build.LatestBuild(p, s.w.LastEvent())
}

// Lived counts what everyday life has brought.
type Lived struct {
	Drafts    int // builds that are drafts still
	Merged    int // builds of the mass rebuild that are in the destination tag
	Overrides int // there have been
	Branched  int // builds in the new tag
	Asked     int // repos that were made because Koschei asked for them
	Version   string
}

// LivedIn counts what everyday life has brought to a world of this package.
func LivedIn(world *kojisim.World) (l Lived) {
	w := world.Lock()
	defer world.Unlock()
	for _, b := range w.Builds {
		if b.IsDraft() {
			l.Drafts++
		}
	}
	in := map[*kojisim.Build]bool{}
	for _, g := range w.TagByName(DestTagName).Taggings {
		in[g.Build] = true
	}
	if side := w.TagByName(RebuildTag); side != nil {
		for _, g := range side.Taggings {
			if in[g.Build] {
				l.Merged++
			}
		}
	}
	if t := w.TagByName(OverrideTag); t != nil {
		l.Overrides = len(t.Taggings)
	}
	if t := w.TagByName(BranchTag); t != nil {
		l.Branched = len(t.ByPkg)
	}
	for _, q := range w.Requests {
		if q.Owner.Name == KoscheiUser && q.Repo != nil {
			l.Asked++
		}
	}
	l.Version = w.Policy.Version
	return l
}
