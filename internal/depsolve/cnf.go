package depsolve

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A formula is a boolean dependency as blocks of literals. In conjunctive form
// each block must have a true literal, in disjunctive form all literals of one
// block must be true. Literals ascend within a block.
type formula struct {
	truth  truth
	blocks [][]ID // if truth is depends
}

type truth int8

const (
	depends truth = iota
	always
	never
	tooLarge // to be worked out: a formula beyond maxLiterals
)

type form bool

const (
	conjunctive form = false
	disjunctive form = true
)

// isComplex reports whether d needs clauses of its own: whether it is more than
// a choice among packages. (a or b), (a with b) and (a without b) are such
// choices.
func isComplex(d *rpm.Dep) bool {
	switch d.Op {
	case rpm.And, rpm.If, rpm.Unless:
		return true
	case rpm.Or:
		return isComplex(d.Left) || isComplex(d.Right)
	}
	return false
}

// normalize brings a dependency into one of the two forms.
func (u *Universe) normalize(d *rpm.Dep, f form) formula {
	if !isComplex(d) {
		return u.simpleFormula(d, f)
	}
	switch d.Op {
	case rpm.Or:
		return or(u.normalize(d.Left, f), u.normalize(d.Right, f), f)
	case rpm.And:
		return and(u.normalize(d.Left, f), u.normalize(d.Right, f), f)
	case rpm.If: // a if b else c: (a or not b) and (c or b)
		condition, alternative := splitCondition(d)
		r := or(u.normalize(d.Left, f), u.negate(condition, f), f)
		if alternative == nil {
			return r
		}
		return and(r, or(u.normalize(condition, f), u.normalize(alternative, f), f), f)
	default: // a unless b else c: (a and not b) or (c and b)
		condition, alternative := splitCondition(d)
		r := and(u.normalize(d.Left, f), u.negate(condition, f), f)
		if alternative == nil {
			return r
		}
		return or(r, and(u.normalize(condition, f), u.normalize(alternative, f), f), f)
	}
}

// splitCondition takes apart what follows "if" or "unless"; alternative is nil
// without an "else".
func splitCondition(d *rpm.Dep) (condition, alternative *rpm.Dep) {
	if d.Right.Op == rpm.Else {
		return d.Right.Left, d.Right.Right
	}
	return d.Right, nil
}

// simpleFormula says that one of the providers is there.
func (u *Universe) simpleFormula(d *rpm.Dep, f form) formula {
	ids, system := u.providers(d)
	switch {
	case system:
		return formula{truth: always}
	case len(ids) == 0:
		return formula{truth: never}
	case f == conjunctive:
		return formula{blocks: [][]ID{ids}}
	}
	blocks := make([][]ID, len(ids))
	for i := range ids {
		blocks[i] = ids[i : i+1]
	}
	return formula{blocks: blocks}
}

// negate returns the opposite of a dependency in form f.
func (u *Universe) negate(d *rpm.Dep, f form) formula { return negated(u.normalize(d, !f)) }

// negated returns the opposite of r, in the other form.
func negated(r formula) formula {
	switch r.truth {
	case always:
		return formula{truth: never}
	case never:
		return formula{truth: always}
	case tooLarge:
		return r
	case depends:
	}
	blocks := make([][]ID, len(r.blocks))
	for i, block := range r.blocks {
		opposite := slices.Clone(block)
		for j := range opposite {
			opposite[j] = -opposite[j]
		}
		slices.Reverse(opposite)
		blocks[i] = opposite
	}
	return formula{blocks: blocks}
}

func or(a, b formula, f form) formula {
	switch {
	case a.truth == always || b.truth == never:
		return a
	case b.truth == always || a.truth == never:
		return b
	case a.truth == tooLarge || b.truth == tooLarge:
		return formula{truth: tooLarge}
	case f == disjunctive:
		return concat(a, b)
	}
	return distribute(a, b, always)
}

func and(a, b formula, f form) formula {
	switch {
	case a.truth == never || b.truth == always:
		return a
	case b.truth == never || a.truth == always:
		return b
	case a.truth == tooLarge || b.truth == tooLarge:
		return formula{truth: tooLarge}
	case f == conjunctive:
		return concat(a, b)
	}
	return distribute(a, b, never)
}

// maxLiterals is how large a formula may become. libsolv has no limit and takes
// the memory; nobody writes larger ones. What depends on one is a problem that
// says so.
const maxLiterals = 1 << 22

func (f formula) size() int {
	n := 0
	for _, block := range f.blocks {
		n += len(block)
	}
	return n
}

// concat has the blocks of both.
func concat(a, b formula) formula {
	if a.size()+b.size() > maxLiterals {
		return formula{truth: tooLarge}
	}
	return formula{blocks: slices.Concat(a.blocks, b.blocks)}
}

// distribute joins every block of a with every one of b. Those with a literal
// and its opposite drop out; with none left the result is empty.
func distribute(a, b formula, empty truth) formula {
	if a.size()*len(b.blocks)+b.size()*len(a.blocks) > maxLiterals {
		return formula{truth: tooLarge}
	}
	var blocks [][]ID
	for _, x := range a.blocks {
		for _, y := range b.blocks {
			if block := union(x, y); !hasOpposites(block) {
				blocks = append(blocks, block)
			}
		}
	}
	if len(blocks) == 0 {
		return formula{truth: empty}
	}
	return formula{blocks: blocks}
}

// hasOpposites reports whether an ascending block has a literal and its
// opposite.
func hasOpposites(block []ID) bool {
	for i, j := 0, len(block)-1; i < j; {
		switch sum := block[i] + block[j]; {
		case sum == 0:
			return true
		case sum < 0:
			i++
		default:
			j--
		}
	}
	return false
}

// largeFormula is from what size on the formulas of a universe are counted: all of
// them together may have maxAllLiterals.
const (
	largeFormula   = 1 << 12
	maxAllLiterals = 4 * maxLiterals
)

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
// out, alone or all together.
func (u *Universe) findTooLarge() {
	u.tooLarge = make(map[depID]bool)
	total := 0
	for id := ID(1); int(id) < len(u.pkgs); id++ {
		for _, kind := range []listKind{required, conflicting, recommended, suggested} {
			for _, dep := range u.list(kind, id) {
				if !u.deps[dep].complex || u.tooLarge[dep] {
					continue
				}
				f := u.demand(dep, kind == conflicting)
				if n := f.size(); n > largeFormula {
					total += n
				}
				if f.truth == tooLarge || total > maxAllLiterals {
					u.tooLarge[dep] = true
				}
			}
		}
	}
}
