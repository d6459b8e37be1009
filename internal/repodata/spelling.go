package repodata

import (
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// rewriteOldSpellings puts into today's words what SUSE wrote before RPM had
// them. Reading such metadata libsolv does the same.
func rewriteOldSpellings(p *rpm.Package) {
	for i := range p.Conflicts {
		// A package never conflicts with itself, so these are all providers.
		if name, ok := argument(p.Conflicts[i], "otherproviders("); ok {
			p.Conflicts[i].Name = name
		}
	}
	for i := range p.Supplements {
		if names, ok := argument(p.Supplements[i], "packageand("); ok {
			p.Supplements[i].Name = allOf(names)
		}
	}
}

// argument is what is between the parentheses of a relation that begins with
// function.
func argument(r rpm.Relation, function string) (string, bool) {
	rest, ok := strings.CutPrefix(r.Name, function)
	if !ok || r.Op != 0 || len(rest) < 2 {
		return "", false
	}
	return rest[:len(rest)-1], true
}

// allOf is the dependency on all packages of a list such as "a:b". The colon of
// "pattern:" is part of a name.
func allOf(list string) string {
	var names []string
	prefix := ""
	for part := range strings.SplitSeq(list, ":") {
		switch {
		case prefix == "" && part == "pattern":
			prefix = "pattern:"
		case part != "":
			names = append(names, prefix+part)
			prefix = ""
		}
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return "(" + strings.Join(names, " and ") + ")"
}
