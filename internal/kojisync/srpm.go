package kojisync

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// SourceFacts stores what the source packages of a collection's builds say, as
// far as it is not stored yet. Those that the hub says nothing about are asked for
// again later, the longer they are silent the later.
func (s *Sync) SourceFacts(ctx context.Context, c *koschei.Collection) error {
	return s.SourceFactsAfter(ctx, c, 0)
}

// SourceFactsAfter is SourceFacts for builds that were recorded after one, given
// by its id; 0 is for all.
func (s *Sync) SourceFactsAfter(ctx context.Context, c *koschei.Collection, build int64) error {
	sources, err := s.DB.Sources.MissingSRPMs(ctx, c.ID, build, s.Now())
	if err != nil {
		return err
	}
	for part := range slices.Chunk(sources, chunk) {
		if err := s.learnSources(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// learnSources asks for what source packages say and stores it, or that the hub
// says nothing.
func (s *Sync) learnSources(ctx context.Context, sources []record.Source) error {
	srpms, err := s.FetchSRPMs(ctx, sources)
	if err != nil {
		return err
	}
	if err := s.DB.Sources.SaveSRPMs(ctx, srpms); err != nil || len(srpms) == len(sources) {
		return err
	}
	known := make(map[record.Source]bool, len(srpms))
	for i := range srpms {
		known[srpms[i].Source] = true
	}
	silent := slices.DeleteFunc(slices.Clone(sources), func(src record.Source) bool { return known[src] })
	return s.noteSilent(ctx, silent)
}

// noteSilent stores which sources the hub says nothing about, and whether their
// builds have any: those of images and modules do not. Each is told once.
func (s *Sync) noteSilent(ctx context.Context, sources []record.Source) error {
	marked := make([]record.SilentSource, len(sources))
	for _, name := range []koschei.Hub{koschei.Primary, koschei.Secondary} {
		var places []int
		var nvrs []string
		for i, src := range sources {
			if marked[i].Source = src; src.Hub == name {
				places, nvrs = append(places, i), append(nvrs, src.Name+"-"+src.Version+"-"+src.Release)
			}
		}
		if len(nvrs) == 0 {
			continue
		}
		hub, err := s.Client(name)
		if err != nil {
			return err
		}
		none, err := hub.WithoutSource(ctx, nvrs)
		if err != nil {
			return err
		}
		for i, place := range places {
			marked[place].None = none[i]
		}
	}
	news, err := s.DB.Sources.SaveSilentSources(ctx, marked, s.Now())
	if err != nil {
		return err
	}
	if n, about := some(news, true); n > 0 {
		s.Log.InfoContext(ctx, "builds without a source package", "sources", n, "about", about)
	}
	if n, about := some(news, false); n > 0 {
		s.Log.WarnContext(ctx, "source packages that Koji says nothing about", "sources", n, "about", about)
	}
	return nil
}

// some counts the sources that there are none of, or the others, and names the
// first of them.
func some(sources []record.SilentSource, none bool) (n int, about string) {
	const most = 3
	var names []string
	for _, src := range sources {
		if src.None != none {
			continue
		}
		if n++; n <= most {
			names = append(names, src.Name+"-"+src.Version+"-"+src.Release)
		}
	}
	return n, strings.Join(names, " ")
}

// FetchSRPMs asks for what source packages say and returns those that the hub
// knows.
func (s *Sync) FetchSRPMs(ctx context.Context, sources []record.Source) ([]record.SRPM, error) {
	var srpms []record.SRPM
	for _, name := range []koschei.Hub{koschei.Primary, koschei.Secondary} {
		var ours []record.Source
		for _, src := range sources {
			if src.Hub == name {
				ours = append(ours, src)
			}
		}
		if len(ours) == 0 {
			continue
		}
		hub, err := s.Client(name)
		if err != nil {
			return nil, err
		}
		known, err := s.fetchFrom(ctx, hub, ours)
		if err != nil {
			return nil, err
		}
		srpms = append(srpms, known...)
	}
	return srpms, nil
}

func (s *Sync) fetchFrom(ctx context.Context, hub *koji.Client, sources []record.Source) ([]record.SRPM, error) {
	names := make([]rpm.NEVRA, len(sources))
	for i, src := range sources {
		names[i] = rpm.NEVRA{Name: src.Name, EVR: rpm.EVR{Version: src.Version, Release: src.Release}, Arch: "src"}
	}
	needs, err := hub.BuildDeps(ctx, names)
	if err != nil {
		return nil, err
	}
	arches, err := hub.SourceArches(ctx, names)
	if err != nil {
		return nil, err
	}
	var srpms []record.SRPM
	for i, src := range sources {
		if err := errors.Join(needs[i].Err, arches[i].Err); err != nil {
			s.Log.DebugContext(ctx, "source package not known", "package", src.Name, "error", err)
			continue
		}
		srpm := record.SRPM{Source: src, ArchHeader: koschei.ArchHeader{
			BuildArchs: arches[i].BuildArches, ExclusiveArch: arches[i].Exclusive, ExcludeArch: arches[i].Exclude,
		}}
		for _, r := range needs[i].Requires {
			srpm.BuildRequires = append(srpm.BuildRequires, r.String())
		}
		for _, r := range needs[i].Conflicts {
			srpm.BuildConflicts = append(srpm.BuildConflicts, r.String())
		}
		srpms = append(srpms, srpm)
	}
	return srpms, nil
}
