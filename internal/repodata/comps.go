package repodata

import (
	"fmt"
	"io"
	"strings"
)

// A MemberKind says when installing a group installs a member.
type MemberKind uint8

// The kinds of members. A conditional member belongs to the group only if
// another package is installed. OtherKind is any type that we have no name for,
// as the "unknown" that Koji stores for those that its client has none for;
// nothing installs such a member.
const (
	Mandatory MemberKind = iota
	Default
	Optional
	Conditional
	OtherKind
)

// A Member is a package that comps.xml lists in a group.
type Member struct {
	Name     string
	Kind     MemberKind
	Requires string // of a conditional member: the package it depends on
}

// A Group is a group of comps.xml. Unlike packages, groups may be kept.
type Group struct {
	ID, Name string
	Members  []Member
	Groups   []string // IDs of the groups that installing this one installs too
}

// ScanComps reads a comps.xml. Groups of one ID are joined.
func ScanComps(r io.Reader) ([]Group, error) {
	c := compsReader{scanner: newScanner(r), index: make(map[string]int)}
	if err := c.root("comps"); err != nil {
		return nil, err
	}
	for {
		more, err := c.child()
		if err != nil {
			return nil, err
		}
		if !more {
			return c.groups, c.finish()
		}
		if string(c.name) == "group" {
			err = c.readGroup()
		} else {
			err = c.skip()
		}
		if err != nil {
			return nil, err
		}
	}
}

type compsReader struct {
	*scanner
	groups  []Group
	index   map[string]int
	members int
}

func (c *compsReader) readGroup() error {
	var g Group
	for {
		more, err := c.child()
		if err != nil {
			return err
		}
		if !more {
			return c.add(g)
		}
		switch string(c.name) {
		case "id":
			g.ID, err = c.ownText()
		case "name":
			// Translations follow with xml:lang.
			if c.attr("xml:lang") != "" {
				err = c.skip()
			} else {
				g.Name, err = c.ownText()
			}
		case "packagelist":
			err = c.readMembers(&g)
		case "grouplist":
			err = c.readRequired(&g)
		default:
			err = c.skip()
		}
		if err != nil {
			return err
		}
	}
}

func (c *compsReader) add(g Group) error {
	if g.ID == "" {
		return nil // nobody can ask for it
	}
	if i, known := c.index[g.ID]; known {
		c.groups[i].Members = append(c.groups[i].Members, g.Members...)
		c.groups[i].Groups = append(c.groups[i].Groups, g.Groups...)
		return nil
	}
	if len(c.groups) == maxGroups {
		return c.errorf(c.pos, "more than the %d groups allowed", maxGroups)
	}
	c.index[g.ID] = len(c.groups)
	c.groups = append(c.groups, g)
	return nil
}

func (c *compsReader) readMembers(g *Group) error {
	for {
		more, err := c.child()
		if err != nil || !more {
			return err
		}
		if string(c.name) != "packagereq" {
			if err := c.skip(); err != nil {
				return err
			}
			continue
		}
		m := Member{Requires: strings.Clone(c.attr("requires"))}
		m.Kind = c.memberKind()
		if m.Name, err = c.ownText(); err != nil {
			return err
		}
		if c.members++; c.members > maxMembers {
			return c.errorf(c.pos, "more than the %d group members allowed", maxMembers)
		}
		if m.Name != "" {
			g.Members = append(g.Members, m)
		}
	}
}

func (c *compsReader) memberKind() MemberKind {
	switch c.attr("type") {
	case "mandatory":
		return Mandatory
	case "default":
		return Default
	case "optional":
		return Optional
	case "conditional":
		return Conditional
	}
	if !c.hasAttr("type") {
		return Mandatory
	}
	return OtherKind
}

// readRequired reads a group's list of groups. Koji writes groupreq, with the
// types of packagereq; others write groupid.
func (c *compsReader) readRequired(g *Group) error {
	for {
		more, err := c.child()
		if err != nil || !more {
			return err
		}
		isRequired := string(c.name) == "groupid"
		if string(c.name) == "groupreq" {
			kind := c.memberKind()
			isRequired = kind == Mandatory || kind == Default
		}
		if !isRequired {
			if err := c.skip(); err != nil {
				return err
			}
			continue
		}
		id, err := c.ownText()
		if err != nil {
			return err
		}
		if c.members++; c.members > maxMembers {
			return c.errorf(c.pos, "more than the %d group members allowed", maxMembers)
		}
		g.Groups = append(g.Groups, id)
	}
}

// ownText is the content of the element just entered, copied.
func (c *compsReader) ownText() (string, error) {
	c.hold()
	defer c.release()
	text, err := c.content()
	return strings.Clone(trimmed(text)), err
}

// Install lists what installing the group id installs, as mock does: mandatory
// and default members, then those of the groups it requires. Each package is
// named once. A group that does not exist is an error that wraps ErrNoGroup.
func Install(groups []Group, id string) ([]string, error) {
	byID := make(map[string]*Group, len(groups))
	for i := range groups {
		byID[groups[i].ID] = &groups[i]
	}
	if byID[id] == nil {
		return nil, fmt.Errorf("group %q: %w", id, ErrNoGroup)
	}
	var names []string
	listed := make(map[string]bool)
	for queue, queued := []string{id}, map[string]bool{id: true}; len(queue) > 0; queue = queue[1:] {
		g := byID[queue[0]]
		for _, m := range g.Members {
			if (m.Kind == Mandatory || m.Kind == Default) && !listed[m.Name] {
				listed[m.Name] = true
				names = append(names, m.Name)
			}
		}
		for _, required := range g.Groups {
			if byID[required] == nil {
				return nil, fmt.Errorf("group %q requires group %q: %w", g.ID, required, ErrNoGroup)
			}
			if !queued[required] {
				queued[required] = true
				queue = append(queue, required)
			}
		}
	}
	return names, nil
}
