package scheduler

import (
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
)

// loads tells how busy the hosts of each architecture are.
type loads map[string]float64 // by canonical architecture

// loadsOf returns, for each architecture, the load of the hosts that can build
// for it over their capacity: 1 if there is no such host. A host that is not
// ready counts as fully loaded, and none as more than that. Names of
// architectures are compared in their canonical form: a tag may say i686 and a
// host i386.
func loadsOf(hosts []koji.Host, arches []string) loads {
	l := loads{}
	for _, arch := range arches {
		var load, capacity float64
		for _, h := range hosts {
			if !canBuild(h, arch) {
				continue
			}
			capacity += h.Capacity
			if h.Ready {
				load += min(h.Load, h.Capacity)
			} else {
				load += h.Capacity
			}
		}
		l[koschei.CanonArch(arch)] = 1
		if capacity > 0 {
			l[koschei.CanonArch(arch)] = load / capacity
		}
	}
	return l
}

func canBuild(h koji.Host, arch string) bool {
	for _, a := range h.Arches {
		if koschei.CanonArch(a) == koschei.CanonArch(arch) {
			return true
		}
	}
	return false
}

// isReady reports whether a host can build for one of the architectures now.
func isReady(hosts []koji.Host, arches []string) bool {
	return slices.ContainsFunc(hosts, func(h koji.Host) bool {
		return h.Ready && slices.ContainsFunc(arches, func(arch string) bool { return canBuild(h, arch) })
	})
}

// of returns the load that a build for these architectures meets, and where:
// that of the busiest, since all are needed; but of the least busy of all if
// any host will do.
func (l loads) of(arches []string) (load float64, arch string) {
	for _, a := range arches {
		if a == "noarch" {
			return l.least()
		}
		if x, known := l[koschei.CanonArch(a)]; known && x >= load {
			load, arch = x, a
		} else if !known {
			return 1, a
		}
	}
	return load, arch
}

// least returns the load of the least busy architecture.
func (l loads) least() (load float64, arch string) {
	load, arch = 1, "noarch"
	for a, x := range l {
		if x < load {
			load, arch = x, a
		}
	}
	return load, arch
}
