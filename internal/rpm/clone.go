package rpm

import "strings"

// Clone returns a deep copy of p that shares no memory with it, for those who
// keep a package that is only lent to them.
func (p *Package) Clone() *Package {
	c := *p
	c.Name, c.Arch = strings.Clone(p.Name), strings.Clone(p.Arch)
	c.EVR = cloneEVR(p.EVR)
	c.PkgID, c.Source = strings.Clone(p.PkgID), strings.Clone(p.Source)
	c.Location, c.Base = strings.Clone(p.Location), strings.Clone(p.Base)
	for _, list := range []*[]Relation{
		&c.Requires, &c.Provides, &c.Conflicts, &c.Obsoletes, &c.Recommends, &c.Suggests, &c.Supplements, &c.Enhances,
	} {
		*list = cloneRelations(*list)
	}
	c.Files = nil
	for _, path := range p.Files {
		c.Files = append(c.Files, strings.Clone(path))
	}
	return &c
}

func cloneRelations(list []Relation) []Relation {
	if len(list) == 0 {
		return nil
	}
	c := make([]Relation, len(list))
	for i, r := range list {
		c[i] = Relation{strings.Clone(r.Name), r.Op, cloneEVR(r.EVR)}
	}
	return c
}

func cloneEVR(e EVR) EVR {
	return EVR{e.Epoch, strings.Clone(e.Version), strings.Clone(e.Release)}
}
