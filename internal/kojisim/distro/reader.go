package distro

import (
	"context"
	"fmt"
	"strings"

	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/rpm"
)

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
