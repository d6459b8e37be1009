package upstream

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/schema"
)

// What has names.
const (
	collectionName      = "collection"
	collectionGroupName = "collection group"
	groupName           = "group"
	packageName         = "package"
	userName            = "user"
)

// A group is a group of packages.
type group struct {
	Namespace, Name       string // the namespace is "" for a group of all
	Packages, Maintainers []string
}

// A mending makes what people decided in the original fit our rules, which are
// stricter. It says what it does.
type mending struct {
	t      *edit.Takeover
	groups []group                      // as they are there
	named  map[string]map[string]string // by what it is: our names of things that have another one there
}

func (m *mending) note(format string, args ...any) {
	m.t.Notes = append(m.t.Notes, fmt.Sprintf(format, args...))
}

func (m *mending) mend() {
	m.users()
	m.packageNames()
	m.collections()
	m.collectionGroups()
	m.packages()
	m.packageGroups()
}

// rename decides on our names for things of one kind, and notes them.
func (m *mending) rename(what string, names []string) {
	taken := make(map[string]bool, len(names))
	for _, name := range names {
		taken[name] = true
	}
	renamed := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(taken)) {
		if koschei.ValidateName(what, name) == nil {
			continue
		}
		ours := allowedName(what, name)
		for n := 2; taken[ours]; n++ {
			ours = fmt.Sprintf("%s-%d", allowedName(what, name), n)
		}
		taken[ours], renamed[name] = true, ours
		m.note("%s %q is called %s here: what a name may not have becomes \"-\", and \"_\" is put before a name that begins with \".\", \"-\" or \"@\"",
			what, name, ours)
	}
	m.named[what] = renamed
}

// allowedName is the rule by which things are renamed.
func allowedName(what, name string) string {
	const longest = 250 // what makes it another than all others has a place, too
	ours := strings.Map(func(r rune) rune {
		if koschei.ValidateName(what, "_"+string(r)) != nil {
			return '-'
		}
		return r
	}, name)
	if koschei.ValidateName(what, ours[:min(1, len(ours))]) != nil {
		ours = "_" + ours
	}
	return ours[:min(len(ours), longest)]
}

// ours is our name of a thing.
func (m *mending) ours(what, name string) string {
	if ours, renamed := m.named[what][name]; renamed {
		return ours
	}
	return name
}

func (m *mending) oursOf(what string, names []string) {
	for i, name := range names {
		names[i] = m.ours(what, name)
	}
}

// inverse are the names there by ours.
func inverse(ours map[string]string) map[string]string {
	theirs := make(map[string]string, len(ours))
	for name, our := range ours {
		theirs[our] = name
	}
	return theirs
}

func (m *mending) users() {
	var names []string
	for _, u := range m.t.Users {
		names = append(names, u.Name)
	}
	for i := range m.groups {
		if m.groups[i].Namespace != "" {
			names = append(names, m.groups[i].Namespace)
		}
	}
	m.rename(userName, names)
	for i := range m.t.Users {
		m.t.Users[i].Name = m.ours(userName, m.t.Users[i].Name)
	}
}

func (m *mending) packageNames() {
	var names []string
	for i := range m.t.Packages {
		names = append(names, m.t.Packages[i].Name)
	}
	for i := range m.groups {
		names = append(names, m.groups[i].Packages...)
	}
	m.rename(packageName, names)
}

// collections are put right where it is clear what was meant; others are left
// out.
func (m *mending) collections() {
	var names []string
	for i := range m.t.Collections {
		names = append(names, m.t.Collections[i].Name)
	}
	m.rename(collectionName, names)
	var fit []koschei.Collection
	for _, c := range m.t.Collections {
		if m.fitCollection(&c) {
			fit = append(fit, c)
		}
	}
	m.t.Collections = fit
}

// fitCollection puts a collection right as far as that is possible, and tells
// whether it is.
func (m *mending) fitCollection(c *koschei.Collection) bool {
	c.Name = m.ours(collectionName, c.Name)
	m.fill(c.Name, "display name", &c.DisplayName, c.Name)
	m.fill(c.Name, "destination tag", &c.DestTag, c.BuildTag)
	m.fill(c.Name, "build group", &c.BuildGroup, koschei.DefaultBuildGroup)
	if err := koschei.NumberCoefficient.Check(c.PriorityCoefficient); err != nil {
		m.note("collection %s: %s: 1 is taken", c.Name, err)
		c.PriorityCoefficient = 1
	}
	c.Order = m.inRange("collection "+c.Name, koschei.NumberOrder, c.Order)
	if err := c.Validate(); err != nil {
		m.note("collection %s is left out with all its packages: %s", c.Name, strings.TrimPrefix(err.Error(), "collection "+c.Name+": "))
		return false
	}
	return true
}

// fill gives a text that must not be empty a value.
func (m *mending) fill(collection, what string, text *string, value string) {
	if *text == "" && value != "" {
		*text = value
		m.note("collection %s has no %s: %s is taken", collection, what, value)
	}
}

func (m *mending) inRange(what string, kind koschei.Number, value int) int {
	err := kind.Check(float64(value))
	if err == nil {
		return value
	}
	least, most := kind.Range()
	right := int(min(max(float64(value), least), most))
	m.note("%s: %s: %d is taken", what, err, right)
	return right
}

func (m *mending) collectionGroups() {
	var names []string
	for _, g := range m.t.CollectionGroups {
		names = append(names, g.Name)
	}
	m.rename(collectionGroupName, names)
	for i := range m.t.CollectionGroups {
		g := &m.t.CollectionGroups[i]
		if g.Name = m.ours(collectionGroupName, g.Name); g.DisplayName == "" {
			g.DisplayName = g.Name
			m.note("collection group %s has no display name: %s is taken", g.Name, g.Name)
		}
		m.oursOf(collectionName, g.Collections)
		g.Collections = slices.DeleteFunc(g.Collections, func(name string) bool { return !m.hasCollection(name) })
	}
}

func (m *mending) hasCollection(name string) bool {
	return slices.ContainsFunc(m.t.Collections, func(c koschei.Collection) bool { return c.Name == name })
}

func (m *mending) packages() {
	known := map[string]bool{}
	for i := range m.t.Collections {
		known[m.t.Collections[i].Name] = true
	}
	m.t.Packages = slices.DeleteFunc(m.t.Packages, func(p edit.TakenPackage) bool { return !known[m.ours(collectionName, p.Collection)] })
	for i := range m.t.Packages {
		p := &m.t.Packages[i]
		p.Collection, p.Name = m.ours(collectionName, p.Collection), m.ours(packageName, p.Name)
		p.Static = m.inRange("package "+p.Name+" of collection "+p.Collection, koschei.NumberPriority, p.Static)
		p.Manual = m.inRange("package "+p.Name+" of collection "+p.Collection, koschei.NumberPriority, p.Manual)
	}
}

func (m *mending) packageGroups() {
	var names []string
	for i := range m.groups {
		names = append(names, m.groups[i].Name)
	}
	m.rename(groupName, names)
	for i := range m.groups {
		g := &m.groups[i]
		m.oursOf(packageName, g.Packages)
		m.oursOf(userName, g.Maintainers)
		full := koschei.Group{Namespace: m.ours(userName, g.Namespace), Name: m.ours(groupName, g.Name)}.FullName()
		m.t.Groups = append(m.t.Groups, schema.GroupSettings{FullName: full, Packages: g.Packages, Maintainers: g.Maintainers})
	}
}
