// Package bugreport words reports of bugs: that a package does not build, or that
// its build dependencies cannot be installed, with what the record proves of why.
// The pages lead to a form of a Bugzilla that is filled in with it, and the notifier
// files it there. It is pure.
package bugreport

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/koschei-ci/koschei/internal/buildlog"
)

// A Report is what is known of a package that is broken. What is not known is left
// out of the words.
type Report struct {
	Package    string
	EVR        string // of the build that failed
	Collection string // its display name

	Unresolved bool     // the build dependencies cannot be installed
	Problems   []string // why, in the solver's words

	Say      string   // why it is broken as far as that is proved, in sentences
	Evidence []string // what Say rests on

	Suspects []string // updates that may have broken it, the nearest first
	More     int      // further ones

	Log     string // that the excerpt is of
	Arch    string
	Excerpt []buildlog.Line

	URL string // of the page about it
}

// Summary is one line that says what is wrong.
func (r *Report) Summary() string {
	what := "FTBFS"
	if r.Unresolved {
		what = "build dependencies cannot be installed"
	}
	return cut(fmt.Sprintf("%s: %s in %s", r.Package, what, r.Collection), longestSummary)
}

const (
	longestSummary = 255    // what Bugzilla takes
	longestText    = 60_000 // less than Bugzilla takes

	// longestForm keeps the address of a form below what proxies let through.
	longestForm = 6000

	fewestLines = 3 // of an excerpt that is cut; with fewer it says nothing
)

// Text is the whole report, of at most some 60,000 characters.
func (r *Report) Text() string {
	return r.fitting(func(text string) bool { return len(text) <= longestText })
}

// Form is the address of a form of a Bugzilla that is filled in. The excerpt is cut
// first to keep it short.
func (r *Report) Form(bugzilla, product, version string) string {
	form := func(text string) string {
		return bugzilla + "/enter_bug.cgi?" + url.Values{
			"product": {product}, "version": {version}, "component": {r.Package}, "bug_file_loc": {r.URL},
			"short_desc": {r.Summary()}, "comment": {text},
		}.Encode()
	}
	return form(r.fitting(func(text string) bool { return len(form(text)) <= longestForm }))
}

// fitting is the longest text that fits. What is least telling is left out first:
// the beginning of the excerpt, then further suspects and evidence, at last the end
// of what remains.
func (r *Report) fitting(fits func(string) bool) string {
	short := *r
	for {
		text := short.words()
		switch {
		case fits(text):
			return text
		case len(short.Excerpt) > fewestLines:
			short.Excerpt = short.Excerpt[max(1, len(short.Excerpt)/8):]
		case len(short.Excerpt) > 0:
			short.Excerpt = nil
		case len(short.Suspects) > 1:
			n := len(short.Suspects)
			short.Suspects, short.More = short.Suspects[:n/2], short.More+n-n/2
		case len(short.Problems) > 1:
			short.Problems = short.Problems[:len(short.Problems)/2]
		case len(short.Evidence) > 0:
			short.Evidence = short.Evidence[:len(short.Evidence)-1]
		default:
			return endingWith(text, "\n\nAll about it: "+r.URL, fits)
		}
	}
}

// endingWith is as much of text as fits with an end.
func endingWith(text, end string, fits func(string) bool) string {
	runes := []rune(strings.TrimSuffix(text, end))
	for len(runes) > 0 && !fits(string(runes)+"…"+end) {
		runes = runes[:len(runes)*3/4]
	}
	return string(runes) + "…" + end
}

// words are all of it.
func (r *Report) words() string {
	var b strings.Builder
	name := r.Package
	if r.EVR != "" && !r.Unresolved {
		name += "-" + r.EVR
	}
	if r.Unresolved {
		fmt.Fprintf(&b, "The build dependencies of package %s cannot be installed in %s.", name, r.Collection)
	} else {
		fmt.Fprintf(&b, "Package %s fails to build from source in %s.", name, r.Collection)
	}
	if r.Say != "" {
		b.WriteString("\n\n" + r.Say)
	}
	list(&b, "", r.Evidence, 0)
	list(&b, "The problems:", r.Problems, 0)
	list(&b, "What changed in its buildroot before it broke, the nearest first:", r.Suspects, r.More)
	if len(r.Excerpt) > 0 {
		of := r.Log
		if r.Arch != "" {
			of += " of " + r.Arch
		}
		fmt.Fprintf(&b, "\n\nFrom %s, line %d:\n", of, r.Excerpt[0].Number)
		for _, line := range r.Excerpt {
			b.WriteString("\n    " + cut(line.Text, 300))
		}
	}
	b.WriteString("\n\nAll about it: " + r.URL)
	return b.String()
}

func list(b *strings.Builder, title string, items []string, more int) {
	if len(items) == 0 {
		return
	}
	if title != "" {
		b.WriteString("\n\n" + title)
	}
	for _, item := range items {
		b.WriteString("\n- " + item)
	}
	if more > 0 {
		fmt.Fprintf(b, "\n- and %d more", more)
	}
}

func cut(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
