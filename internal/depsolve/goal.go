package depsolve

import "github.com/koschei-ci/koschei/internal/rpm"

// A Goal is what a buildroot must have.
type Goal struct {
	// Group names what the buildroot group asks for; what nothing provides is
	// skipped. Goals that share a Group are solved faster. Solvers keep its strings;
	// of the rest they keep nothing.
	Group []string
	// Requires are the BuildRequires of one source package. One that nothing
	// provides is a problem.
	Requires []rpm.Relation
	// Conflicts are its BuildConflicts: what must not be there.
	Conflicts []rpm.Relation
}

// A job asks for one of its candidates. With a boolean dependency, or for a
// BuildConflicts, some of its literals may be negative.
type job struct {
	lits    []ID
	require int32  // index of Goal.Requires, then of Goal.Conflicts, or -1 for the group
	name    string // of the group
}

// A lack is an entry of the goal, counted as for a job, that rules out any solution
// by itself.
type lack struct {
	require int32
	kind    ReasonKind
	detail  string // if it is Unreadable: why; of the group: its name
}

// request is a Goal in terms of a Universe.
type request struct {
	lenient  bool
	jobs     []job
	lacks    []lack
	literals int64  // of boolean dependencies
	near     [][]ID // who provides the Requires or, of boolean ones, plays a part in them
	arena    []ID   // of lists that the Universe does not have
}

// reset keeps what is of the group, given how much that is, and nothing else.
func (r *request) reset(jobs, lacks int, literals int64) {
	r.jobs, r.lacks, r.literals = r.jobs[:jobs], r.lacks[:lacks], literals
	r.near, r.arena = r.near[:0], r.arena[:0]
}

// addGroup adds the jobs of the buildroot group.
func (u *Universe) addGroup(r *request, group []string) {
	for _, name := range group {
		if relation := (rpm.Relation{Name: name}); relation.Boolean() {
			u.addGroupBoolean(r, name)
		} else if ids, _ := u.relationProviders(r, relation); len(ids) > 0 {
			r.jobs = append(r.jobs, job{ids, -1, name})
		}
	}
}

func (u *Universe) addGroupBoolean(r *request, text string) {
	d, err := rpm.ParseDep(text)
	if err != nil {
		return
	}
	if ids, system := u.providers(d); len(ids) > 0 && !system {
		f := u.wanted(r, d, false)
		if f.truth == tooLarge {
			r.lacks = append(r.lacks, lack{-1, TooLarge, text})
		}
		for _, block := range f.blocks {
			r.jobs = append(r.jobs, job{block, -1, text})
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
			r.lacks = append(r.lacks, lack{int32(i), Missing, ""})
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
		return u.index.ofGoal(name), false
	}
	start := len(r.arena)
	r.arena = u.appendProviders(r.arena, name, relation)
	ids = r.arena[start:len(r.arena):len(r.arena)]
	return ids, len(ids) == 0 && isSystem(relation)
}

// addBoolean adds the jobs of a boolean BuildRequires.
func (u *Universe) addBoolean(r *request, require int32, text string) {
	d, err := rpm.ParseDep(text)
	if err != nil {
		r.lacks = append(r.lacks, lack{require, Unreadable, err.Error()})
		return
	}
	ids, system := u.providers(d)
	r.near = append(r.near, ids)
	if system || r.lenient && len(ids) == 0 {
		return
	}
	u.addFormula(r, require, u.wanted(r, d, false))
}

// wanted is the formula of a dependency that a goal has, or its opposite.
func (u *Universe) wanted(r *request, d *rpm.Dep, opposite bool) formula {
	m := u.measure(d, form(opposite))
	if r.literals+m.literals > maxAllLiterals {
		return formula{truth: tooLarge}
	}
	r.literals += m.literals
	if opposite {
		return u.negate(d, conjunctive)
	}
	return u.normalize(d, conjunctive)
}

// addConflicts adds the jobs of the BuildConflicts, which are counted from first
// on.
func (u *Universe) addConflicts(r *request, conflicts []rpm.Relation, first int) {
	if r.lenient {
		return
	}
	for i, relation := range conflicts {
		require := int32(first + i)
		if relation.Boolean() && relation.Op == 0 {
			if d, err := rpm.ParseDep(relation.Name); err != nil {
				r.lacks = append(r.lacks, lack{require, Unreadable, err.Error()})
			} else {
				u.addFormula(r, require, u.wanted(r, d, true))
			}
			continue
		}
		ids, system := u.relationProviders(r, relation)
		if system {
			r.lacks = append(r.lacks, lack{require, Missing, ""})
		}
		for _, id := range ids {
			r.jobs = append(r.jobs, job{[]ID{-id}, require, ""})
		}
	}
}

// addFormula adds a job for each block of a formula.
func (u *Universe) addFormula(r *request, require int32, f formula) {
	switch f.truth {
	case never:
		r.lacks = append(r.lacks, lack{require, Missing, ""})
	case tooLarge:
		r.lacks = append(r.lacks, lack{require, TooLarge, ""})
	case always, depends:
	}
	for _, block := range f.blocks {
		r.jobs = append(r.jobs, job{block, require, ""})
	}
}

// asked is what a job or a lack of a goal counts.
func (g Goal) asked(require int32, name string) Asked {
	switch n := int(require); {
	case n < 0:
		return Asked{ByGroup, name}
	case n >= len(g.Requires):
		return Asked{ByBuildConflicts, g.Conflicts[n-len(g.Requires)].String()}
	}
	return Asked{ByBuildRequires, g.Requires[require].String()}
}
