package depsolve

import (
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A depID names an interned dependency. Dependency 0 is none.
type depID int32

// A dependency is a relation (boolOp is 0) or joins two dependencies, which
// were interned before it.
type dependency struct {
	boolOp  rpm.BoolOp
	complex bool // needs clauses of its own, see isComplex
	op      rpm.Op
	name    symbol    // of a relation
	evr     versionID // of a relation
	left    depID
	right   depID
}

// isBoolean reports whether d joins two others.
func (d *dependency) isBoolean() bool { return d.boolOp != 0 }

// A pool interns strings, versions and dependencies.
type pool struct {
	symbols  *symbols // apart: it outlives the pool
	versions []version
	deps     []dependency
	oddPaths bool // some files have no clean path

	// Only while interning.
	versionIDs numbering[version]
	depIDs     numbering[dependency]
}

func newPool() *pool {
	return &pool{
		symbols:    newSymbols(),
		versions:   make([]version, 1),
		deps:       make([]dependency, 1),
		versionIDs: newNumbering[version](),
		depIDs:     newNumbering[dependency](),
	}
}

// extend returns a pool with all that p, which must be frozen, has, and room
// for more. What is in p already may get another number there.
func (p *pool) extend() *pool {
	return &pool{
		symbols:    p.symbols.extend(),
		versions:   slices.Clip(p.versions),
		deps:       slices.Clip(p.deps),
		oddPaths:   p.oddPaths,
		versionIDs: newNumbering[version](),
		depIDs:     newNumbering[dependency](),
	}
}

// freeze ends interning.
func (p *pool) freeze() {
	p.symbols.freeze()
	p.versionIDs, p.depIDs = numbering[version]{}, numbering[dependency]{}
}

func (p *pool) internEVR(e rpm.EVR) versionID {
	v := version{e.Epoch, p.symbols.intern(e.Version), p.symbols.intern(e.Release)}
	return versionID(p.versionIDs.of(v, &p.versions))
}

// internRelation interns one entry of a dependency list.
func (p *pool) internRelation(r rpm.Relation) (depID, error) {
	if !r.Boolean() || r.Op != 0 {
		return p.internPlain(r), nil
	}
	d, err := rpm.ParseDep(strings.Clone(r.Name)) // for the error, which keeps it
	if err != nil {
		return 0, err
	}
	return p.internDep(d), nil
}

func (p *pool) internPlain(r rpm.Relation) depID {
	d := dependency{op: r.Op, name: p.symbols.intern(r.Name)}
	if r.Op != 0 {
		d.evr = p.internEVR(r.EVR)
	}
	return p.depID(d)
}

func (p *pool) internDep(d *rpm.Dep) depID {
	if d.Op == 0 {
		return p.internPlain(d.Relation)
	}
	left := p.internDep(d.Left)
	right := p.internDep(d.Right)
	complex := d.Op == rpm.And || d.Op == rpm.If || d.Op == rpm.Unless ||
		d.Op == rpm.Or && (p.deps[left].complex || p.deps[right].complex)
	return p.depID(dependency{boolOp: d.Op, complex: complex, left: left, right: right})
}

func (p *pool) depID(d dependency) depID { return depID(p.depIDs.of(d, &p.deps)) }

func (d dependency) hash() uint64 {
	h := mix(uint64(d.name)<<32|uint64(d.evr), uint64(d.op)<<8|uint64(d.boolOp))
	return mix(h, uint64(d.left)<<32|uint64(d.right))
}

func (v version) hash() uint64 { return mix(uint64(v.version)<<32|uint64(v.release), uint64(v.epoch)) }

// evr returns a version of a frozen pool.
func (p *pool) evr(id versionID) rpm.EVR {
	v := &p.versions[id]
	return rpm.EVR{Epoch: v.epoch, Version: p.symbols.string(v.version), Release: p.symbols.string(v.release)}
}

// relation returns a plain dependency of a frozen pool.
func (p *pool) relation(id depID) rpm.Relation {
	d := &p.deps[id]
	return rpm.Relation{Name: p.symbols.string(d.name), Op: d.op, EVR: p.evr(d.evr)}
}

// dep returns any dependency of a frozen pool.
func (p *pool) dep(id depID) *rpm.Dep {
	d := &p.deps[id]
	if !d.isBoolean() {
		return &rpm.Dep{Relation: p.relation(id)}
	}
	return &rpm.Dep{Op: d.boolOp, Left: p.dep(d.left), Right: p.dep(d.right)}
}
