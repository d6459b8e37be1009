package depsolve

import (
	"fmt"
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// Limits of boolean dependencies. libsolv has none and takes the memory and the
// time; nobody writes larger ones. What depends on one is a problem that says so.
const (
	maxLiterals    = 1 << 22         // of one, worked out
	maxAllLiterals = 4 * maxLiterals // of all that packages have, or that one goal has
)

// A measure is how large a formula becomes at most.
type measure struct {
	truth            truth
	blocks, literals int64
}

// measure tells, without working it out, how large a dependency becomes. Where the
// same literal is there twice, or a literal and its opposite, it becomes smaller.
func (u *Universe) measure(d *rpm.Dep, f form) measure {
	return fold(measures{u}, d, f)
}

// measures is the algebra of how large things become.
type measures struct{ u *Universe }

func (measures) not(r measure) measure {
	switch r.truth {
	case always:
		r.truth = never
	case never:
		r.truth = always
	case depends, tooLarge:
	}
	return r
}

func (a measures) simple(d *rpm.Dep, f form) measure {
	ids, system := a.u.providers(d)
	n := int64(len(ids))
	switch {
	case system:
		return measure{truth: always}
	case n == 0:
		return measure{truth: never}
	case f == conjunctive:
		return measure{blocks: 1, literals: n}
	}
	return measure{blocks: n, literals: n}
}

// join has measures grow to the limit and not beyond it.
func (measures) join(concat bool, strong, weak truth, all []measure) measure {
	if i := slices.IndexFunc(all, func(a measure) bool { return a.truth == strong }); i >= 0 {
		return all[i]
	}
	r := measure{truth: weak}
	for _, a := range all {
		switch {
		case a.truth == weak:
		case r.truth == weak:
			r = a
		case concat:
			r.blocks, r.literals = r.blocks+a.blocks, r.literals+a.literals
		default:
			r.blocks, r.literals = r.blocks*a.blocks, r.literals*a.blocks+a.literals*r.blocks
		}
		r.blocks, r.literals = min(r.blocks, maxLiterals+1), min(r.literals, maxLiterals+1)
	}
	return r
}

// demand is the formula of a dependency that a package has, or its opposite.
func (u *Universe) demand(dep depID, opposite bool) formula {
	if u.tooLarge[dep] {
		return formula{truth: tooLarge}
	}
	if opposite {
		return u.negate(u.dep(dep), conjunctive)
	}
	return u.normalize(u.dep(dep), conjunctive)
}

// findTooLarge finds the dependencies of packages that are too large to be worked
// out. If all together are, these are the largest.
func (u *Universe) findTooLarge() {
	type shape struct {
		dep  depID
		form form
	}
	sizes := make(map[shape]int64) // rounded up to powers of two
	total := make(map[int64]int64) // by size
	u.eachFormula(func(_ ID, kind listKind, dep depID) {
		s := shape{dep, form(kind == conflicting)}
		size, ok := sizes[s]
		if !ok {
			size = 1
			for n := u.measure(u.dep(dep), s.form).literals; size < n; size *= 2 {
			}
			sizes[s] = size
		}
		total[size] += size
	})
	limit, sum := int64(1), int64(0)
	for ; limit <= maxLiterals && sum+total[limit] <= maxAllLiterals; limit *= 2 {
		sum += total[limit]
	}
	u.tooLarge = make(map[depID]bool)
	for s, size := range sizes {
		if size >= limit {
			u.tooLarge[s.dep] = true
		}
	}
}

// eachFormula calls yield with the dependencies of packages that need clauses of
// their own.
func (u *Universe) eachFormula(yield func(id ID, kind listKind, dep depID)) {
	for id := ID(1); int(id) < len(u.pkgs); id++ {
		for _, kind := range []listKind{required, conflicting, recommended, suggested} {
			for _, dep := range u.list(kind, id) {
				if u.deps[dep].complex {
					yield(id, kind, dep)
				}
			}
		}
	}
}

// unheeded has a sentence for each dependency that is too large to be worked out
// and counts for nothing: nobody has to meet it.
func (u *Universe) unheeded() []string {
	var texts []string
	u.eachFormula(func(id ID, kind listKind, dep depID) {
		if u.tooLarge[dep] && (kind == recommended || kind == suggested) {
			texts = append(texts, fmt.Sprintf("package %v: %v has too many alternatives to be worked out: %s",
				u.NEVRA(id), kind, shortened(u.dep(dep).String())))
		}
	})
	return texts
}
