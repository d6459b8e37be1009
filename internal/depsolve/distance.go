package depsolve

import (
	"bytes"
	"slices"
)

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
	d.share(s.request.near)
	for _, near := range s.request.near {
		d.reachAll(near, 1)
	}
	d.spread()
	distances := make([]uint8, len(ids))
	for i, id := range ids {
		distances[i] = d.of(id)
	}
	return distances
}

// A distanceFinder is the scratch space of Distances.
//
// Most goals ask for one and the same package, debhelper in Debian, and from
// there most of what any goal reaches is reached. So the levels that this one
// gives stay from goal to goal, and a goal goes only where it comes to sooner.
type distanceFinder struct {
	u     *Universe
	links *links

	level   []uint8    // per package: reached at, far if not reached
	listed  []uint8    // per list of links: all in it are reached at, far if they are not
	changes []levelled // of level and listed, to be taken back
	reached []ID       // by the goal, as they were reached

	shared ID      // where the levels that stay begin, None if none do
	stay   int     // changes[:stay] are theirs
	asked  []int32 // per package: how many goals have asked for it alone so far
}

// far is the level of what is not reached.
const far = maxDistance + 1

// A levelled remembers the level that a package or, if negative, a list had.
type levelled struct {
	of    ID
	level uint8
}

func (d *distanceFinder) begin(u *Universe) {
	if d.u == nil {
		l := u.links()
		*d = distanceFinder{u: u, links: l, asked: make([]int32, len(u.pkgs))}
		d.level = bytes.Repeat([]byte{far}, len(u.pkgs))
		d.listed = bytes.Repeat([]byte{far}, len(l.lists))
	}
	d.undo(d.stay)
}

// undo takes back all changes but the first.
func (d *distanceFinder) undo(keep int) {
	for _, c := range slices.Backward(d.changes[keep:]) {
		if c.of > 0 {
			d.level[c.of] = c.level
		} else {
			d.listed[-c.of] = c.level
		}
	}
	d.changes, d.reached = d.changes[:keep], d.reached[:0]
}

// share sees to it that levels which stay are those of a package that the goal
// asks for: the one that goals have asked for most, unless the goal asks for
// that of the goal before.
func (d *distanceFinder) share(near [][]ID) {
	popular, kept := None, false
	for _, ids := range near {
		if len(ids) == 1 {
			id := ids[0]
			d.asked[id]++
			kept = kept || id == d.shared
			if d.asked[id] > d.asked[popular] {
				popular = id
			}
		}
	}
	if kept {
		return
	}
	d.undo(0)
	if d.shared = popular; popular != None {
		d.reach(popular, 1)
		d.spread()
		d.reached = d.reached[:0]
	}
	d.stay = len(d.changes)
}

// spread goes on from what is reached at level 1, to the last level.
func (d *distanceFinder) spread() {
	frontier := d.reached
	for level := uint8(2); level <= maxDistance; level++ {
		n := len(d.reached)
		d.advance(frontier, level)
		frontier = d.reached[n:]
	}
}

func (d *distanceFinder) reach(id ID, level uint8) {
	if before := d.level[id]; level < before {
		d.level[id] = level
		d.changes = append(d.changes, levelled{id, before})
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
			} else if before := d.listed[-next]; level < before {
				d.listed[-next] = level
				d.changes = append(d.changes, levelled{next, before})
				d.reachAll(d.u.index.at(d.links.lists[-next]), level)
			}
		}
	}
}

// of returns the level at which the name of a package was reached.
func (d *distanceFinder) of(id ID) uint8 {
	lowest := d.level[id]
	if d.links.several[id] {
		for other := range d.u.named(d.u.pkgs[id].name) {
			lowest = min(lowest, d.level[other])
		}
	}
	if lowest == far {
		return 0
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
