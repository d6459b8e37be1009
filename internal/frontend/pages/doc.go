// Package pages shows the record to people: it turns what package postgres
// reads into HTML, at the addresses Koschei's users know. Package frontend
// serves it.
//
// There is one file for each noun, with its handlers, the views its templates
// are given, and what turns the one into the other; templates/ has a template
// for each. A handler writes the page or returns an error: what wraps
// koschei.ErrNotFound or koschei.ErrInvalid begins with a sentence for the
// user, any other is none of theirs.
//
// Pages work without JavaScript and load nothing but the style sheet that is
// built in. They change nothing and never ask Koji. Times are domain time.
package pages
