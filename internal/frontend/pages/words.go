package pages

import (
	"fmt"
	"html/template"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
)

// funcs are what templates may call.
func (s *Site) funcs() template.FuncMap {
	return template.FuncMap{
		"ago":   func(t time.Time) template.HTML { return relativeTime(t, s.now()) },
		"age":   func(t time.Time) template.HTML { return timeElement(t, span(max(0, s.now().Sub(t)))) },
		"day":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
		"count": count,
		"took":  duration,
		"state": stateMark,
		"mark":  outcomeMark,
		"task":  taskMark,
		"more":  func(n, shown int) string { return count(n - shown) },
		"css":   stylePath,

		"plural":     plural,
		"plural64":   func(n int64, noun string) string { return plural(int(n), noun) },
		"kind":       kindName,
		"realago":    realAgo,
		"distance":   distanceSign,
		"resolution": func(r koschei.Resolution) template.HTML { return mark(outcomeSign(koschei.Outcome(r))) },
		"packageURL": packageURL,
		"yes": func(b bool) string {
			if b {
				return "yes"
			}
			return "no"
		},
	}
}

// relativeTime says how long ago t is, with the time itself as its title.
func relativeTime(t, now time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	words := "just now"
	switch d := now.Sub(t); {
	case d >= 10*time.Second:
		words = span(d) + " ago"
	case d <= -10*time.Second:
		words = "in " + span(-d)
	}
	return timeElement(t, words)
}

// timeElement has words in the text and the time itself as its title.
func timeElement(t time.Time, words string) template.HTML {
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s UTC">%s</time>`,
		t.Format(time.RFC3339), t.Format("2006-01-02 15:04:05"), words))
}

// span is a length of time in its largest unit.
func span(d time.Duration) string {
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
			return plural(int(d/u.size), u.name)
		}
	}
	return plural(int(d/time.Second), "second")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// duration is short, for tables: 1 d 3 h, 2 h 5 min, 12 min, 40 s.
func duration(d time.Duration) string {
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

// count writes n with its thousands set off.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// glyph is what is drawn inside a mark, on a grid of 16 by 16. Each state
// has another shape, so that none depends on colour.
func glyph(name string) string {
	switch name {
	case "tick":
		return `<circle cx="8" cy="8" r="7"/><path class="line" d="M4.5 8.5 7 11l4.5-5.5"/>`
	case "cross":
		return `<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path class="line" d="m5.2 5.2 5.6 5.6m0-5.6-5.6 5.6"/>`
	case "triangle":
		return `<path d="M8 1 15.5 15H.5z"/><path class="line" d="M8 6v4m0 2v1"/>`
	case "bolt":
		return `<path d="M9.5 0 2.5 9.2h4.2L5.6 16l7.9-9.7H9z"/>`
	case "bar":
		return `<circle cx="8" cy="8" r="7"/><path class="line" d="M4.5 8h7"/>`
	case "arc":
		return `<path class="ring" d="M8 2a6 6 0 1 1-5.6 3.9"/><path d="M0 7 4.8 8 4.6 3z"/>`
	case "clock":
		return `<circle cx="8" cy="8" r="7"/><path class="line" d="M8 4v4.5l3 1.5"/>`
	default:
		return `<circle class="ring" cx="8" cy="8" r="6"/><circle cx="8" cy="8" r="1.6"/>`
	}
}

// mark is a coloured sign with its word beside it.
func mark(class, shape, word string) template.HTML {
	return template.HTML(fmt.Sprintf(
		`<span class="mark %s"><svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">%s</svg>%s</span>`,
		class, glyph(shape), template.HTMLEscapeString(word)))
}

func stateMark(s koschei.State) template.HTML { return mark(stateSign(s)) }

// outcomeMark also knows "resolved" and "unresolved".
func outcomeMark(o koschei.Outcome) template.HTML { return mark(outcomeSign(o)) }

func taskMark(s koschei.TaskState) template.HTML { return mark(taskSign(s)) }

func stateSign(s koschei.State) (class, shape, word string) {
	switch s {
	case koschei.StateOK:
		return "good", "tick", "ok"
	case koschei.StateFailing:
		return "bad", "cross", "failing"
	case koschei.StateUnresolved:
		return "warn", "triangle", "unresolved"
	case koschei.StateBlocked:
		return "dim", "bar", "blocked"
	}
	return "dim", "ring", string(s)
}

func outcomeSign(o koschei.Outcome) (class, shape, word string) {
	switch o {
	case koschei.OutcomeComplete:
		return "good", "tick", "complete"
	case koschei.OutcomeFailed:
		return "bad", "cross", "failed"
	case koschei.OutcomeRunning:
		return "busy", "arc", "running"
	case koschei.OutcomeSubmitting:
		return "busy", "arc", "being submitted"
	case koschei.OutcomeCanceled:
		return "dim", "bar", "canceled"
	case koschei.OutcomeTimeout:
		return "dim", "clock", "timed out"
	case koschei.OutcomeInfrastructure:
		return "dim", "bolt", "infrastructure fault"
	case "resolved":
		return "good", "tick", "resolved"
	case "unresolved":
		return "warn", "triangle", "unresolved"
	}
	return "dim", "ring", string(o)
}

func taskSign(s koschei.TaskState) (class, shape, word string) {
	switch s {
	case koschei.TaskClosed:
		return "good", "tick", "closed"
	case koschei.TaskFailed:
		return "bad", "cross", "failed"
	case koschei.TaskOpen:
		return "busy", "arc", "open"
	case koschei.TaskCanceled:
		return "dim", "bar", "canceled"
	case koschei.TaskFree, koschei.TaskAssigned:
		return "dim", "clock", string(s)
	}
	return "dim", "ring", string(s)
}
