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
	tooLarge // to be worked out, see measure
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
	for ; d.Op == rpm.Or; d = d.Left {
		if isComplex(d.Right) {
			return true
		}
	}
	return d.Op == rpm.And || d.Op == rpm.If || d.Op == rpm.Unless
}

// normalize brings a dependency into one of the two forms, unless it becomes too
// large.
func (u *Universe) normalize(d *rpm.Dep, f form) formula {
	if u.measure(d, f).literals > maxLiterals {
		return formula{truth: tooLarge}
	}
	return fold(formulas{u}, d, f)
}

// negate returns the opposite of a dependency in form f.
func (u *Universe) negate(d *rpm.Dep, f form) formula { return negated(u.normalize(d, !f)) }

// formulas is the algebra of what is worked out.
type formulas struct{ u *Universe }

// simple says that one of the providers is there.
func (a formulas) simple(d *rpm.Dep, f form) formula {
	ids, system := a.u.providers(d)
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

func (formulas) not(r formula) formula { return negated(r) }

func (formulas) join(concat bool, strong, weak truth, all []formula) formula {
	if i := slices.IndexFunc(all, func(a formula) bool { return a.truth == strong }); i >= 0 {
		return all[i]
	}
	all = slices.DeleteFunc(all, func(a formula) bool { return a.truth == weak })
	if len(all) == 0 {
		return formula{truth: weak}
	}
	if concat {
		var blocks [][]ID
		for _, a := range all {
			blocks = append(blocks, a.blocks...)
		}
		return formula{blocks: blocks}
	}
	r := all[0]
	for _, a := range all[1:] {
		if r = distribute(r, a, strong); r.truth != depends {
			return r
		}
	}
	return r
}

// distribute joins every block of a with every one of b. Those with a literal
// and its opposite drop out; with none left the result is empty.
func distribute(a, b formula, empty truth) formula {
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
