package pages

import (
	"html/template"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// shownChanges is how many rows a list has before the rest is folded away.
const shownChanges = 10

// A changesView is a table of dependency changes, nearest first.
type changesView struct {
	Shown  []changeRow
	Folded []changeRow
}

// Count is the number of changes.
func (v changesView) Count() int { return len(v.Shown) + len(v.Folded) }

// A changeRow is one dependency that differs.
type changeRow struct {
	Name     string
	Kind     string // "added", "removed", "upgraded", "downgraded" or "changed"
	Sign     string // of Kind
	Prev     template.HTML
	Curr     template.HTML
	Distance string // "1" to "4", "B" for none, "" where distances do not count
	Meaning  string // of Distance
}

func changesOf(changes []koschei.Change) changesView {
	var rows []changeRow
	for _, c := range changes {
		rows = append(rows, changeOf(c))
	}
	n := len(rows)
	if n > shownChanges {
		n = shownChanges
	}
	return changesView{rows[:n], rows[n:]}
}

func changeOf(c koschei.Change) changeRow {
	row := changeRow{Name: c.Name, Distance: "B", Meaning: "in the build group, or more than four requirements away"}
	if c.Distance != koschei.NoDistance {
		row.Distance = distanceSign(c.Distance)
		row.Meaning = plural(c.Distance, "requirement") + " away"
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
	switch order := c.Curr.EVR.Order(c.Prev.EVR); {
	case order > 0:
		return "upgraded", "↑"
	case order < 0:
		return "downgraded", "↓"
	}
	return "changed", "↔"
}

// evrDifference writes two versions of a package, what first differs in bold.
// The architecture is told only where it is what differs.
func evrDifference(prev, curr *rpm.NEVRA) (before, after template.HTML) {
	switch {
	case prev == nil && curr == nil:
		return "", ""
	case prev == nil:
		return "", emphasized(curr.EVR, "", -1)
	case curr == nil:
		return emphasized(prev.EVR, "", -1), ""
	}
	prevArch, currArch := "", ""
	if prev.Arch != curr.Arch {
		prevArch, currArch = "."+prev.Arch, "."+curr.Arch
	}
	n := firstDifference(components(prev.EVR.String()+prevArch), components(curr.EVR.String()+currArch))
	return emphasized(prev.EVR, prevArch, n), emphasized(curr.EVR, currArch, n)
}

const separators = "-._~^:"

// components splits a version where people look for what has changed. Each
// keeps the separator behind it.
func components(s string) []string {
	var parts []string
	for s != "" {
		end := strings.IndexAny(s, separators) + 1
		if end == 0 {
			end = len(s)
		}
		parts, s = append(parts, s[:end]), s[end:]
	}
	return parts
}

func bare(component string) string { return strings.TrimRight(component, separators) }

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

// emphasized writes evr with its component number bold in bold.
func emphasized(evr rpm.EVR, arch string, bold int) template.HTML {
	whole := evr.String() + arch
	cut := len(whole)
	if len(evr.Release) > longRelease && arch == "" {
		cut = len(whole) - len(evr.Release) + shortRelease
	}
	var b strings.Builder
	length := 0
	for i, part := range components(whole) {
		if i == bold { // is always shown whole
			cut = max(cut, length+len(part))
			text := bare(part)
			b.WriteString("<b>" + template.HTMLEscapeString(text) + "</b>" + template.HTMLEscapeString(part[len(text):]))
		} else {
			b.WriteString(template.HTMLEscapeString(part[:min(len(part), max(0, cut-length))]))
		}
		length += len(part)
	}
	title, ellipsis := "", ""
	if cut < len(whole) {
		title, ellipsis = ` title="`+template.HTMLEscapeString(whole)+`"`, "…"
	}
	return template.HTML(`<span class="evr"` + title + `>` + b.String() + ellipsis + `</span>`) //nolint:gosec // escaped
}
