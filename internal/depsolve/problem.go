package depsolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Problem is one set of facts that together leave a goal without a solution.
type Problem struct {
	Reasons []Reason
	Asked   []Asked // what of the goal takes part
}

// String is the problem in the words of libdnf, one reason a line.
func (p Problem) String() string {
	texts := make([]string, len(p.Reasons))
	for i, r := range p.Reasons {
		texts[i] = r.Text
	}
	return strings.Join(texts, "\n  - ")
}

// A ReasonKind is a kind of fact that can be to blame.
type ReasonKind uint8

// The kinds of reasons, in the order in which libsolv lists them.
const (
	// Missing: nothing provides an entry of BuildRequires.
	Missing ReasonKind = iota
	// Unreadable: an entry of BuildRequires or BuildConflicts cannot be read.
	Unreadable
	// TooLarge: Dep, of Package or of the goal, has too many alternatives to be
	// worked out.
	TooLarge
	// TooLong: it takes too many steps to find out whether there is a solution.
	TooLong
	// Excluded: Package is excluded.
	Excluded
	// NothingProvides: nothing provides Dep, which Package requires.
	NothingProvides
	// NotInstallable: no provider of Dep, which Package requires, can be
	// installed.
	NotInstallable
	// Conflicts: Package conflicts with Dep, which Other provides.
	Conflicts
	// SameName: Package and Other are versions of one package.
	SameName
	// Obsoletes: Package obsoletes Dep, which is Other.
	Obsoletes
	// Requested: the BuildRequires and the group cannot all be met.
	Requested
	// Inferior: Package is of a worse architecture and does not come without the
	// better one of its name and version.
	Inferior
)

// String is the kind in one or two words.
func (k ReasonKind) String() string {
	return [...]string{
		"missing", "unreadable", "too large", "too long", "excluded", "nothing provides", "not installable",
		"conflicts", "same name", "obsoletes", "requested", "inferior architecture",
	}[k]
}

// A Reason is one fact of a Problem.
type Reason struct {
	Kind    ReasonKind
	Package ID     // None if the reason is about the goal itself
	Other   ID     // the other package of a conflict
	Dep     string // the dependency that is not met or conflicts
	Text    string // the reason as libdnf words it

	// Available says, if nothing provides Dep in the version asked for, which
	// versions of it there are, in ascending order.
	Available []rpm.EVR
	// Chain leads from an entry of BuildRequires, or from the group, to
	// Package. It is nil if nothing of the goal leads there. OtherChain leads to
	// Other.
	Chain, OtherChain []Link
}

const missingText = "no package found for "

// reason words a fact.
func (u *Universe) reason(kind ReasonKind, id, other ID, dep string) Reason {
	r := Reason{Kind: kind, Package: id, Other: other, Dep: dep}
	switch kind {
	case Missing:
		r.Text = missingText + dep
	case TooLarge:
		r.Text = fmt.Sprintf("%s, which has too many alternatives to be worked out", shortened(dep))
		if id != None {
			r.Text = fmt.Sprintf("package %v depends on %s", u.NEVRA(id), r.Text)
		} else {
			r.Text = "it asks for " + r.Text
		}
	case TooLong:
		r.Text = "it takes too long to find out whether all this can be installed together"
	case Unreadable: // worded by who knows why
	case Excluded:
		r.Text = fmt.Sprintf("package %v is filtered out by exclude filtering", u.NEVRA(id))
	case NothingProvides:
		r.Text = fmt.Sprintf("nothing provides %s needed by %v", dep, u.NEVRA(id))
	case NotInstallable:
		r.Text = fmt.Sprintf("package %v requires %s, but none of the providers can be installed", u.NEVRA(id), dep)
	case Conflicts:
		r.Text = fmt.Sprintf("package %v conflicts with %s", u.NEVRA(id), dep)
		if other != None {
			r.Text += fmt.Sprintf(" provided by %v", u.NEVRA(other))
		}
	case SameName:
		r.Text = fmt.Sprintf("cannot install both %v and %v", u.NEVRA(id), u.NEVRA(other))
	case Obsoletes:
		r.Text = fmt.Sprintf("package %v obsoletes %s provided by %v", u.NEVRA(id), dep, u.NEVRA(other))
	case Requested:
		r.Text = "conflicting requests"
	case Inferior:
		r.Text = fmt.Sprintf("%v has inferior architecture", u.NEVRA(id))
	}
	return r
}

// available returns the versions in which a name is provided, ascending.
func (u *Universe) available(r rpm.Relation) []rpm.EVR {
	name, ok := u.symbols.find(r.Name)
	if !ok || r.Op == 0 {
		return nil
	}
	var evrs []rpm.EVR
	for _, o := range u.index.offers.row(int32(name)) {
		if d := &u.deps[o.dep]; d.op != 0 && d.op != rpm.NoComparison {
			evrs = append(evrs, u.evr(d.evr))
		}
	}
	slices.SortFunc(evrs, rpm.EVR.Order)
	return slices.Compact(evrs)
}

// shortened is a dependency for a sentence, the middle of a long one left out.
func shortened(dep string) string {
	const most = 120
	if len(dep) > most {
		return dep[:most/2] + "..." + dep[len(dep)-most/2:]
	}
	return dep
}
