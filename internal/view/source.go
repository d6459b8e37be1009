package view

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Sources returns what binary packages were made from, without those of which that
// is not known.
func (v *Builds) Sources(ctx context.Context, nevras []rpm.NEVRA) (map[rpm.NEVRA]depset.Source, error) {
	return v.sourcesOf(ctx, nevras)
}

func (v *source) sourcesOf(ctx context.Context, nevras []rpm.NEVRA) (map[rpm.NEVRA]depset.Source, error) {
	var c struct {
		names, versions, releases, arches []string
		epochs                            []int64
	}
	for _, n := range nevras {
		c.names, c.epochs, c.versions = append(c.names, n.Name), append(c.epochs, int64(n.Epoch)), append(c.versions, n.Version)
		c.releases, c.arches = append(c.releases, n.Release), append(c.arches, n.Arch)
	}
	rows, err := v.db.Query(ctx, `
		SELECT n.name, n.epoch, n.version, n.release, n.arch, n.source, n.source_version
		FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[]) AS w (name, epoch, version, release, arch)
		JOIN nevra n USING (name, epoch, version, release, arch)
		WHERE n.source <> ''`, c.names, c.epochs, c.versions, c.releases, c.arches)
	if err != nil {
		return nil, fmt.Errorf("reading sources of packages: %w", err)
	}
	sources := make(map[rpm.NEVRA]depset.Source, len(nevras))
	var n rpm.NEVRA
	var s depset.Source
	_, err = pgx.ForEachRow(rows, []any{&n.Name, &n.Epoch, &n.Version, &n.Release, &n.Arch, &s.Name, &s.Version}, func() error {
		sources[n] = s
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading sources of packages: %w", err)
	}
	return sources, nil
}

// SourceNamed returns what the binary package of a name and version was made from;
// zero if that is not known.
func (v *Builds) SourceNamed(ctx context.Context, name string, evr rpm.EVR) (s depset.Source, err error) {
	err = v.db.QueryRow(ctx, `
		SELECT source, source_version
		FROM nevra
		WHERE name = $1 AND epoch = $2 AND version = $3 AND release = $4 AND source <> ''
		ORDER BY id
		LIMIT 1`, name, int64(evr.Epoch), evr.Version, evr.Release).Scan(&s.Name, &s.Version)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return s, fmt.Errorf("reading the source of %s: %w", name, err)
	}
	return s, nil
}

// Via returns how the packages that changed came into a build's buildroot, by name:
// the names of the packages that lead to each, from what is asked for on. A package
// that is asked for itself has an empty list, one of which it is not known none.
func (v *Builds) Via(ctx context.Context, buildID int64) (map[string][]string, error) {
	via := map[string][]string{}
	var curr []int32
	var coded []int16
	var content []byte
	err := v.db.QueryRow(ctx, `
		SELECT a.curr, a.via, s.content
		FROM build b
		LEFT JOIN applied_change a ON a.build_id = b.id
		LEFT JOIN dependency_set s ON s.id = b.dependency_set_id
		WHERE b.id = $1`, buildID).Scan(&curr, &coded, &content)
	if err != nil {
		return nil, fmt.Errorf("reading how changes came into build %d: %w", buildID, postgres.NotFound(err, "build %d", buildID))
	}
	if coded == nil || content == nil {
		return via, nil
	}
	set, err := v.sets.Decode(content)
	if err != nil {
		return nil, fmt.Errorf("reading how changes came into build %d: %w", buildID, err)
	}
	chains, wanted := set.DecodeVia(curr, coded), map[int32]bool{}
	for id, chain := range chains {
		wanted[id] = true
		for _, step := range chain {
			wanted[step] = true
		}
	}
	names, err := v.names.of(ctx, v.db, wanted)
	if err != nil {
		return nil, fmt.Errorf("reading how changes came into build %d: %w", buildID, err)
	}
	for id, chain := range chains {
		if names[id] != nil {
			via[names[id].Name] = namesOf(chain, names)
		}
	}
	return via, nil
}

func namesOf(ids []int32, of map[int32]*rpm.NEVRA) []string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		if of[id] != nil {
			names = append(names, of[id].Name)
		}
	}
	return names
}

// changesOf decodes changes that are stored as ids.
func changesOf(ctx context.Context, q postgres.Querier, coded schema.CodedChanges) ([]koschei.Change, error) {
	decoded, err := schema.DecodeChanges(ctx, q, map[string]schema.CodedChanges{"an update": coded})
	return decoded["an update"], err
}
