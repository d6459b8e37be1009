package depsolve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Cause is a problem as a packager wants to read it: which of the package's own
// BuildRequires leads there, by what way, and what is missing at its end.
type Cause struct {
	Asked []Asked  // what of the goal leads there
	Way   []string // a sentence for each package on the way, from the first Asked on
	Facts []string // what is wrong
	More  int      // facts left out, which say the same of other versions
	Lacks []Lack   // what nothing provides; empty if something else is wrong
}

// A Lack is a dependency that nothing provides.
type Lack struct {
	Dep string
	By  ID // the package that requires it; None if the goal does
}

// Asked is something that a goal asks for.
type Asked struct {
	Kind LinkKind // ByBuildRequires, ByBuildConflicts or ByGroup
	Dep  string
}

// maxLines is how long a Cause is in print. Problem.String has the rest.
const maxLines = 8

// String is a paragraph: what is asked for, the way, and what is wrong.
func (c Cause) String() string {
	head := c.head()
	if len(c.Way) == 0 && len(c.Facts) == 1 && c.More == 0 {
		return head + ": " + c.Facts[0]
	}
	lines := []string{head}
	facts := c.Facts
	more := c.More
	if room := maxLines - 3; len(facts) > room {
		more += len(facts) - room
		facts = facts[:room]
	}
	room := maxLines - 1 - len(facts)
	if more > 0 {
		room--
	}
	way := c.Way
	if len(way) > room {
		first := room / 2
		last := room - first - 1
		left := fmt.Sprintf("(%d more on the way)", len(way)-first-last)
		way = slices.Concat(way[:first], []string{left}, way[len(way)-last:])
	}
	lines = append(append(lines, way...), facts...)
	if more > 0 {
		lines = append(lines, fmt.Sprintf("(and %d more like these)", more))
	}
	return strings.Join(lines, "\n  - ")
}

// head names what is asked for, sorted by kind.
func (c Cause) head() string {
	const most = 4
	var parts []string
	for _, kind := range []LinkKind{ByBuildRequires, ByBuildConflicts, ByGroup} {
		var deps []string
		for _, a := range c.Asked {
			if a.Kind == kind {
				deps = append(deps, shortened(a.Dep))
			}
		}
		if n := len(deps) - most; n > 0 {
			deps = append(deps[:most:most], fmt.Sprintf("%d more", n))
		}
		if len(deps) > 0 {
			parts = append(parts, heading(kind)+strings.Join(deps, ", "))
		}
	}
	if len(parts) == 0 {
		return "The buildroot"
	}
	return strings.Join(parts, "; ")
}

func heading(kind LinkKind) string {
	if kind == ByGroup {
		return "Buildroot group: "
	}
	return kind.String() + ": "
}

// Causes makes problems readable: one Cause for all that end in the same facts.
func (u *Universe) Causes(problems []Problem) []Cause {
	var causes []Cause
	for _, p := range problems {
		causes = append(causes, u.cause(p))
	}
	return MergeCauses(causes)
}

// MergeCauses joins those that end in the same facts.
func MergeCauses(causes []Cause) []Cause {
	var merged []Cause
	for _, c := range causes {
		same := slices.IndexFunc(merged, func(m Cause) bool { return slices.Equal(m.Facts, c.Facts) })
		if same < 0 {
			c.Asked, c.Lacks = slices.Clone(c.Asked), slices.Clone(c.Lacks)
			merged = append(merged, c)
			continue
		}
		for _, a := range c.Asked {
			if !slices.Contains(merged[same].Asked, a) {
				merged[same].Asked = append(merged[same].Asked, a)
			}
		}
		for _, l := range c.Lacks {
			if !slices.Contains(merged[same].Lacks, l) {
				merged[same].Lacks = append(merged[same].Lacks, l)
			}
		}
	}
	return merged
}

func (u *Universe) cause(p Problem) Cause {
	facts, more := u.facts(p)
	c := Cause{More: more}
	conflict := len(p.Asked) == 1 && p.Asked[0].Kind == ByBuildConflicts
	for _, r := range facts {
		c.Facts = append(c.Facts, u.sentence(r))
		if !conflict {
			c.Lacks = append(c.Lacks, u.lacks(r)...)
		}
	}
	for _, chain := range [][]Link{facts[0].Chain, facts[0].OtherChain} {
		if len(chain) == 0 {
			continue
		}
		if a := (Asked{chain[0].Kind, chain[0].Dep}); !slices.Contains(c.Asked, a) {
			c.Asked = append(c.Asked, a)
		}
		for _, l := range chain[1:] {
			c.Way = append(c.Way, fmt.Sprintf("%v requires %s", u.NEVRA(l.Package), shortened(l.Dep)))
		}
	}
	together := facts[0].Kind == Requested
	for _, a := range p.Asked {
		if !slices.Contains(c.Asked, a) && (a.Kind != ByGroup || together) {
			c.Asked = append(c.Asked, a)
		}
	}
	if together {
		c.Facts = append(c.Facts, u.lacking(p.Asked)...)
		for _, a := range p.Asked {
			if a.Kind == ByBuildRequires {
				c.Lacks = append(c.Lacks, u.lacksOf(a.Dep, None)...)
			}
		}
	}
	if len(c.Asked) == 0 {
		c.Asked = p.Asked
	}
	return c
}

