package depsolve

import (
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// sonameKey is what the capabilities of a library's versions have in common, as
// libfoo.so.1()(64bit) and libfoo.so.2()(64bit) have; version is where they differ.
func sonameKey(name string) (key, version string, ok bool) {
	stem, rest, ok := strings.Cut(name, ".so.")
	version, kind, found := strings.Cut(rest, "(")
	if !ok || !found || strings.HasPrefix(name, "/") {
		return "", "", false
	}
	if _, kind, ok = strings.Cut(kind, ")"); !ok {
		return "", "", false
	}
	return stem + " " + kind, version, true
}

// newSonames lists what is provided of each library, the newest version only.
func newSonames(u *Universe) map[string]symbol {
	newest := make(map[string]symbol)
	for name := range u.index.byName {
		if u.index.byName[name].n == 0 {
			continue
		}
		text := u.symbols.string(symbol(name))
		key, version, ok := sonameKey(text)
		if !ok || !strings.Contains(text, "()") { // the library itself, not a symbol's version
			continue
		}
		if before, known := newest[key]; known {
			if _, old, _ := sonameKey(u.symbols.string(before)); rpm.CompareVersions(version, old) <= 0 {
				continue
			}
		}
		newest[key] = symbol(name)
	}
	return newest
}

// otherSoname is the newest version of a library that there is, if a version of it
// is asked for that nothing provides.
func (u *Universe) otherSoname(name string) string {
	key, _, ok := sonameKey(name)
	if !ok {
		return ""
	}
	if other, ok := u.sonames()[key]; ok && u.symbols.string(other) != name {
		return u.symbols.string(other)
	}
	return ""
}
