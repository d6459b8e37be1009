package html

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Time is a moment as readers see it.
type Time struct {
	Words   string // how long ago it is
	Exact   string // in UTC; "" if there is no moment
	Machine string // the same as programs read it
}

// relativeTime says how long ago t is at now.
func relativeTime(t, now time.Time) Time {
	if t.IsZero() {
		return Time{Words: "–"}
	}
	words := "just now"
	switch d := now.Sub(t); {
	case d >= 10*time.Second:
		words = Span(d) + " ago"
	case d <= -10*time.Second:
		words = "in " + Span(-d)
	}
	return timeOf(t, words)
}

// expectedTime says when what was expected at t comes, at now. It never says that it has
// come: whoever reads that knows only that it was expected.
func expectedTime(t, now time.Time) Time {
	if t.IsZero() {
		return Time{Words: "–"}
	}
	words := "any moment"
	switch d := now.Sub(t); {
	case d >= anyMoment:
		words = "overdue by " + Span(d)
	case d <= -10*time.Second:
		words = "in " + Span(-d)
	}
	return timeOf(t, words)
}

// anyMoment is how late something may be before it is called overdue.
const anyMoment = time.Minute

// Ago is how long ago something was, in words.
func Ago(d time.Duration) string {
	if d < 10*time.Second {
		return "just now"
	}
	return Span(d) + " ago"
}

func timeOf(t time.Time, words string) Time {
	t = t.UTC()
	return Time{words, t.Format("2006-01-02 15:04:05"), t.Format(time.RFC3339)}
}

// Span is a length of time in its largest unit.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	units := []struct {
		name string
		size time.Duration
		from time.Duration // shorter ones are told in the next unit
	}{
		{"year", 365 * day, 2 * 365 * day},
		{"month", 30 * day, 60 * day},
		{"week", 7 * day, 21 * day},
		{"day", day, 2 * day},
		{"hour", time.Hour, 2 * time.Hour},
		{"minute", time.Minute, 2 * time.Minute},
	}
	for _, u := range units {
		if d >= u.from {
			return Plural(int(d/u.size), u.name)
		}
	}
	return Plural(int(d/time.Second), "second")
}

// Plural is n with the noun in the form it takes.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Duration is short, for tables: 1 d 3 h, 2 h 5 min, 12 min, 40 s.
func Duration(d time.Duration) string {
	d = max(d, 0)
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case hours > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%d min", minutes)
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}

// Count writes n with its thousands set off.
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Points writes a priority or a term of one.
func Points(f float64) string { return Count(int(math.Round(f))) }

// Sentence makes one of words that begin lower case and have no end.
func Sentence(words string) string {
	first, size := utf8.DecodeRuneInString(words)
	if size == 0 || strings.HasSuffix(words, ".") {
		return words
	}
	return string(unicode.ToUpper(first)) + words[size:] + "."
}
