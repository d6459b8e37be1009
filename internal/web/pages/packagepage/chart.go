package packagepage

import (
	"fmt"
	"math"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A chart shows the last builds, one mark each, the newest at the right. Places
// are in percent of its width, so that text is not stretched.
type chart struct {
	Label    string
	Bands    []band // stretches of one state
	Versions []note
	Points   []point
	Culprit  *note // where what broke it came in; nil if that is not known
}

// A band is a stretch of the chart.
type band struct {
	Class    string
	X, Width float64
}

// A note is a text at a place.
type note struct {
	X    float64
	Text string
}

// A point is one build, or a time without one.
type point struct {
	X         float64
	Mark      html.Mark
	URL       string
	Title     string
	Near, Far int // heights of the bars for what had changed
	NearY     int
	FarY      int
	Day       string // "" where it is that of the point before
}

const (
	mostPoints  = 16
	fewPoints   = 3 // of fewer a table tells as much
	barsHeight  = 28
	barsGround  = 92
	barsFullest = 32 // as many changes fill the height
)

// chartOf draws a history; nil if it is too short.
func chartOf(page *view.PackagePage, name string) *chart {
	var entries []view.HistoryEntry
	for _, e := range page.History {
		if e.Build != nil || e.Transition != nil && !e.Transition.Resolved {
			entries = append(entries, e)
		}
	}
	if len(entries) > mostPoints {
		entries = entries[:mostPoints]
	}
	if len(entries) < fewPoints {
		return nil
	}
	slices.Reverse(entries)
	step := 100 / float64(len(entries))
	c := &chart{Label: fmt.Sprintf("The last %d builds, the newest at the right; the table below says the same", len(entries))}
	version, day, band := "", "", ""
	for i, e := range entries {
		x := hundredths(step * float64(i))
		p := pointOf(e, name)
		p.X = hundredths(x + step/2)
		if p.Day == day {
			p.Day = ""
		} else {
			day = p.Day
		}
		if e.Build != nil && e.Build.EVR.String() != version {
			version = e.Build.EVR.String()
			c.Versions = append(c.Versions, note{x, short(version)})
		}
		if class := bandOf(e, band); class == band && len(c.Bands) > 0 {
			c.Bands[len(c.Bands)-1].Width = hundredths(c.Bands[len(c.Bands)-1].Width + step)
		} else {
			band = class
			c.Bands = append(c.Bands, newBand(class, x, step))
		}
		c.Points = append(c.Points, p)
		c.culprit(page, e, x)
	}
	return c
}

func newBand(class string, x, width float64) band { return band{class, x, hundredths(width)} }

// culprit marks where the one package came in that broke it.
func (c *chart) culprit(page *view.PackagePage, e view.HistoryEntry, x float64) {
	bad := page.FirstFailure
	if bad == nil || e.Build == nil || e.Build.ID != bad.ID || len(page.Broke.List) != 1 || page.LastSuccess.EVR != bad.EVR {
		return
	}
	change := page.Broke.List[0]
	c.Culprit = &note{x, change.Name}
	if change.Curr != nil {
		c.Culprit.Text += " " + short(change.Curr.EVR.String())
	}
}

// short cuts what would run into its neighbour.
func short(text string) string {
	const most = 24
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

func pointOf(e view.HistoryEntry, name string) point {
	if t := e.Transition; t != nil {
		return point{
			Mark: html.Mark{Shape: "warn"}, URL: "#builds", Day: t.Changed.UTC().Format("2 Jan"),
			Title: "its dependencies could not be installed",
		}
	}
	b := e.Build
	p := point{
		Mark: html.MarkOf(string(b.Outcome)), URL: fmt.Sprintf("/build/%d", b.ID), Day: b.Started.UTC().Format("2 Jan"),
		Title: fmt.Sprintf("build %d of %s-%s: %s", b.ID, name, b.EVR, html.MarkOf(string(b.Outcome)).Word),
		Near:  bar(b.Near), Far: bar(b.Far),
	}
	if b.Near+b.Far > 0 {
		p.Title += fmt.Sprintf(", %d near and %d far changes before it", b.Near, b.Far)
	}
	p.NearY, p.FarY = barsGround-p.Near, barsGround-p.Far
	return p
}

// bar is the height for a number of changes, which grows as its logarithm.
func bar(changes int) int {
	if changes == 0 {
		return 0
	}
	return max(3, min(barsHeight, int(barsHeight*math.Log1p(float64(changes))/math.Log1p(barsFullest))))
}

// bandOf is the state that an entry leaves the package in.
func bandOf(e view.HistoryEntry, before string) string {
	switch {
	case e.Transition != nil:
		return "band-warn"
	case e.Build.Outcome == koschei.OutcomeComplete:
		return "band-ok"
	case e.Build.Outcome == koschei.OutcomeFailed:
		return "band-bad"
	}
	return before // it does not count, or has not ended
}

func hundredths(x float64) float64 { return math.Round(x*100) / 100 }
