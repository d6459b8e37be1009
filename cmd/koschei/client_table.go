package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/koschei-ci/koschei"
)

// A table prints what people read: on a terminal columns below a head, with colours
// unless NO_COLOR is set; for programs fields with tabs between them and no head.
type table struct {
	w        io.Writer
	terminal bool
	colour   bool
	client   *client
	rows     [][]cell
	head     []string
	failed   error
}

// A cell is a text with the colour that it has on a terminal, "" for none.
type cell struct {
	text, colour string
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
)

// newTable makes a table that is written into w and shown on out.
func newTable(w, out io.Writer, c *client) *table {
	f, ok := out.(*os.File)
	terminal := ok && isTerminal(f)
	return &table{w: w, terminal: terminal, colour: terminal && os.Getenv("NO_COLOR") == "", client: c}
}

// line prints a line of its own, after what the table has so far.
func (t *table) line(format string, args ...any) {
	t.flush()
	_, err := fmt.Fprintf(t.w, format+"\n", args...)
	t.fail(err)
}

// columns names the columns of what follows.
func (t *table) columns(names ...string) {
	t.flush()
	t.head = names
}

// row adds a row of texts and cells.
func (t *table) row(cells ...any) {
	var row []cell
	for _, c := range cells {
		made, ok := c.(cell)
		if !ok {
			made = cell{text: fmt.Sprint(c)}
		}
		made.text = printable(made.text)
		row = append(row, made)
	}
	t.rows = append(t.rows, row)
}

// printable keeps what others wrote from moving the cursor about.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 {
			return ' '
		}
		return c
	}, text)
}

func (t *table) fail(err error) {
	if t.failed == nil {
		t.failed = err
	}
}

func (t *table) end() error {
	t.flush()
	return t.failed
}

// flush prints the rows there are.
func (t *table) flush() {
	rows, head := t.rows, t.head
	t.rows, t.head = nil, nil
	if t.terminal && len(rows) > 0 && len(head) > 0 {
		var first []cell
		for _, name := range head {
			first = append(first, cell{strings.ToUpper(name), dim})
		}
		rows = append([][]cell{first}, rows...)
	}
	widths := map[int]int{}
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, row := range rows {
		_, err := io.WriteString(t.w, t.text(row, widths)+"\n")
		t.fail(err)
	}
}

func (t *table) text(row []cell, widths map[int]int) string {
	var out strings.Builder
	for i, c := range row {
		text := c.text
		if t.colour && c.colour != "" && text != "" {
			text = "\x1b[" + c.colour + "m" + text + "\x1b[0m"
		}
		out.WriteString(text)
		switch {
		case i == len(row)-1:
		case t.terminal:
			out.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
		default:
			out.WriteByte('\t')
		}
	}
	return out.String()
}

// ago tells when something was.
func (t *table) ago(at time.Time) string {
	switch {
	case at.IsZero():
		return ""
	case t.client.utc:
		return at.UTC().Format(time.RFC3339)
	}
	return span(t.client.now().Sub(at))
}

// span is an age, or how long it takes until something.
func span(age time.Duration) string {
	form := "%s ago"
	if age < 0 {
		age, form = -age, "in %s"
	}
	switch {
	case age < time.Minute:
		return "just now"
	case age < 2*time.Hour:
		return fmt.Sprintf(form, fmt.Sprintf("%d min", int(age.Minutes())))
	case age < 48*time.Hour:
		return fmt.Sprintf(form, fmt.Sprintf("%d h", int(age.Hours())))
	}
	return fmt.Sprintf(form, fmt.Sprintf("%d days", int(age.Hours()/24)))
}

// stateCell is a state in its colour.
func stateCell(s koschei.State) cell {
	colours := map[koschei.State]string{
		koschei.StateOK: green, koschei.StateFailing: red, koschei.StateUnresolved: yellow, koschei.StateUntracked: dim, koschei.StateBlocked: dim,
	}
	return cell{string(s), colours[s]}
}

// outcomeCell is an outcome in its colour.
func outcomeCell(o koschei.Outcome) cell {
	colours := map[koschei.Outcome]string{koschei.OutcomeComplete: green, koschei.OutcomeFailed: red}
	return cell{string(o), colours[o]}
}
