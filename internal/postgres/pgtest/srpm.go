package pgtest

// An SRPM is a row as tests look at it.
type SRPM struct {
	Name           string
	Version        string
	Release        string
	BuildRequires  []string
	BuildConflicts []string
	BuildArchs     []string
	ExclusiveArch  []string
	ExcludeArch    []string
}

// SRPM adds the source 1-1 of a package, which requires nothing.
func (w *World) SRPM(name string) {
	w.t.Helper()
	w.sql.Exec(`INSERT INTO srpm (name, version, release, build_requires, build_conflicts) VALUES ($1, '1', '1', '{}', '{}')`, name)
}

// RemoveSRPMs forgets the sources of a package.
func (w *World) RemoveSRPMs(name string) {
	w.t.Helper()
	w.sql.Exec(`DELETE FROM srpm WHERE name = $1`, name)
}

// SRPMs are all, by name and version.
func (w *World) SRPMs() []SRPM {
	w.t.Helper()
	return read[SRPM](w, `
		SELECT name, version, release, build_requires, coalesce(build_conflicts, '{}') AS build_conflicts, build_archs, exclusive_arch, exclude_arch
		FROM srpm
		ORDER BY name, version, release`)
}

// SRPMsOf are those of a package, by version.
func (w *World) SRPMsOf(name string) []SRPM {
	w.t.Helper()
	var all []SRPM
	for _, s := range w.SRPMs() {
		if s.Name == name {
			all = append(all, s)
		}
	}
	return all
}
