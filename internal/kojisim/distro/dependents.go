package distro

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// dependents are the packages whose binaries require one of names.
func (s *packagers) dependents(names []string) []*kojisim.Package {
	return s.users(s.w.RequiredBy, names, func(b *kojisim.Build, name string) bool {
		return slices.ContainsFunc(b.Binaries, func(q *rpm.Package) bool { return requires(q.Requires, name) })
	})
}

func requires(rs []rpm.Relation, name string) bool {
	return slices.ContainsFunc(rs, func(r rpm.Relation) bool { return r.Name == name })
}

// users are the packages in an index that still use one of names, by id.
func (s *packagers) users(index map[string][]*kojisim.Package, names []string, uses func(*kojisim.Build, string) bool) []*kojisim.Package {
	var out []*kojisim.Package
	for _, name := range names {
		for _, p := range index[name] {
			if b := s.latest(p); b != nil && uses(b, name) {
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, func(a, b *kojisim.Package) int { return a.ID - b.ID })
	return slices.Compact(out)
}

// builtWith are the packages that are built with one of a build's binaries, and
// with which.
func (s *packagers) builtWith(b *kojisim.Build) ([]*kojisim.Package, map[*kojisim.Package]string) {
	binary := map[*kojisim.Package]string{}
	var out []*kojisim.Package
	for _, q := range b.Binaries {
		for _, r := range q.Provides {
			users := s.users(s.w.BuiltBy, []string{r.Name}, func(d *kojisim.Build, name string) bool {
				return d.Package != b.Package && requires(d.Requires, name)
			})
			for _, p := range users {
				if binary[p] == "" {
					binary[p] = q.Name
					out = append(out, p)
				}
			}
		}
	}
	return out, binary
}
