package kojisync

import (
	"context"
	"errors"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// SourceFacts stores what the source packages of a collection's builds say, as
// far as it is not stored yet. Of those that the hub says nothing about nothing
// is stored, and they are asked for again the next time.
func (s *Sync) SourceFacts(ctx context.Context, c *koschei.Collection) error {
	_, err := s.SourceFactsAfter(ctx, c, 0)
	return err
}

// SourceFactsAfter is SourceFacts for builds that were recorded after one, given
// by its id; 0 is for all. It returns how many sources Koji said nothing about.
func (s *Sync) SourceFactsAfter(ctx context.Context, c *koschei.Collection, build int64) (silent int, err error) {
	sources, err := s.DB.MissingSRPMs(ctx, c.ID, build)
	if err != nil {
		return 0, err
	}
	for part := range slices.Chunk(sources, chunk) {
		srpms, err := s.FetchSRPMs(ctx, part)
		if err != nil {
			return 0, err
		}
		silent += len(part) - len(srpms)
		if err := s.DB.SaveSRPMs(ctx, srpms); err != nil {
			return 0, err
		}
	}
	if silent > 0 {
		s.Log.WarnContext(ctx, "source packages that Koji says nothing about", "collection", c.Name, "sources", silent)
	}
	return silent, nil
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
	requires, err := hub.BuildRequires(ctx, names)
	if err != nil {
		return nil, err
	}
	arches, err := hub.SourceArches(ctx, names)
	if err != nil {
		return nil, err
	}
	var srpms []record.SRPM
	for i, src := range sources {
		if err := errors.Join(requires[i].Err, arches[i].Err); err != nil {
			s.Log.DebugContext(ctx, "source package not known", "package", src.Name, "error", err)
			continue
		}
		srpm := record.SRPM{Source: src, ArchHeader: koschei.ArchHeader{
			BuildArchs: arches[i].BuildArches, ExclusiveArch: arches[i].Exclusive, ExcludeArch: arches[i].Exclude,
		}}
		for _, r := range requires[i].Relations {
			srpm.BuildRequires = append(srpm.BuildRequires, r.String())
		}
		srpms = append(srpms, srpm)
	}
	return srpms, nil
}
