package letter

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	text "text/template"
	"unicode/utf8"

	"github.com/koschei-ci/koschei"
)

//go:embed letter.html letter.txt
var files embed.FS

// A Writer words letters. It is made by NewWriter and safe for concurrent use.
type Writer struct {
	site *url.URL
	html *template.Template
	text *text.Template
}

// NewWriter returns a writer of letters that link to the pages at a site, such as
// https://koschei.example.org.
func NewWriter(site *url.URL) (*Writer, error) {
	html, err := template.ParseFS(files, "letter.html")
	if err != nil {
		return nil, err
	}
	plain, err := text.New("letter.txt").Funcs(text.FuncMap{"wrap": wrap}).ParseFS(files, "letter.txt")
	if err != nil {
		return nil, err
	}
	return &Writer{site, html, plain}, nil
}

// A Worded is a letter that can be sent.
type Worded struct {
	Subject     string
	Text, HTML  []byte
	Unsubscribe string // address that ends the subscription
}

// Write words a letter.
func (w *Writer) Write(l *koschei.Letter) (*Worded, error) {
	v := w.view(l)
	out := &Worded{Subject: v.Subject, Unsubscribe: v.Unsubscribe}
	var plain, html bytes.Buffer
	if err := w.text.Execute(&plain, v); err != nil {
		return nil, fmt.Errorf("wording a letter: %w", err)
	}
	if err := w.html.Execute(&html, v); err != nil {
		return nil, fmt.Errorf("wording a letter: %w", err)
	}
	out.Text, out.HTML = plain.Bytes(), html.Bytes()
	return out, nil
}

// A view is a letter as the templates have it.
type view struct {
	Subject     string
	Headline    string
	Cause       string
	Sections    []section
	Single      bool // there is one change, told in full
	Followed    string
	Pace        string
	Unsubscribe string
}

// A section are changes of one kind.
type section struct {
	Title   string // "" if the headline says it
	Class   string // ok, bad or none
	Changes []change
	More    int // that are not listed
	MoreURL string
}

type change struct {
	Name     string // package, or what stands for a buildroot
	Place    string
	Sentence string
	URL      string
	Since    string
	Problems []string
	Build    string
	BuildURL string
	Changed  []string
	More     int
}

// mostListed is how many packages a section lists; a page has the others.
const mostListed = 100

func (w *Writer) view(l *koschei.Letter) *view {
	v := &view{
		Cause: l.Cause, Followed: l.Subscription.Followed(), Pace: string(l.Subscription.Pace), Single: len(l.Changes) == 1,
		Unsubscribe: w.address(nil, "unsubscribe", l.Subscription.Token),
	}
	var broken, mended, other []koschei.LetterChange
	for _, c := range l.Changes {
		switch {
		case c.After == koschei.StateFailing || c.After == koschei.StateUnresolved:
			broken = append(broken, c)
		case c.After == koschei.StateOK && c.Before != koschei.StateIgnored && c.Before != koschei.StateUnknown:
			mended = append(mended, c)
		default:
			other = append(other, c)
		}
	}
	v.Subject, v.Headline = headline(l, len(broken), len(mended), len(other))
	for _, s := range []struct {
		title, class string
		changes      []koschei.LetterChange
	}{{"Broken", "bad", broken}, {"Mended", "ok", mended}, {"Otherwise changed", "none", other}} {
		if len(s.changes) > 0 {
			section := w.section(s.title, s.class, s.changes)
			if l.Cause != "" && !v.Single { // it says all of that once
				for i := range section.Changes {
					section.Changes[i].Sentence, section.Changes[i].Problems = "", nil
				}
			}
			v.Sections = append(v.Sections, section)
		}
	}
	if len(v.Sections) == 1 {
		v.Sections[0].Title = ""
	}
	return v
}

func (w *Writer) section(title, class string, changes []koschei.LetterChange) section {
	s := section{Title: title, Class: class}
	if n := len(changes); n > mostListed {
		s.More, changes = n-mostListed, changes[:mostListed]
		s.MoreURL = w.address(url.Values{"collection": {changes[0].Collection}}, "packages")
	}
	for i := range changes {
		s.Changes = append(s.Changes, w.change(&changes[i]))
	}
	return s
}