// lacks are the dependencies that nothing provides according to a reason.
func (u *Universe) lacks(r Reason) []Lack {
	switch r.Kind {
	case Missing, NothingProvides:
		if lacks := u.lacksOf(r.Dep, r.Package); len(lacks) > 0 {
			return lacks
		}
		return []Lack{{r.Dep, r.Package}}
	case NotInstallable:
		return u.lacksOf(r.Dep, r.Package)
	default:
		return nil
	}
}

// lacksOf are the parts of a boolean dependency that nothing provides.
func (u *Universe) lacksOf(dep string, by ID) []Lack {
	d, err := rpm.ParseDep(dep)
	if err != nil || d.Op == 0 {
		return nil
	}
	var lacks []Lack
	var walk func(d *rpm.Dep)
	walk = func(d *rpm.Dep) {
		if d.Op != 0 {
			walk(d.Left)
			walk(d.Right)
			return
		}
		if ids, system := u.providers(d); len(ids) == 0 && !system {
			lacks = append(lacks, Lack{d.Relation.String(), by})
		}
	}
	walk(d)
	return lacks
}

// lacking tells what nothing provides of boolean dependencies.
func (u *Universe) lacking(asked []Asked) []string {
	var texts []string
	for _, a := range asked {
		if d, err := rpm.ParseDep(a.Dep); err == nil && d.Op != 0 && a.Kind == ByBuildRequires {
			texts = append(texts, u.lackingOf(d)...)
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

func (u *Universe) lackingOf(d *rpm.Dep) []string {
	if d.Op != 0 {
		return append(u.lackingOf(d.Left), u.lackingOf(d.Right)...)
	}
	if ids, system := u.providers(d); len(ids) > 0 || system {
		return nil
	}
	r := Reason{Kind: NothingProvides, Dep: d.Relation.String(), Text: "nothing provides " + d.Relation.String()}
	r.Available = u.available(d.Relation)
	return []string{u.sentence(r)}
}

// facts returns the reasons that others follow from, those that a short way leads
// to first. Of those that differ in versions only it returns the newest one's, and
// counts the others.
func (u *Universe) facts(p Problem) (facts []Reason, more int) {
	rank := func(r Reason) int {
		switch r.Kind {
		case Requested:
			return 2
		case NotInstallable:
			return 1
		default:
			return 0
		}
	}
	sorted := slices.Clone(p.Reasons)
	slices.SortStableFunc(sorted, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), compareChains(a.Chain, b.Chain), cmp.Compare(b.Package, a.Package))
	})
	type shape struct {
		kind      ReasonKind
		name, dep string
		other     string
	}
	seen := make(map[shape]bool)
	for _, r := range sorted {
		if rank(r) > 0 && len(facts) > 0 {
			break
		}
		s := shape{kind: r.Kind, dep: r.Dep}
		if r.Package != None {
			s.name, s.dep = u.Name(r.Package), withoutVersion(r.Dep)
		}
		if r.Other != None {
			s.other = u.Name(r.Other)
		}
		if seen[s] {
			more++
			continue
		}
		seen[s] = true
		facts = append(facts, r)
	}
	return facts, more
}

// compareChains puts chains from the BuildRequires before those from the group,
// short ones before long ones, and what no chain leads to last.
func compareChains(a, b []Link) int {
	class := func(chain []Link) int {
		switch {
		case len(chain) == 0:
			return 2
		case chain[0].Kind == ByGroup:
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(class(a), class(b)), cmp.Compare(len(a), len(b)))
}

func withoutVersion(dep string) string {
	if r, err := rpm.ParseRelation(dep); err == nil && !r.Boolean() {
		return r.Name
	}
	return dep
}

// sentence is the text of a reason, with the nearest thing that exists.
func (u *Universe) sentence(r Reason) string {
	text := r.Text
	switch r.Kind {
	case Missing:
		if text == missingText+r.Dep {
			text = cmp.Or(strings.Join(u.lacking([]Asked{{ByBuildRequires, r.Dep}}), "; "), "nothing provides it")
		}
	case NotInstallable: // of a boolean one, a part may be missing
		if d, err := rpm.ParseDep(r.Dep); err == nil && d.Op != 0 {
			text = strings.Join(append([]string{text}, u.lackingOf(d)...), "; ")
		}
	case Requested:
		text = "they cannot be installed together"
	case Inferior:
		text += " and is not installed without the better one of its version"
	}
	if len(r.Available) > 0 {
		return text + "; there is " + withoutVersion(r.Dep) + " " + r.nearest().String()
	}
	if r.Kind == Missing || r.Kind == NothingProvides {
		if other := u.otherSoname(withoutVersion(r.Dep)); other != "" {
			text += "; there is " + other
		}
	}
	return text
}

// nearest is the version of those available that is nearest to what is asked for.
func (r Reason) nearest() rpm.EVR {
	if asked, err := rpm.ParseRelation(r.Dep); err == nil && asked.Op&rpm.Less != 0 {
		return r.Available[0]
	}
	return r.Available[len(r.Available)-1]
}
