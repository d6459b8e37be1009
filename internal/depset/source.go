package depset

import "strings"

// A Source is the source package that a binary package was made from.
type Source struct {
	Name    string
	Version string // version-release, without epoch; "" if it is not known
}

// SourceOf returns the source of a binary package of that name, from the name of
// the source's file as metadata have it. Without one it is the package's own name.
func SourceOf(name, file string) Source {
	file = strings.TrimSuffix(strings.TrimSuffix(file, ".src.rpm"), ".nosrc.rpm")
	if release := strings.LastIndexByte(file, '-'); release > 0 {
		if version := strings.LastIndexByte(file[:release], '-'); version > 0 {
			return Source{Name: file[:version], Version: file[version+1:]}
		}
	}
	return Source{Name: name}
}
