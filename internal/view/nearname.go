package view

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/koschei-ci/koschei/internal/postgres"
)

const (
	nearNames    = 4 // that are told
	nearEdits    = 2 // letters that may differ
	nearShortest = 2 // letters of a name that others are near to
)

// Exists says whether a package of that name is in any collection.
func (v *Packages) Exists(ctx context.Context, name string) (exists bool, err error) {
	err = v.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM base_package WHERE name = $1)`, name).Scan(&exists)
	if err != nil {
		return false, fmt.Errorf("looking up package %s: %w", name, err)
	}
	return exists, nil
}

// NearNames returns the names of packages that are spelled nearly as name, the
// nearest first: those that begin with the same letter and differ in one or two, and
// those that begin with all of it.
func (v *Packages) NearNames(ctx context.Context, name string) ([]string, error) {
	name = strings.Trim(name, "*")
	length := utf8.RuneCountInString(name)
	if length < nearShortest {
		return nil, nil
	}
	_, size := utf8.DecodeRuneInString(name)
	first := name[:size]
	found, err := postgres.QueryNames(ctx, v.db, `
		SELECT name
		FROM base_package
		WHERE name >= $1 AND name < $1 || U&'\+10FFFF' AND length(name) BETWEEN $2 AND $3`,
		first, length-nearEdits, length+nearEdits)
	if err != nil {
		return nil, fmt.Errorf("looking for names near %s: %w", name, err)
	}
	type near struct {
		name  string
		edits int
	}
	var list []near
	for _, other := range found {
		if n := edits(name, other); n <= nearEdits && n < length {
			list = append(list, near{other, n})
		}
	}
	slices.SortFunc(list, func(a, b near) int { return cmp.Or(cmp.Compare(a.edits, b.edits), cmp.Compare(a.name, b.name)) })
	var names []string
	for _, n := range list[:min(nearNames, len(list))] {
		names = append(names, n.name)
	}
	return names, nil
}

// edits is how many letters must be put in, left out, exchanged with another, or
// swapped with their neighbour to make b of a.
func edits(a, b string) int {
	s, t := []rune(a), []rune(b)
	older, last, now := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := range s {
		now[0] = i + 1
		for j := range t {
			other := 1
			if s[i] == t[j] {
				other = 0
			}
			now[j+1] = min(last[j+1]+1, now[j]+1, last[j]+other)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				now[j+1] = min(now[j+1], older[j-1]+1)
			}
		}
		older, last, now = last, now, older
	}
	return last[len(t)]
}
