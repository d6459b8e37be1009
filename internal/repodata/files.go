package repodata

import (
	"strings"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// inPrimary reports whether primary.xml lists a file that a package contains.
// createrepo has had this rule for ever, and libsolv relies on it too; other
// files are in filelists.xml only, which is many times as long.
func inPrimary(path string) bool {
	return strings.Contains(path, "bin/") || strings.HasPrefix(path, "/etc/") || path == "/usr/lib/sendmail"
}

// Paths adds the files to dst that relations ask for and primary.xml never
// lists. The strings added are copies.
func Paths(dst []string, relations []rpm.Relation) []string {
	for _, r := range relations {
		switch {
		case strings.HasPrefix(r.Name, "/"):
			if !inPrimary(r.Name) {
				dst = append(dst, strings.Clone(r.Name))
			}
			if strings.Contains(r.Name, "//") {
				if path := depsolve.CleanPath(r.Name); !inPrimary(path) {
					dst = append(dst, path)
				}
			}
		case r.Boolean() && strings.Contains(r.Name, "/"):
			if d, err := rpm.ParseDep(strings.Clone(r.Name)); err == nil {
				dst = depPaths(dst, d)
			}
		}
	}
	return dst
}

// PackagePaths is Paths for all that a binary package asks for.
func PackagePaths(dst []string, p *rpm.Package) []string {
	for _, list := range [][]rpm.Relation{
		p.Requires, p.Conflicts, p.Recommends, p.Suggests, p.Supplements, p.Enhances,
	} {
		dst = Paths(dst, list)
	}
	return dst
}

func depPaths(dst []string, d *rpm.Dep) []string {
	if d.Op == 0 {
		return Paths(dst, []rpm.Relation{d.Relation})
	}
	return depPaths(depPaths(dst, d.Left), d.Right)
}

// Wants reports whether a file is among those wanted, as a package that requires
// it would spell it too.
func Wants(wanted map[string]bool, path string) bool {
	if wanted[path] {
		return true
	}
	odd := !strings.HasPrefix(path, "/") || strings.Contains(path, "//")
	return odd && wanted[depsolve.CleanPath(path)]
}