func (w *Writer) change(c *koschei.LetterChange) change {
	out := change{
		Name: c.Package, Place: c.CollectionName, Sentence: sentence(c), Since: c.At.UTC().Format("2006-01-02 15:04 UTC"),
		Problems: c.Problems, Changed: c.Build.Changes, More: c.Build.More,
		URL: w.address(url.Values{"collection": {c.Collection}}, "package", c.Package),
	}
	if c.Package == "" {
		out.Name, out.URL = "base buildroot", w.address(nil, "collection", c.Collection)
	}
	if c.Build.ID != 0 {
		out.Build, out.BuildURL = c.Build.EVR, w.address(nil, "build", fmt.Sprint(c.Build.ID))
		if c.Package != "" {
			out.Build = c.Package + " " + c.Build.EVR
		}
	}
	return out
}

// sentence says what became of something.
func sentence(c *koschei.LetterChange) string {
	if c.Package == "" {
		switch c.After {
		case koschei.StateUnresolved:
			return "The base buildroot cannot be installed, so nothing can be built."
		case koschei.StateOK:
			return "The base buildroot can be installed."
		}
	}
	was := map[koschei.State]string{
		koschei.StateOK: "It was fine before.", koschei.StateFailing: "Its builds failed before.",
		koschei.StateUnresolved: "Its build dependencies could not be installed before.", koschei.StateIgnored: "It was not watched before.",
	}[c.Before]
	now := map[koschei.State]string{
		koschei.StateOK: "It builds.", koschei.StateFailing: "It no longer builds.",
		koschei.StateUnresolved: "Its build dependencies cannot be installed.", koschei.StateIgnored: "It is no longer watched.",
	}[c.After]
	if c.After == koschei.StateFailing && c.Before != koschei.StateOK {
		now = "Its build fails."
	}
	return strings.TrimSpace(now + " " + was)
}

// stateWord is a state as subjects have it.
func stateWord(before, after koschei.State) string {
	switch {
	case after == koschei.StateOK && (before == koschei.StateFailing || before == koschei.StateUnresolved):
		return "ok again"
	case after == koschei.StateIgnored:
		return "no longer watched"
	}
	return string(after)
}

// headline is the subject of a letter, and its first line.
func headline(l *koschei.Letter, broken, mended, other int) (subject, line string) {
	first := l.Changes[0]
	if len(l.Changes) == 1 {
		name := first.Package
		if name == "" {
			name = "base buildroot"
		}
		state := stateWord(first.Before, first.After)
		return fmt.Sprintf("[koschei] %s %s: %s", first.Collection, name, state), fmt.Sprintf("%s in %s: %s", name, first.CollectionName, state)
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{broken, "broken"}, {mended, "ok again"}, {other, "otherwise changed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	where, place := first.Collection, first.CollectionName
	elsewhere := func(c koschei.LetterChange) bool { return c.Collection != first.Collection }
	if slices.ContainsFunc(l.Changes, elsewhere) {
		where, place = "several collections", "several collections"
	}
	what := strings.Join(parts, ", ")
	subject = fmt.Sprintf("[koschei] %s: %s", where, what)
	if l.Cause != "" {
		subject += ": " + shorten(l.Cause, 60)
	}
	return subject, fmt.Sprintf("%s: %s", place, what)
}

func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// address is that of a page.
func (w *Writer) address(query url.Values, path ...string) string {
	for i := range path {
		path[i] = url.PathEscape(path[i])
	}
	u := w.site.JoinPath(path...)
	u.RawQuery = query.Encode()
	return u.String()
}

// wrap breaks a text into lines of at most 72 columns where it has spaces; the
// first begins with first, the others with rest.
func wrap(first, rest, text string) string {
	const width = 72
	var out strings.Builder
	line, empty := first, true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			out.WriteString(strings.TrimRight(line, " ") + "\n")
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	out.WriteString(line)
	return out.String()
}
