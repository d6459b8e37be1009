package depsolve

import "slices"

// signatures say by 64-bit hashes what is known of packages, in terms of
// names: they are the same in another universe if only versions have moved
// there. A package is known by its name, its architecture and its place among
// the packages of its name.
type signatures struct {
	u    *Universe
	keys []uint64 // per package: what it is known by
	dead []bool   // per package: can never be installed

	demands    []uint64 // per package: see aspect
	dependents []uint64
	merits     []uint64
	weak       uint64 // of all that supplements something
}

func mix(h, x uint64) uint64 {
	h = (h ^ x) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

func hashString(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

func newSignatures(u *Universe) *signatures {
	n := len(u.pkgs)
	s := &signatures{
		u: u, keys: make([]uint64, n), dead: make([]bool, n),
		demands: make([]uint64, n), dependents: make([]uint64, n),
		merits: make([]uint64, n),
	}
	s.makeKeys()
	idle := u.NewSolver(SolverOptions{})
	idle.setBase(nil) // nothing is asked for
	for _, lit := range idle.trail {
		s.dead[-lit] = true
	}
	s.addShortClauses()
	s.addClauses()
	steps := u.stepRanks()
	for id := ID(1); int(id) < n; id++ {
		s.addWeak(id)
		s.merits[id] = s.merit(id, steps)
	}
	for _, id := range u.weak.supplementing {
		s.weak += mix(s.keys[id], s.merits[id])
	}
	return s
}

func (s *signatures) makeKeys() {
	place := make([]uint64, s.u.symbols.len())
	for id := range s.keys {
		p := &s.u.pkgs[id]
		place[p.name]++
		s.keys[id] = mix(mix(hashString(s.u.symbols.string(p.name)), hashString(s.u.symbols.string(p.arch))), place[p.name])
	}
}

// literal hashes a literal of a clause. That a package is dead is part of
// every mention, because then the clause says something else.
func (s *signatures) literal(lit ID) uint64 {
	id := abs(lit)
	h := s.keys[id]
	if lit < 0 {
		h = ^h
	}
	if s.dead[id] {
		h = mix(h, 1)
	}
	return mix(h, 2)
}

func (s *signatures) ofList(lits []ID) uint64 {
	h := uint64(len(lits))
	for _, lit := range lits {
		h = mix(h, s.literal(lit))
	}
	return h
}

func (s *signatures) addShortClauses() {
	r := &s.u.rules
	for id := range s.keys {
		for _, lit := range r.follows.of(ID(id)) {
			s.demands[id] += s.literal(lit)
		}
		for _, lit := range r.follows.of(ID(-id)) {
			s.dependents[id] += s.literal(-lit)
		}
	}
}

// addClauses adds each clause to the demands of those packages that are not to
// be installed without it, in order, and to the dependents of the others.
func (s *signatures) addClauses() {
	for i := 1; i < len(s.u.rules.clauses); i++ {
		c := &s.u.rules.clauses[i]
		rest := s.u.rest(c)
		h := mix(s.literal(c.first), s.ofList(rest))
		s.demands[-c.first] = mix(s.demands[-c.first], h)
		for _, lit := range rest {
			if lit < 0 {
				s.demands[-lit] = mix(s.demands[-lit], h)
			} else {
				s.dependents[lit] += mix(h, 3)
			}
		}
	}
}

// addWeak adds to the demands of a package what it recommends and suggests.
func (s *signatures) addWeak(id ID) {
	for _, kind := range []listKind{recommended, suggested} {
		for _, dep := range s.u.list(kind, id) {
			s.demands[id] = mix(s.demands[id], mix(uint64(kind), s.ofDep(dep)))
		}
	}
}

func (s *signatures) ofDep(dep depID) uint64 {
	d := &s.u.deps[dep]
	h := s.ofList(s.u.index.ofDep(dep))
	if d.isBoolean() {
		h = mix(h, mix(uint64(d.boolOp), mix(s.ofDep(d.left), s.ofDep(d.right))))
	}
	if s.u.index.system[dep] {
		h = mix(h, 4)
	}
	return h
}

// merit hashes all that decides between a package and other candidates.
func (s *signatures) merit(id ID, steps []uint64) uint64 {
	u := s.u
	h := s.literal(id)
	h = mix(h, uint64(u.rank.evr[id]))
	h = mix(h, uint64(u.priority(id)))
	if u.rank.old[id] {
		h = mix(h, 5)
	}
	h = mix(h, s.ofList(u.rules.obsoletes.row(int32(id))))
	for _, dep := range u.rank.steps.row(int32(id)) {
		h += mix(steps[dep], 6)
	}
	for _, kind := range []listKind{supplemented, enhanced} {
		for _, dep := range u.list(kind, id) {
			h = mix(h, mix(uint64(kind), s.ofDep(dep)))
		}
	}
	return h
}

// stepRanks hashes, per dependency, a step: its name and the place of its
// version among those that others provide.
func (u *Universe) stepRanks() []uint64 {
	ranks := make([]uint64, len(u.deps))
	var pairs []pair[step]
	for _, dep := range u.rank.steps.items {
		if ranks[dep] == 0 {
			ranks[dep] = 1
			pairs = append(pairs, pair[step]{int32(u.deps[dep].name), step{dep: dep}})
		}
	}
	byName := tableOf(u.symbols.len(), pairs)
	for name := range u.symbols.len() {
		steps := byName.row(int32(name))
		if len(steps) == 0 {
			continue
		}
		h := hashString(u.symbols.string(symbol(name)))
		slices.SortStableFunc(steps, u.compareSteps)
		place := uint64(0)
		for i, st := range steps {
			if i > 0 && u.compareSteps(steps[i-1], st) != 0 {
				place++
			}
			ranks[st.dep] = mix(mix(h, place), uint64(u.deps[st.dep].op))
		}
		if u.releasesDiffer(steps) { // places do not say which versions are strictly older
			for _, st := range steps {
				ranks[st.dep] = mix(h, hashString(u.evr(u.deps[st.dep].evr).String()))
			}
		}
	}
	return ranks
}

// releasesDiffer reports whether some versions have a release and some do not.
func (u *Universe) releasesDiffer(steps []step) bool {
	with, without := false, false
	for _, s := range steps {
		if u.versions[u.deps[s.dep].evr].release == 0 {
			without = true
		} else {
			with = true
		}
	}
	return with && without
}

// ofRequest hashes what a goal asks for.
func (s *signatures) ofRequest(r *request) uint64 {
	h := uint64(len(r.jobs))
	for i := range r.jobs {
		h = mix(h, s.ofList(r.jobs[i].lits))
	}
	for _, ids := range r.near {
		h = mix(h, s.ofList(ids))
	}
	for _, l := range r.lacks {
		h = mix(mix(h, uint64(l.require)), uint64(l.kind))
	}
	return mix(h, uint64(len(r.lacks)))
}
