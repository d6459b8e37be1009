package depsolve

import "github.com/koschei-ci/koschei/internal/rpm"

// A Goal is what a buildroot must have.
type Goal struct {
	// Group names what the buildroot group asks for; names that nothing
	// provides are skipped. Goals that share a Group are solved faster. Solvers
	// keep its strings; of Requires they keep nothing.
	Group []string
	// Requires are the BuildRequires of one source package. One that nothing
	// provides is a problem, unless it is a boolean dependency: such a one is
	// skipped.
	Requires []rpm.Relation
}

// A job asks for one of its candidates. With a boolean dependency some of its
// literals may be negative.
type job struct {
	lits    []ID
	require int32  // index of Goal.Requires, or -1 for the group
	name    string // of the group
}

// request is a Goal in terms of a Universe.
type request struct {
	jobs    []job
	missing []int32 // indices of Goal.Requires
	near    [][]ID  // who provides the Requires or, of boolean ones, plays a part in them
	arena   []ID    // of lists that the Universe does not have
}

// resetTo keeps the first jobs and nothing else.
func (r *request) resetTo(jobs int) {
	r.jobs, r.missing, r.near, r.arena = r.jobs[:jobs], r.missing[:0], r.near[:0], r.arena[:0]
}

// addGroup adds the jobs of the buildroot group.
func (u *Universe) addGroup(r *request, group []string) {
	for _, name := range group {
		if sym, ok := u.symbols.find(name); ok {
			if ids := u.index.ofName(sym); len(ids) > 0 {
				r.jobs = append(r.jobs, job{ids, -1, name})
			}
		}
	}
}

// addRequires adds the jobs of the BuildRequires.
func (u *Universe) addRequires(r *request, requires []rpm.Relation) {
	for i, relation := range requires {
		if relation.Boolean() && relation.Op == 0 {
			u.addBoolean(r, int32(i), relation.Name)
			continue
		}
		ids, system := u.relationProviders(r, relation)
		switch {
		case system:
		case len(ids) == 0:
			r.missing = append(r.missing, int32(i))
		default:
			r.jobs = append(r.jobs, job{ids, int32(i), ""})
			r.near = append(r.near, ids)
		}
	}
}

// relationProviders returns who provides a plain relation.
func (u *Universe) relationProviders(r *request, relation rpm.Relation) (ids []ID, system bool) {
	name, ok := u.symbols.find(relation.Name)
	switch {
	case !ok:
		return nil, isSystem(relation)
	case relation.Op == 0:
		return u.index.ofName(name), false
	}
	start := len(r.arena)
	r.arena = u.appendProviders(r.arena, name, relation)
	ids = r.arena[start:len(r.arena):len(r.arena)]
	return ids, len(ids) == 0 && isSystem(relation)
}

// addBoolean adds the jobs of a boolean BuildRequires. One that cannot be read
// is skipped like one that nothing provides.
func (u *Universe) addBoolean(r *request, require int32, text string) {
	d, err := rpm.ParseDep(text)
	if err != nil {
		return
	}
	ids, system := u.providers(d)
	r.near = append(r.near, ids)
	switch {
	case len(ids) == 0 || system:
	case !isComplex(d):
		r.jobs = append(r.jobs, job{ids, require, ""})
	default:
		f := u.normalize(d, conjunctive)
		if f.truth == never {
			r.missing = append(r.missing, require)
		}
		for _, block := range f.blocks {
			r.jobs = append(r.jobs, job{block, require, ""})
		}
	}
}
