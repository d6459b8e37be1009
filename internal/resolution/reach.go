package resolution

import "github.com/koschei-ci/koschei/internal/depset"

// A Reach finds whose buildroots have something that a repository has and the one
// before had not, by source. It is for one goroutine.
type Reach struct {
	come    []uint64        // a bit for each number that came
	sources map[int32]int32 // of these, by index in found
	found   []reached
	index   map[string]int32 // by name of the source
	added   int32            // packages so far
}

// A reached is a source and the packages that it reached.
type reached struct {
	packages depset.Set // in the order in which they were added
	last     int32      // the one of Reach.added that was added last
}

// Reach returns a Reach that knows no packages yet.
func (d *Difference) Reach() *Reach {
	r := &Reach{sources: map[int32]int32{}, index: map[string]int32{}}
	for source, s := range d.bySource {
		if len(s.come) == 0 {
			continue
		}
		i := int32(len(r.found))
		r.index[source] = i
		r.found = append(r.found, reached{})
		for _, m := range s.come {
			r.sources[m.ID] = i
			for int(m.ID/64) >= len(r.come) {
				r.come = append(r.come, make([]uint64, 1+len(r.come))...)
			}
			r.come[m.ID/64] |= 1 << (m.ID % 64)
		}
	}
	return r
}

// Add notes a package and its buildroot, once for each package.
func (r *Reach) Add(packageID int32, set depset.Set) {
	r.added++
	for _, m := range set {
		if int(m.ID/64) >= len(r.come) || r.come[m.ID/64]&(1<<(m.ID%64)) == 0 {
			continue
		}
		f := &r.found[r.sources[m.ID]]
		if f.last != r.added {
			f.last = r.added
			f.packages = append(f.packages, depset.Member{ID: packageID, Distance: m.Distance})
			continue
		}
		// No distance, which is 0, is the farthest.
		if nearest := &f.packages[len(f.packages)-1]; m.Distance-1 < nearest.Distance-1 {
			nearest.Distance = m.Distance
		}
	}
}

// Of returns the packages that a source reached, nil if there are none.
func (r *Reach) Of(source string) depset.Set {
	i, ok := r.index[source]
	if !ok || len(r.found[i].packages) == 0 {
		return nil
	}
	return depset.NewSet(r.found[i].packages)
}
