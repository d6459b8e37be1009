package depsolve

import "strings"

// CleanPath is a path with a slash at its beginning and without slashes that follow
// another one.
func CleanPath(path string) string {
	if isCleanPath(path) {
		return path
	}
	var b strings.Builder
	if !isPath(path) {
		b.WriteByte('/')
	}
	for i := range len(path) {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}

func isCleanPath(path string) bool { return isPath(path) && !strings.Contains(path, "//") }

func isPath(name string) bool { return strings.HasPrefix(name, "/") }

// pathsAsked are the paths that packages depend on. Of these, and of no others,
// libsolv takes the packages that contain them for providers.
type pathsAsked struct {
	u       *Universe
	exact   []bool              // per symbol
	spelled map[string][]symbol // by clean path: those asked for that are no clean ones
}

func (u *Universe) newPathsAsked() *pathsAsked {
	a := &pathsAsked{u: u, exact: make([]bool, u.symbols.len()), spelled: make(map[string][]symbol)}
	paths := make([]bool, len(u.deps)) // per dependency: it is a path, or has one
	for dep := 1; dep < len(u.deps); dep++ {
		d := &u.deps[dep]
		paths[dep] = d.isBoolean() && (paths[d.left] || paths[d.right]) || !d.isBoolean() && isPath(u.symbols.string(d.name))
	}
	for id := ID(1); int(id) < len(u.pkgs); id++ {
		for kind := required; kind < listKinds; kind++ {
			for _, dep := range u.list(kind, id) {
				if paths[dep] {
					a.add(dep, paths)
				}
			}
		}
	}
	return a
}

func (a *pathsAsked) add(dep depID, paths []bool) {
	d := &a.u.deps[dep]
	switch {
	case !paths[dep] || !d.isBoolean() && a.exact[d.name]:
		return
	case d.isBoolean():
		a.add(d.left, paths)
		a.add(d.right, paths)
		return
	}
	path := a.u.symbols.string(d.name)
	if strings.LastIndexByte(path, '/') == 0 {
		return // libsolv does not look for what is directly below the root
	}
	a.exact[d.name] = true
	if clean := CleanPath(path); clean != path {
		a.spelled[clean] = append(a.spelled[clean], d.name)
	}
}

// of returns the paths asked for that mean a file. The result is valid until the
// next call.
func (a *pathsAsked) of(file symbol, names []symbol) []symbol {
	names = names[:0]
	if a.exact[file] {
		names = append(names, file)
	}
	if len(a.spelled) == 0 && !a.u.oddPaths {
		return names
	}
	path := a.u.symbols.string(file)
	clean := CleanPath(path)
	for _, name := range a.spelled[clean] {
		if name != file {
			names = append(names, name)
		}
	}
	if sym, ok := a.u.symbols.find(clean); ok && sym != file && a.exact[sym] {
		names = append(names, sym)
	}
	return names
}
