package depsolve

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// An algebra says what becomes of the parts of a boolean dependency, in either form.
type algebra[T any] interface {
	// simple is for a part that is not complex.
	simple(d *rpm.Dep, f form) T

	// not is the opposite, in the other form.
	not(T) T

	// join is for parts of which each decides all if its truth is strong, and none if
	// its truth is weak. With concat it has the blocks of all of them, else all blocks
	// of one joined with all of the others.
	join(concat bool, strong, weak truth, all []T) T
}

// fold goes over the parts of a dependency, in form f, each once in each form: what
// follows "if" counts twice where there is an "else".
func fold[T any](a algebra[T], d *rpm.Dep, f form) T {
	o := folder[T]{a, make(map[subject]T)}
	return o.of(d, f)
}

type folder[T any] struct {
	algebra[T]
	done map[subject]T
}

type subject struct {
	dep  *rpm.Dep
	form form
}

func (o *folder[T]) of(d *rpm.Dep, f form) T {
	if d.Op == 0 {
		return o.simple(d, f)
	}
	r, ok := o.done[subject{d, f}]
	if !ok {
		r = o.workOut(d, f)
		o.done[subject{d, f}] = r
	}
	return r
}

func (o *folder[T]) workOut(d *rpm.Dep, f form) T {
	if !isComplex(d) {
		return o.simple(d, f)
	}
	switch d.Op {
	case rpm.Or:
		return o.or(f, o.operands(d, f)...)
	case rpm.And:
		return o.and(f, o.operands(d, f)...)
	case rpm.If: // a if b else c: (a or not b) and (c or b)
		condition, alternative := splitCondition(d)
		r := o.or(f, o.of(d.Left, f), o.not(o.of(condition, !f)))
		if alternative == nil {
			return r
		}
		return o.and(f, r, o.or(f, o.of(condition, f), o.of(alternative, f)))
	default: // a unless b else c: (a and not b) or (c and b)
		condition, alternative := splitCondition(d)
		r := o.and(f, o.of(d.Left, f), o.not(o.of(condition, !f)))
		if alternative == nil {
			return r
		}
		return o.or(f, r, o.and(f, o.of(condition, f), o.of(alternative, f)))
	}
}

func (o *folder[T]) or(f form, all ...T) T { return o.join(f == disjunctive, always, never, all) }

func (o *folder[T]) and(f form, all ...T) T { return o.join(f == conjunctive, never, always, all) }

// operands are what d, as in (a and b and c), joins.
func (o *folder[T]) operands(d *rpm.Dep, f form) []T {
	var all []T
	for _, operand := range operands(d) {
		all = append(all, o.of(operand, f))
	}
	return all
}

// operands are what a dependency like (a and b and c) joins.
func operands(d *rpm.Dep) []*rpm.Dep {
	var all []*rpm.Dep
	op := d.Op
	for ; d.Op == op; d = d.Left {
		all = append(all, d.Right)
	}
	all = append(all, d)
	slices.Reverse(all)
	return all
}

// splitCondition takes apart what follows "if" or "unless"; alternative is nil
// without an "else".
func splitCondition(d *rpm.Dep) (condition, alternative *rpm.Dep) {
	if d.Right.Op == rpm.Else {
		return d.Right.Left, d.Right.Right
	}
	return d.Right, nil
}
