package depsolve

// maxDistance is how far a dependency can be for it to have a distance.
const maxDistance = 4

// Distances returns how far each of the packages is from the BuildRequires of
// the goal that the Solver was last asked about, in the order of ids: 1 if a
// package of that name provides one of them, 2 if it provides what such a
// package requires, up to 4. It is 0 if the name is not reached, which is
// common for what the group asks for. All packages of the universe count on the
// way, chosen or not.
func (s *Solver) Distances(ids []ID) []uint8 {
	d := &s.distance
	d.begin(s.u)
	for _, near := range s.request.near {
		d.reachAll(near, 1)
	}
	frontier := d.reached
	for level := uint8(2); level <= maxDistance; level++ {
		n := len(d.reached)
		d.advance(frontier, level)
		frontier = d.reached[n:]
	}
	distances := make([]uint8, len(ids))
	for i, id := range ids {
		distances[i] = d.of(id)
	}
	return distances
}

// A distanceFinder is the scratch space of Distances.
type distanceFinder struct {
	u       *Universe
	links   *links
	level   []uint8 // per package: reached at, 0 if not reached
	reached []ID    // those with a level, as they were reached
	listed  []bool  // per list of links: all in it are reached
	lists   []int32 // those listed
}

func (d *distanceFinder) begin(u *Universe) {
	if d.u == nil {
		l := u.links()
		*d = distanceFinder{u: u, links: l, level: make([]uint8, len(u.pkgs)), listed: make([]bool, len(l.lists))}
	}
	for _, id := range d.reached {
		d.level[id] = 0
	}
	for _, i := range d.lists {
		d.listed[i] = false
	}
	d.reached, d.lists = d.reached[:0], d.lists[:0]
}

func (d *distanceFinder) reach(id ID, level uint8) {
	if d.level[id] == 0 {
		d.level[id] = level
		d.reached = append(d.reached, id)
	}
}

func (d *distanceFinder) reachAll(ids []ID, level uint8) {
	for _, id := range ids {
		d.reach(id, level)
	}
}

// advance goes on from the packages reached last.
func (d *distanceFinder) advance(from []ID, level uint8) {
	for _, id := range from {
		for _, next := range d.links.from.row(int32(id)) {
			if next > 0 {
				d.reach(next, level)
			} else if i := int32(-next); !d.listed[i] {
				d.listed[i] = true
				d.lists = append(d.lists, i)
				d.reachAll(d.u.index.at(d.links.lists[i]), level)
			}
		}
	}
}

// of returns the level at which the name of a package was reached.
func (d *distanceFinder) of(id ID) uint8 {
	if !d.links.several[id] {
		return d.level[id]
	}
	lowest := uint8(0)
	for other := range d.u.named(d.u.pkgs[id].name) {
		if level := d.level[other]; level > 0 && (lowest == 0 || level < lowest) {
			lowest = level
		}
	}
	return lowest
}

// links are what distances are measured along: from packages to those that
// provide what they require.
type links struct {
	from    table[ID] // per package: others or, as a negative number, a list of others
	lists   []span    // in providerIndex.lists; 0 is none
	several []bool    // per package: others have its name
}

func newLinks(u *Universe) *links {
	l := &links{from: newTable[ID](), lists: make([]span, 1), several: make([]bool, len(u.pkgs))}
	numbers := make(map[span]ID) // of lists, negative
	seen := make([]ID, len(u.pkgs))
	for id := ID(1); int(id) < len(u.pkgs); id++ {
		for _, dep := range u.list(required, id) {
			switch providers := u.index.byDep[dep]; providers.n {
			case 0:
			case 1:
				if only := u.index.at(providers)[0]; seen[only] != id {
					seen[only] = id
					l.from.add(only)
				}
			default:
				number, ok := numbers[providers]
				if !ok {
					number = -ID(len(l.lists))
					numbers[providers] = number
					l.lists = append(l.lists, providers)
				}
				l.from.add(number)
			}
		}
		l.from.endRow()
		n := 0
		for range u.named(u.pkgs[id].name) {
			n++
		}
		l.several[id] = n > 1
	}
	return l
}
