package depsolve

import "strings"

// runnable lists the architectures whose packages machines of one can run, the best
// first. It is libsolv's list.
func runnable(arch string) []string {
	list := map[string]string{
		"x86_64_v4": "x86_64_v4 x86_64_v3 x86_64_v2 x86_64 i686 i586 i486 i386",
		"x86_64_v3": "x86_64_v3 x86_64_v2 x86_64 i686 i586 i486 i386",
		"x86_64_v2": "x86_64_v2 x86_64 i686 i586 i486 i386",
		"x86_64":    "x86_64 i686 i586 i486 i386",
		"ia64":      "ia64 i686 i586 i486 i386",
		"i686":      "i686 i586 i486 i386",
		"i586":      "i586 i486 i386",
		"i486":      "i486 i386",
		"s390x":     "s390x s390",
		"ppc64":     "ppc64 ppc",
		"ppc64p7":   "ppc64p7 ppc64 ppc",
		"armv8hcnl": "armv8hcnl armv8hnl armv8hl armv7hnl armv7hl armv6hl",
		"armv8hnl":  "armv8hnl armv8hl armv7hnl armv7hl armv6hl",
		"armv8hl":   "armv8hl armv7hl armv6hl",
		"armv7hnl":  "armv7hnl armv7hl armv6hl",
		"armv7hl":   "armv7hl armv6hl",
		"armv8l":    "armv8l armv7l armv6l armv5tejl armv5tel armv5tl armv5l armv4tl armv4l armv3l",
		"armv7l":    "armv7l armv6l armv5tejl armv5tel armv5tl armv5l armv4tl armv4l armv3l",
		"armv6l":    "armv6l armv5tejl armv5tel armv5tl armv5l armv4tl armv4l armv3l",
		"armv5tejl": "armv5tejl armv5tel armv5tl armv5l armv4tl armv4l armv3l",
		"armv5tel":  "armv5tel armv5tl armv5l armv4tl armv4l armv3l",
		"armv5tl":   "armv5tl armv5l armv4tl armv4l armv3l",
		"armv5l":    "armv5l armv4tl armv4l armv3l",
		"armv4tl":   "armv4tl armv4l armv3l",
		"armv4l":    "armv4l armv3l",
		"sh4a":      "sh4a sh4",
		"sparc64v":  "sparc64v sparc64 sparcv9v sparcv9 sparcv8 sparc",
		"sparc64":   "sparc64 sparcv9 sparcv8 sparc",
		"sparcv9v":  "sparcv9v sparcv9 sparcv8 sparc",
		"sparcv9":   "sparcv9 sparcv8 sparc",
		"sparcv8":   "sparcv8 sparc",
		"e2kv6":     "e2kv6 e2kv5 e2kv4 e2k",
		"e2kv5":     "e2kv5 e2kv4 e2k",
		"e2kv4":     "e2kv4 e2k",
	}[arch]
	if list == "" {
		list = arch
	}
	return strings.Fields(list)
}

// An archRank says how good an architecture is, the lower the better.
type archRank uint8

const (
	foreign archRank = iota // machines do not run it
	noarch
	bestArch // and those after it in the list
)

// archRanks are the architectures that a universe may have.
func archRanks(arch string) map[string]archRank {
	ranks := map[string]archRank{"noarch": noarch}
	for i, name := range runnable(arch) {
		if ranks[name] == foreign {
			ranks[name] = bestArch + archRank(i)
		}
	}
	return ranks
}

// is64Bit reports whether an architecture's packages go to lib64, and so beside
// those of 32 bits.
func is64Bit(arch string) bool { return arch == "s390x" || strings.Contains(arch, "64") }

// multilib is what a universe knows of the architectures of its packages if there
// are several besides noarch. A nil one knows that there are not.
type multilib struct {
	u     *Universe
	rank  []archRank // per package
	wide  []bool     // per package: of 64 bits
	mixed [][]ID     // the packages of each name that has several architectures

	// lonely are packages of a worse architecture without a twin: a package of the
	// best one that has their name and version. libsolv forbids them if a goal might
	// come to a better package of their name; that takes a look at all a goal might
	// come to. With a twin this is certain. It is nil if there are none.
	lonely []bool
}

