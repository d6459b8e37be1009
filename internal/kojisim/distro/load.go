package distro

import (
	"context"
	"path/filepath"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

// Load makes a world of the repositories in dir/binary and dir/source.
// The sources become builds of some age, tagged, with the binaries made from
// them; binaries whose source is not there are those of an external repo and
// never change. Packagers then update what is there, as in a made distribution.
// Of the options only Seed, Start, History, Updates, Arches (default x86_64),
// Hosts, Rules and Everyday count.
func Load(ctx context.Context, dir string, o Options) (*kojisim.World, error) {
	if len(o.Arches) == 0 {
		o.Arches = []string{"x86_64"}
	}
	l := &loader{names: map[string]string{}, drafts: map[string]*draft{}}
	if err := l.readSources(ctx, filepath.Join(dir, "source")); err != nil {
		return nil, err
	}
	group, err := l.readBinaries(ctx, filepath.Join(dir, "binary"))
	if err != nil {
		return nil, err
	}
	o.Packages = len(l.order)
	if o.Updates == 0 {
		o.Updates = min(0.06*float64(o.Packages), 400)
	}
	if o.Hosts == 0 {
		o.Hosts = 10
	}
	if o.History == 0 {
		o.History = 9 * 24 * time.Hour // hardly more than what is built again for its age
	}
	o.setDefaults()
	g := newGenerator(o)
	w, s := g.world(o.Start.Add(-o.History))
	s.keep = true
	s.setGroup(group)
	s.build.Loose = l.loose
	for _, p := range l.loose {
		w.Offer(nil, p)
	}
	s.importAll(l.order, o.History)
	s.findCore(group...)
	w.StartKojira()
	w.StartRegeneration()
	if err := advance(ctx, w, o.Start); err != nil {
		return nil, err
	}
	s.startWork(o.Updates)
	s.prepareEveryday(o.Everyday)
	return kojisim.NewWorld(w), nil
}

// setGroup replaces the members of the group build.
func (s *packagers) setGroup(names []string) {
	g := s.build.GroupByName("build")
	g.Members = g.Members[:0]
	for _, n := range names {
		g.Members = append(g.Members, kojisim.GroupMember{Name: n, Kind: "mandatory"})
	}
}

// importAll makes the builds and the tasks that made them, spread over the
// weeks before the last hours. All were made in one repo, which holds what the
// distribution holds in the end: the packages themselves have no history.
func (s *packagers) importAll(drafts []*draft, history time.Duration) {
	w := s.w
	first := w.InitRepo(s.build, nil, 0)
	w.ReadyRepo(first)
	spread := history - 6*time.Hour
	for i, d := range drafts {
		// Ages follow no order of names, but events must follow time.
		w.Advance(w.EventTime(1).Add(time.Duration(float64(spread) * float64(i) / float64(len(drafts)))))
		p := w.NewPackage(d.name)
		w.AddPackage(s.dest, p, s.user)
		b := w.NewBuild(p, d.evr, d.Content, s.user, kojisim.BuildComplete)
		w.RecordBuild(b, first)
		w.TagBuild(s.dest, b, s.user)
		s.inheritMishaps(b)
	}
	first.Holds = w.LastEvent()
	w.Advance(w.Now.Add(time.Hour))
	w.NewRepoTask(s.build, w.UserByName("kojira"), []any{s.build.Name}, 0)
}
