package depsolve

// weakness knows which packages are recommended or suggested by which.
type weakness struct {
	recommendedBy table[advice] // per package
	suggestedBy   table[advice] // per package
	conditions    [][]ID        // what must be installed for an advice to hold
	supplementing []ID          // packages that supplement or enhance something
}

// An advice is a recommendation or suggestion of a package by another. It
// holds while the other is installed and, if it is a conditional one, all
// packages of a condition are.
type advice struct {
	by        ID
	condition int32 // index of conditions, 0 if there is none
}

func (u *Universe) indexWeak() {
	u.weak.conditions = make([][]ID, 1)
	u.weak.recommendedBy = u.adviceOf(recommended)
	u.weak.suggestedBy = u.adviceOf(suggested)
	for id := ID(1); int(id) < len(u.pkgs); id++ {
		if len(u.list(supplemented, id)) > 0 || len(u.list(enhanced, id)) > 0 {
			u.weak.supplementing = append(u.weak.supplementing, id)
		}
	}
}

func (u *Universe) adviceOf(kind listKind) table[advice] {
	var pairs []pair[advice]
	for id := ID(1); int(id) < len(u.pkgs); id++ {
		for _, dep := range u.list(kind, id) {
			if !u.deps[dep].complex {
				for _, other := range u.index.ofDep(dep) {
					pairs = append(pairs, pair[advice]{int32(other), advice{by: id}})
				}
				continue
			}
			for _, block := range u.demand(dep, false).blocks {
				pairs = u.conditionalAdvice(pairs, id, block)
			}
		}
	}
	return tableOf(len(u.pkgs), pairs)
}

// conditionalAdvice adds the advice of one block of a boolean dependency: the
// positive literals if the negative ones are installed.
func (u *Universe) conditionalAdvice(pairs []pair[advice], id ID, block []ID) []pair[advice] {
	a := advice{by: id}
	var condition []ID
	for _, lit := range block {
		if lit < 0 {
			condition = append(condition, -lit)
			continue
		}
		if a.condition == 0 && len(condition) > 0 {
			a.condition = int32(len(u.weak.conditions))
			u.weak.conditions = append(u.weak.conditions, condition)
		}
		pairs = append(pairs, pair[advice]{int32(lit), a})
	}
	return pairs
}