func (u *Universe) newMultilib() *multilib {
	ranks := archRanks(u.options.Arch)
	m := &multilib{u: u, rank: make([]archRank, len(u.pkgs)), wide: make([]bool, len(u.pkgs))}
	var seen [256]bool
	count := 0
	known := make(map[symbol]int)
	for id := 1; id < len(u.pkgs); id++ {
		sym := u.pkgs[id].arch
		first, ok := known[sym]
		if !ok {
			first = id
			known[sym] = id
			arch := u.symbols.string(sym)
			m.rank[id], m.wide[id] = ranks[arch], is64Bit(arch)
			if r := m.rank[id]; r > noarch && !seen[r] {
				seen[r] = true
				count++
			}
		}
		m.rank[id], m.wide[id] = m.rank[first], m.wide[first]
	}
	if count < 2 {
		return nil
	}
	m.findMixed()
	return m
}

// findMixed finds the names that have several architectures, by their first
// packages.
func (m *multilib) findMixed() {
	done := make([]bool, m.u.symbols.len())
	for id := range m.u.pkgs {
		name := m.u.pkgs[id].name
		if id == 0 || done[name] {
			continue
		}
		done[name] = true
		var group []ID
		for id := range m.u.named(name) {
			group = append(group, id)
		}
		best := m.best(group, func(ID) bool { return true })
		mixed := false
		for _, id := range group {
			if m.rank[id] <= noarch || m.rank[id] == best {
				continue
			}
			mixed = true
			if !m.hasTwin(id, best) {
				if m.lonely == nil {
					m.lonely = make([]bool, len(m.u.pkgs))
				}
				m.lonely[id] = true
			}
		}
		if mixed {
			m.mixed = append(m.mixed, group)
		}
	}
}

// best is the best architecture of some packages, foreign if they have none.
func (m *multilib) best(ids []ID, counts func(ID) bool) archRank {
	best := foreign
	for _, id := range ids {
		if r := m.rank[id]; r > noarch && (best == foreign || r < best) && counts(id) {
			best = r
		}
	}
	return best
}

// twins are the packages of a name and version that may be there instead of one
// of a worse architecture: of the best one, or of none.
func (m *multilib) twins(id ID, best archRank) []ID {
	var twins []ID
	p := &m.u.pkgs[id]
	for other := range m.u.named(p.name) {
		o := &m.u.pkgs[other]
		if o.evr == p.evr && o.arch != p.arch && (m.rank[other] == noarch || m.rank[other] == best) {
			twins = append(twins, other)
		}
	}
	return twins
}

// hasTwin reports whether a twin is of the best architecture.
func (m *multilib) hasTwin(id ID, best archRank) bool {
	for _, twin := range m.twins(id, best) {
		if m.rank[twin] == best {
			return true
		}
	}
	return false
}

// eachRule calls yield with each rule that says "not this package without its
// twins", for the packages that count. One that does not count is not there at
// all.
func (m *multilib) eachRule(counts func(ID) bool, yield func(rule)) {
	if m == nil {
		return
	}
	for _, group := range m.mixed {
		best := m.best(group, counts)
		for _, id := range group {
			if m.rank[id] > noarch && m.rank[id] != best && counts(id) {
				yield(rule{first: -id, rest: m.twins(id, best), origin: ofArch, issuer: id})
			}
		}
	}
}

// areOpposed reports whether two packages of one name cannot be there together.
// Those of 32 and of 64 bits can.
func (m *multilib) areOpposed(a, b ID) bool {
	return m == nil || m.rank[a] == noarch || m.rank[b] == noarch || m.wide[a] == m.wide[b] || m.u.pkgs[a].arch == m.u.pkgs[b].arch
}

// prune drops the packages of worse architectures.
func (m *multilib) prune(ids []ID) []ID {
	if m == nil || len(ids) < 2 {
		return ids
	}
	best := m.best(ids, func(ID) bool { return true })
	if best == foreign {
		return ids
	}
	kept := ids[:0]
	for _, id := range ids {
		if m.rank[id] == noarch || m.rank[id] == best {
			kept = append(kept, id)
		}
	}
	return kept
}

// isLonely reports whether it is not certain that a literal's package is
// allowed.
func (m *multilib) isLonely(lit ID) bool {
	return m != nil && m.lonely != nil && lit > 0 && m.lonely[lit]
}

// doubts reports whether any package is lonely.
func (m *multilib) doubts() bool { return m != nil && m.lonely != nil }

// forbidden are the lonely packages that come with a better package of their name
// in any case, given what is certain to be looked at.
func (m *multilib) forbidden(reached []bool) []ID {
	var ids []ID
	for _, group := range m.mixed {
		best := m.best(group, func(ID) bool { return true })
		if m.best(group, func(id ID) bool { return reached[id] }) != best {
			continue
		}
		for _, id := range group {
			if m.lonely[id] && len(m.twins(id, best)) == 0 {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
