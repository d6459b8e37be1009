package rpm

import "strings"

// Clone returns a deep copy of p that shares no memory with it, for those who
// keep a package that is only lent to them.
//
// All strings of the copy lie in one piece of memory, which lives as long as
// any of them: one allocation each would cost more than all the rest.
func (p *Package) Clone() *Package {
	var c cloner
	c.text.Grow(p.textLen())
	clone := &Package{
		NEVRA: NEVRA{Name: c.string(p.Name), EVR: c.evr(p.EVR), Arch: c.string(p.Arch)},
		PkgID: c.string(p.PkgID), Location: c.string(p.Location), Base: c.string(p.Base), Source: c.string(p.Source), Flaw: c.string(p.Flaw),
	}
	to := clone.lists()
	for i, list := range p.lists() {
		*to[i] = c.relations(*list)
	}
	for _, path := range p.Files {
		clone.Files = append(clone.Files, c.string(path))
	}
	return clone
}

func (p *Package) lists() [8]*[]Relation {
	return [...]*[]Relation{
		&p.Requires, &p.Provides, &p.Conflicts, &p.Obsoletes, &p.Recommends, &p.Suggests, &p.Supplements, &p.Enhances,
	}
}

// textLen is the length of all strings of p.
func (p *Package) textLen() int {
	n := len(p.Name) + p.EVR.textLen() + len(p.Arch) + len(p.PkgID) + len(p.Location) + len(p.Base) + len(p.Source) + len(p.Flaw)
	for _, list := range p.lists() {
		for i := range *list {
			n += len((*list)[i].Name) + (*list)[i].EVR.textLen()
		}
	}
	for _, path := range p.Files {
		n += len(path)
	}
	return n
}

func (e EVR) textLen() int { return len(e.Version) + len(e.Release) }

// A cloner copies strings behind one another.
type cloner struct{ text strings.Builder }

func (c *cloner) string(s string) string {
	start := c.text.Len()
	c.text.WriteString(s)
	return c.text.String()[start:]
}

func (c *cloner) evr(e EVR) EVR { return EVR{e.Epoch, c.string(e.Version), c.string(e.Release)} }

func (c *cloner) relations(list []Relation) []Relation {
	if len(list) == 0 {
		return nil
	}
	copies := make([]Relation, len(list))
	for i := range list {
		r := &list[i]
		copies[i] = Relation{c.string(r.Name), r.Op, c.evr(r.EVR)}
	}
	return copies
}
