// Package buildlog finds what made a build fail in the logs that it left: in which
// phase it was, the first error of a known kind, and the lines around it. Package
// logreader fetches logs and stores what is found here.
//
// It is pure: text in, excerpt out. The first rule that fits a line says what kind
// of error it is; rules are listed from the special to the general. What no rule
// knows is shown as it stands at the end of the phase, without a kind: better no
// answer than a wrong one.
//
// It does not decide whether a build counts; package kojisync does, before.
package buildlog

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLines is how many lines an Excerpt has at most.
const MaxLines = 60

const (
	maxWidth = 400 // runes of a line that are kept
	before   = 8   // lines shown before the error
	tail     = 12  // lines shown of the end, if the error is far above
)

// A Log is the end of one log of a task.
type Log struct {
	Name string // as "build.log"
	Text []byte
	Cut  bool // the beginning is missing: line numbers count from where Text begins
}

// A Line is a line of a log.
type Line struct {
	Number int // from 1 on, in the log; from where the text begins if that was cut
	Text   string
}

// An Excerpt is what a log tells of a failure.
type Excerpt struct {
	Log       string
	Phase     string // as "%build", "%check", or "chroot init" and "BuildRequires" before rpmbuild; "" if it is not known
	Kind      string // of the error, as "cc.error"; "" if no rule knows it
	Message   string // the error, without places, numbers and the like; "" without a kind
	Error     int    // place of the error in Lines; -1 without a kind
	Lines     []Line // a gap in the numbers is a gap in the log
	Total     int    // lines in the log; 0 if it was cut
	Signature string // the same for errors that say the same; "" without a kind
}

// Find returns what the logs of a task tell, which are given in the order in which
// they count. What a later one knows of goes before what the first does not. It
// reports whether there is a line at all.
func Find(logs ...Log) (Excerpt, bool) {
	var found Excerpt
	for i := range logs {
		e, ok := find(&logs[i])
		switch {
		case !ok:
		case e.Kind != "":
			return e, true
		case found.Lines == nil:
			found = e
		}
	}
	return found, found.Lines != nil
}

func find(log *Log) (Excerpt, bool) {
	lines := split(log.Text)
	if len(lines) == 0 {
		return Excerpt{}, false
	}
	e := Excerpt{Log: log.Name, Error: -1}
	if !log.Cut {
		e.Total = len(lines)
	}
	rules, s := buildRules(), buildStretch(lines)
	if log.Name == "root.log" || log.Name == "mock_output.log" {
		for i := range lines {
			lines[i] = rootPrefix.ReplaceAllString(lines[i], "")
		}
		rules, s = rootRules(), rootStretch(lines)
	}
	e.Phase = s.phase
	at := s.last
	if n, r, message := firstError(lines[s.first:s.last+1], rules); n >= 0 {
		at = s.first + n
		e.Kind, e.Message = r.kind, message
		e.Signature = signature(e.Phase, e.Kind, e.Message)
	}
	e.cut(lines, s, at)
	return e, true
}

// cut takes the lines around the one at a place, and the end of the stretch.
func (e *Excerpt) cut(lines []string, s stretch, at int) {
	add := func(from, to int) {
		for i := from; i < to; i++ {
			e.Lines = append(e.Lines, Line{i + 1, lines[i]})
		}
	}
	end := min(len(lines), s.last+1+4) // what follows a phase that failed says so again
	if e.Kind == "" {
		add(max(s.first, end-MaxLines), end)
		return
	}
	first := max(0, at-before)
	e.Error = at - first
	if end-first <= MaxLines {
		add(first, end)
		return
	}
	add(first, first+MaxLines-tail)
	add(end-tail, end)
}

// A stretch is the part of a log that an error is looked for in.
type stretch struct {
	first, last int
	phase       string
}

var (
	rootPrefix = regexp.MustCompile(`^[A-Z]+ +\S+:\d+: {1,2}`)
	executing  = regexp.MustCompile(`^Executing\((%\w+|rmbuild)\): `)
	badExit    = regexp.MustCompile(`^(?:error: )?Bad exit status from \S+ \((%\w+|rmbuild)\)`)
	ended      = regexp.MustCompile(`^(?:RPM build errors:|(?:error: )?Failed build dependencies:)`)
)

// buildStretch is the phase of rpmbuild that failed, or that came last.
func buildStretch(lines []string) stretch {
	s := stretch{last: len(lines) - 1}
	for i, line := range lines {
		if m := badExit.FindStringSubmatch(line); m != nil {
			s.last, s.phase = i, m[1]
			break
		}
		if ended.MatchString(line) {
			s.last = min(len(lines)-1, i+listed)
			break
		}
	}
	for i := s.last; i >= 0; i-- {
		if m := executing.FindStringSubmatch(lines[i]); m != nil && (s.phase == "" || s.phase == m[1]) {
			s.first, s.phase = i, m[1]
			break
		}
	}
	return s
}

// listed is how many lines after the end are looked at: what is wrong may be listed
// there, such as files that are not packaged.
const listed = 20

// rootStretch is the command of mock that failed: making the buildroot, or
// installing the BuildRequires.
func rootStretch(lines []string) stretch {
	s := stretch{last: len(lines) - 1}
	for i, line := range lines {
		if strings.HasPrefix(line, "Executing command: ") || strings.HasPrefix(line, "Start: ") {
			s.first = i
			switch {
			case strings.Contains(line, "builddep"), strings.Contains(line, "build setup"):
				s.phase = "BuildRequires"
			case strings.Contains(line, " install "), strings.Contains(line, "chroot init"):
				s.phase = "chroot init"
			}
		}
	}
	return s
}

// firstError returns the place of the first line that a rule with a cause knows,
// else of the first that any does, with the rule and its message; -1 if there is
// none. Rules that only say that something above went wrong have no cause.
func firstError(lines []string, rules []rule) (place int, of *rule, message string) {
	place = -1
	for i, line := range lines {
		for n := range rules {
			r := &rules[n]
			if place >= 0 && r.weak {
				continue
			}
			m := r.pattern.FindStringSubmatch(line)
			if m == nil || r.but != nil && r.but.MatchString(line) {
				continue
			}
			if !r.weak {
				return i, r, r.message(line, m)
			}
			place, of, message = i, r, r.message(line, m)
			break
		}
	}
	return place, of, message
}

// split makes lines of a log, as they can be shown: progress that overwrote itself
// becomes lines of its own, and what cannot be printed is left out.
func split(text []byte) []string {
	text = bytes.TrimRight(ansi.ReplaceAll(text, nil), "\r\n ")
	if len(text) == 0 {
		return nil
	}
	var lines []string
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		parts := bytes.Split(bytes.TrimRight(line, "\r"), []byte("\r"))
		lines = append(lines, printable(parts[len(parts)-1]))
	}
	return lines
}

var ansi = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

func printable(line []byte) string {
	var b strings.Builder
	n := 0
	for len(line) > 0 {
		if n == maxWidth {
			b.WriteString("…")
			break
		}
		r, size := utf8.DecodeRune(line)
		line = line[size:]
		switch {
		case r == '\t':
			b.WriteString("    ")
		case r == utf8.RuneError && size == 1:
			b.WriteByte('?')
		case !unicode.IsPrint(r):
			continue
		default:
			b.WriteRune(r)
		}
		n++
	}
	return strings.TrimRight(b.String(), " ")
}

// Texts are the lines without their numbers.
func (e *Excerpt) Texts() []string {
	texts := make([]string, len(e.Lines))
	for i := range e.Lines {
		texts[i] = e.Lines[i].Text
	}
	return texts
}
