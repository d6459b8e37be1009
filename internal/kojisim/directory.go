package kojisim

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// LoadWorld makes a world of the repositories in dir/binary and dir/source.
// The sources become builds of some age, tagged, with the binaries made from
// them; binaries whose source is not there are those of an external repo and
// never change. Packagers then update what is there, as in a made distribution.
// Of the options only Seed, Start, History, Updates, Arches (default x86_64),
// Hosts and Rules count.
func LoadWorld(ctx context.Context, dir string, o GeneratorOptions) (*World, error) {
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
		w.offer(nil, p)
	}
	s.importAll(l.order, o.History)
	s.findCore(group...)
	w.StartKojira()
	w.StartRegeneration()
	w.advance(o.Start)
	s.startWork(o.Updates)
	return NewWorld(w), nil
}

// setGroup replaces the members of the group build.
func (s *packagers) setGroup(names []string) {
	g := s.build.GroupByName("build")
	g.Members = g.Members[:0]
	for _, n := range names {
		g.Members = append(g.Members, GroupMember{n, "mandatory"})
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
		w.advance(w.EventTime(1).Add(time.Duration(float64(spread) * float64(i) / float64(len(drafts)))))
		p := w.NewPackage(d.name)
		w.AddPackage(s.dest, p, s.user)
		b := w.newBuild(p, d.evr, d.Content, s.user, BuildComplete)
		w.recordBuild(b, first)
		w.TagBuild(s.dest, b, s.user)
		s.inheritMishaps(b)
	}
	first.Holds = w.LastEvent()
	w.advance(w.Now.Add(time.Hour))
	w.NewRepoTask(s.build, w.UserByName("kojira"), []any{s.build.Name}, 0)
}

// recordBuild writes down the tasks by which a finished build was made.
func (w *System) recordBuild(b *Build, r *Repo) {
	t := w.recorded(nil, "build", "", "noarch", b, r)
	url := "git+https://src.example.test/rpms/" + b.Package.Name
	t.Request = []any{url, w.Targets[0].Name, Options{}}
	b.TaskID, b.Source = t.ID, url
	b.Started = b.Finished.Add(-b.Package.BuildFor)
	srpm := w.recorded(t, "buildSRPMFromSCM", "srpm", "noarch", b, r)
	srpm.Request = []any{url, r.Tag.ID, repoOption(r)}
	for i, arch := range w.builtFor(b) {
		c := w.recorded(t, "buildArch", arch, arch, b, r)
		c.Request = []any{srpm.Dir() + "/" + b.SourceFile(), r.Tag.ID, arch, i == 0, repoOption(r)}
	}
}

// recorded makes a closed task.
func (w *System) recorded(parent *Task, method, label, arch string, b *Build, r *Repo) *Task {
	t := w.newTask(method, arch, nil, nil)
	t.Parent, t.Label, t.Owner, t.State = parent, label, b.Owner, TaskClosed
	t.Created, t.Started, t.Completed = w.Now.Add(-b.Package.BuildFor), w.Now.Add(-b.Package.BuildFor), w.Now
	t.Host = w.Hosts[t.ID%len(w.Hosts)]
	t.Notes.Source, t.Notes.Repo, t.Notes.BrootID = b, r, t.ID
	if parent != nil {
		parent.Children = append(parent.Children, t)
		t.Priority, t.Awaited = 19, flag(false)
	} else {
		t.Weight, t.Waiting = 0.2, flag(false)
	}
	return t
}

// A loader reads the packages of a directory.
type loader struct {
	names  map[string]string // every string kept, once
	drafts map[string]*draft // by file name of the source package
	order  []*draft
	loose  []*rpm.Package
}

func (l *loader) text(s string) string {
	if kept, ok := l.names[s]; ok {
		return kept
	}
	s = strings.Clone(s)
	l.names[s] = s
	return s
}

func (l *loader) evr(e rpm.EVR) rpm.EVR {
	return rpm.EVR{Epoch: e.Epoch, Version: l.text(e.Version), Release: l.text(e.Release)}
}

func (l *loader) relations(rs []rpm.Relation) []rpm.Relation {
	if len(rs) == 0 {
		return nil
	}
	out := make([]rpm.Relation, len(rs))
	for i, r := range rs {
		out[i] = rpm.Relation{Name: l.text(r.Name), Op: r.Op, EVR: l.evr(r.EVR)}
	}
	return out
}

// readSources reads the source packages. Of several with one name the last
// counts.
func (l *loader) readSources(ctx context.Context, dir string) error {
	repo, err := repodata.Open(ctx, dir, repodata.NewClient())
	if err != nil {
		return err
	}
	byName := map[string]int{}
	return repo.Packages(ctx, func(p *rpm.Package) error {
		d := &draft{name: l.text(p.Name), evr: l.evr(p.EVR)}
		d.Requires = l.relations(p.Requires)
		if i, again := byName[d.name]; again {
			delete(l.drafts, sourceFileName(l.order[i]))
			l.order[i] = d
		} else {
			byName[d.name] = len(l.order)
			l.order = append(l.order, d)
		}
		l.drafts[sourceFileName(d)] = d
		return nil
	})
}

func sourceFileName(d *draft) string {
	return d.name + "-" + d.evr.Version + "-" + d.evr.Release + ".src.rpm"
}

// readBinaries reads the binary packages and the group of the buildroot.
func (l *loader) readBinaries(ctx context.Context, dir string) ([]string, error) {
	repo, err := repodata.Open(ctx, dir, repodata.NewClient())
	if err != nil {
		return nil, err
	}
	err = repo.Packages(ctx, func(p *rpm.Package) error {
		kept := l.keep(p)
		if d := l.drafts[p.Source]; d != nil {
			d.Binaries = append(d.Binaries, kept)
		} else {
			kept.Source, kept.Location = strings.Clone(p.Source), strings.Clone(p.Location)
			l.loose = append(l.loose, kept)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	group, err := repo.Group(ctx, "build")
	if err != nil {
		return nil, fmt.Errorf("the group of the buildroot: %w", err)
	}
	return group, nil
}

// keep copies what outlives the scanner's buffer.
func (l *loader) keep(p *rpm.Package) *rpm.Package {
	out := &rpm.Package{
		NEVRA:       rpm.NEVRA{Name: l.text(p.Name), EVR: l.evr(p.EVR), Arch: l.text(p.Arch)},
		Requires:    l.relations(p.Requires),
		Provides:    l.relations(p.Provides),
		Conflicts:   l.relations(p.Conflicts),
		Obsoletes:   l.relations(p.Obsoletes),
		Recommends:  l.relations(p.Recommends),
		Suggests:    l.relations(p.Suggests),
		Supplements: l.relations(p.Supplements),
		Enhances:    l.relations(p.Enhances),
	}
	for _, f := range p.Files {
		out.Files = append(out.Files, l.text(f))
	}
	return out
}
