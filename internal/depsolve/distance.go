package depsolve

import "github.com/koschei-ci/koschei/internal/rpm"

// maxDistance is how far a dependency can be for it to have a distance.
const maxDistance = 4

// Distances returns how far each of the packages is from the BuildRequires of
// a goal, in the order of ids: 1 if a package of that name provides one of
// them, 2 if it provides what such a package requires, up to 4. It is 0 if the
// name is not reached, which is common for what the group asks for. All
// packages of the universe count on the way, chosen or not.
func (s *Solver) Distances(g Goal, ids []ID) []uint8 {
	d := &s.distance
	d.begin(s.u, ids)
	arena := len(s.request.arena)
	for _, r := range g.Requires {
		d.reachAll(s.requireProviders(r))
		s.request.arena = s.request.arena[:arena]
	}
	for d.level < maxDistance && len(d.reached) > 0 && d.missing > 0 {
		d.advance()
	}
	distances := make([]uint8, len(ids))
	for i, id := range ids {
		if level := d.names.at(int32(s.u.pkgs[id].name)); level != wanted {
			distances[i] = uint8(level)
		}
	}
	return distances
}

// requireProviders returns who provides an entry of Goal.Requires.
func (s *Solver) requireProviders(r rpm.Relation) []ID {
	if !r.Boolean() || r.Op != 0 {
		ids, _ := s.u.relationProviders(&s.request, r)
		return ids
	}
	d, err := rpm.ParseDep(r.Name)
	if err != nil {
		return nil
	}
	ids, _ := s.u.providers(d)
	return ids
}

// A distanceFinder is the scratch space of Distances.
type distanceFinder struct {
	u        *Universe
	names    stamps // per name: wanted, or the level it was reached at
	pkgs     stamps // per package: reached
	deps     stamps // per dependency: followed
	level    int32  // being reached
	frontier []ID   // reached at the level before
	reached  []ID
	missing  int // wanted names that have not been reached
}

const wanted = maxDistance + 1

func newDistanceFinder(u *Universe) distanceFinder {
	return distanceFinder{
		u: u, names: newStamps(u.symbols.len()), pkgs: newStamps(len(u.pkgs)), deps: newStamps(len(u.deps)),
	}
}

func (d *distanceFinder) begin(u *Universe, ids []ID) {
	if d.u == nil {
		*d = newDistanceFinder(u)
	}
	d.names.reset()
	d.pkgs.reset()
	d.deps.reset()
	d.level, d.missing = 1, 0
	d.frontier, d.reached = d.frontier[:0], d.reached[:0]
	for _, id := range ids {
		if name := int32(u.pkgs[id].name); d.names.at(name) == 0 {
			d.names.set(name, wanted)
			d.missing++
		}
	}
}

func (d *distanceFinder) reachAll(ids []ID) {
	for _, id := range ids {
		if d.pkgs.at(int32(id)) != 0 {
			continue
		}
		d.pkgs.set(int32(id), 1)
		d.reached = append(d.reached, id)
		if name := int32(d.u.pkgs[id].name); d.names.at(name) == wanted {
			d.names.set(name, d.level)
			d.missing--
		}
	}
}

// advance goes one level further.
func (d *distanceFinder) advance() {
	d.frontier, d.reached = d.reached, d.frontier[:0]
	d.level++
	for _, id := range d.frontier {
		for _, dep := range d.u.list(required, id) {
			if d.deps.at(int32(dep)) == 0 {
				d.deps.set(int32(dep), 1)
				d.reachAll(d.u.index.ofDep(dep))
			}
		}
	}
}
