package html

import (
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// shownChanges is how many rows a list has before the rest is folded away.
const shownChanges = 10

// A Changes is a table of dependency changes, nearest first.
type Changes struct {
	Shown  []Change
	Folded []Change
}

// Count is the number of changes.
func (v Changes) Count() int { return len(v.Shown) + len(v.Folded) }

// A Change is one dependency that differs.
type Change struct {
	Name     string
	Kind     string // "added", "removed", "upgraded", "downgraded" or "changed"
	Sign     string // of Kind
	Prev     *EVR   // nil if it was added
	Curr     *EVR   // nil if it was removed
	Distance string // "1" to "4", "B" for none, "" where distances do not count
	Meaning  string // of Distance
}

// ChangesOf shows changes, all but the first few folded away.
func ChangesOf(changes []koschei.Change) Changes {
	var rows []Change
	for _, c := range changes {
		rows = append(rows, ChangeOf(c))
	}
	n := len(rows)
	if n > shownChanges {
		n = shownChanges
	}
	return Changes{rows[:n], rows[n:]}
}

// ChangeOf shows a change.
func ChangeOf(c koschei.Change) Change {
	row := Change{Name: c.Name, Distance: "B", Meaning: "in the build group, or more than four requirements away"}
	if c.Distance != koschei.NoDistance {
		row.Distance = distanceSign(c.Distance)
		row.Meaning = Plural(c.Distance, "requirement") + " away"
		if c.Distance == 1 {
			row.Meaning = "required by the package itself"
		}
	}
	row.Prev, row.Curr = evrDifference(c.Prev, c.Curr)
	row.Kind, row.Sign = changeKind(c)
	return row
}

// distanceSign is the distance, or B for what is in the base buildroot or far.
func distanceSign(distance int) string {
	if distance == koschei.NoDistance {
		return "B"
	}
	return strconv.Itoa(distance)
}

func changeKind(c koschei.Change) (kind, sign string) {
	switch {
	case c.Prev == nil:
		return "added", "+"
	case c.Curr == nil:
		return "removed", "−"
	}
	switch order := c.Curr.Order(c.Prev.EVR); {
	case order > 0:
		return "upgraded", "↑"
	case order < 0:
		return "downgraded", "↓"
	}
	return "changed", "↔"
}

// An EVR is a version of which one component is emphasized.
type EVR struct {
	Before string
	Bold   string // "" if none is
	After  string
	Whole  string // "" unless something was cut off at the end
}

// evrDifference shows two versions of a package, what first differs in bold.
// The architecture is told only where it is what differs.
func evrDifference(prev, curr *rpm.NEVRA) (before, after *EVR) {
	switch {
	case prev == nil && curr == nil:
		return nil, nil
	case prev == nil:
		return nil, emphasized(curr.EVR, "", -1)
	case curr == nil:
		return emphasized(prev.EVR, "", -1), nil
	}
	prevArch, currArch := "", ""
	if prev.Arch != curr.Arch {
		prevArch, currArch = prev.Arch, curr.Arch
	}
	n := firstDifference(versionParts(prev.EVR, prevArch), versionParts(curr.EVR, currArch))
	return emphasized(prev.EVR, prevArch, n), emphasized(curr.EVR, currArch, n)
}

const separators = "-._~^"

// versionParts splits a version where people look for what has changed. Each
// keeps the separator behind it. The first is the epoch, even if that is 0 and
// not shown, the last the architecture if there is one.
func versionParts(evr rpm.EVR, arch string) []string {
	parts := []string{strconv.FormatUint(uint64(evr.Epoch), 10) + ":"}
	rest := evr.Version
	if evr.Release != "" {
		rest += "-" + evr.Release
	}
	for rest != "" {
		end := strings.IndexAny(rest, separators) + 1
		if end == 0 {
			end = len(rest)
		}
		parts, rest = append(parts, rest[:end]), rest[end:]
	}
	if arch != "" {
		parts[len(parts)-1] += "."
		parts = append(parts, arch)
	}
	return parts
}

func bare(component string) string { return strings.TrimRight(component, separators+":") }

func firstDifference(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && bare(a[n]) == bare(b[n]) {
		n++
	}
	return n
}

// A release longer than longRelease, as those are that hold a commit, is cut
// to shortRelease, with the whole as title.
const longRelease, shortRelease = 16, 13

// emphasized is evr with its component number bold in bold.
func emphasized(evr rpm.EVR, arch string, bold int) *EVR {
	parts := versionParts(evr, arch)
	if evr.Epoch == 0 {
		parts[0] = ""
	}
	whole := strings.Join(parts, "")
	cut := len(whole)
	if len(evr.Release) > longRelease && arch == "" {
		cut = len(whole) - len(evr.Release) + shortRelease
	}
	v := &EVR{}
	begin := cut // of the bold component
	if bold >= 0 && bold < len(parts) && parts[bold] != "" {
		begin = len(strings.Join(parts[:bold], ""))
		end := begin + len(parts[bold])
		// It is always shown whole, as is a little behind it.
		if cut = max(cut, end); len(whole)-cut <= len(".fc44")+1 {
			cut = len(whole)
		}
		v.Bold = bare(parts[bold])
	}
	v.Before, v.After = whole[:begin], whole[begin+len(v.Bold):cut]
	if cut < len(whole) {
		v.Whole = whole
	}
	return v
}
