// Package queuepage shows what is built now, what is built next and why, what is
// passed over, or why nothing is built.
package queuepage

import (
	"embed"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/explain"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	rules koschei.PriorityRules
	clock koschei.Clock // only its speed counts
	links html.Links
	page  html.Page[content]
}

// Routes are the addresses of the queue.
func Routes(t *html.Templates, rules koschei.PriorityRules, clock koschei.Clock, links html.Links) []web.Route {
	p := &pages{rules, clock, links, html.Whole[content](t.Folder("queuepage", files), "queue.html")}
	return []web.Route{web.PublicPage("/queue", "queue", p.show, web.UntilChanged)}
}

// shownNext are the packages that are told of before the rest is only counted.
const shownNext = 100

// A content is the queue of some collections.
type content struct {
	html.Layout
	Say     html.Prose
	Several bool // collections, so that each row names its own
	Running []running
	Next    []next
	Waiting int    // packages that wait
	Least   string // "more than " if not all of them were counted
	Held    []held
	Places  []places
}

// A running is a build under way.
type running struct {
	view.QueuedBuild
	Collection string // as people call it
	URL        string // of its package
	TaskURL    string
	EndsAt     time.Time // when it is expected to end; zero if it is not known how long such builds take
	Share      int       // of its usual time that is over, in per cent
	Class      string    // of the bar
	Usual      string    // how long such builds take, "" if it is not known
	Note       string
}

// A next is a package that waits.
type next struct {
	Place      int
	Name, URL  string
	Collection string
	Total      string
	Terms      string // the priority in words
	Bar        []part
	Starts     time.Time // zero if that is not known
	Soon       bool      // it starts when the scheduler looks next
}

// A part is a term of a priority, drawn.
type part struct {
	Class string
	X, W  int // of 100
}

type held struct {
	view.Holding
	Collection string
	Packages   []link
	More       int
}

type link struct{ Name, URL string }

// A places tells how a collection fares.
type places struct {
	Name, URL string
	Running   int
	Most      int // 0 for no limit of its own
	Waiting   string
	Why       string // nothing of it is submitted; "" if something is
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	var ids []int64
	for _, c := range r.Current {
		ids = append(ids, c.ID)
	}
	page, err := r.View.Builds.Queue(r.Context(), ids, schema.Ranking{Rules: p.rules, Now: r.Now}, shownNext)
	if err != nil {
		return web.Answer{}, err
	}
	v := content{Layout: r.Layout("queue", "Queue"), Several: len(r.Current) != 1}
	q := &queue{Request: r, pages: p, page: page, submitting: map[int64]explain.Submitting{}, running: map[int64]int{}}
	q.measure()
	v.Running = q.underWay()
	v.Next = q.next()
	v.Held = q.held()
	v.Places = q.places()
	v.Waiting, v.Least = q.waiting, q.least
	v.Say = q.say()
	return web.Page(p.page, &v)
}

// A queue is a request for one, with what all parts of the page need.
type queue struct {
	*web.Request
	*pages
	page       *view.QueuePage
	submitting map[int64]explain.Submitting // by collection
	running    map[int64]int                // likewise
	pace       float64                      // builds that end in an hour; 0 if that is not known
	waiting    int
	least      string
}

func (q *queue) measure() {
	var usual []time.Duration
	for _, b := range q.page.Running {
		q.running[b.CollectionID]++
		usual = append(usual, q.page.Usual[b.PackageID])
	}
	q.pace = explain.Pace(usual)
	for i := range q.Current {
		c := &q.Current[i]
		q.submitting[c.ID] = explain.Submission(&c.Collection, q.scheduler(c), q.Now, q.clock.LateAfter())
		w := q.page.Next[c.ID]
		if q.waiting += w.Count; w.More {
			q.least = "more than "
		}
	}
}

func (q *queue) scheduler(c *view.FrameCollection) koschei.ServiceReport {
	return q.Fresh(c).Report(koschei.ServiceScheduler)
}

func (q *queue) underWay() []running {
	var list []running
	for _, b := range q.page.Running {
		c := q.CollectionByID(b.CollectionID)
		one := running{
			QueuedBuild: b, Collection: c.DisplayName, URL: html.PackageURL(b.Package, c.Name),
			TaskURL: q.links.Task(koschei.Primary, b.TaskID), Class: "good",
		}
		if b.Trigger != nil {
			one.Note = terms(*b.Trigger)
		}
		if usual := q.page.Usual[b.PackageID]; usual > 0 {
			one.EndsAt, one.Usual = b.Started.Add(usual), html.Duration(usual)
			one.Share = int(100 * min(1, float64(q.Now.Sub(b.Started))/float64(usual)))
			if q.Now.After(one.EndsAt) {
				one.Class = "stop"
			}
		}
		list = append(list, one)
	}
	return list
}

// next has the packages that wait in the order of their turns.
func (q *queue) next() []next {
	var lines []explain.Line
	most := 1.0
	for i := range q.Current {
		c := &q.Current[i]
		lines = append(lines, explain.Line{Running: q.running[c.ID], Weight: c.Weight, Waiting: len(q.page.Next[c.ID].First)})
		for _, p := range q.page.Next[c.ID].First {
			most = max(most, positive(q.rules.Of(&p, &c.Collection, q.Now)))
		}
	}
	taken := make([]int, len(lines))
	var list []next
	for i, line := range explain.Turns(lines, shownNext) {
		c := &q.Current[line]
		p := q.page.Next[c.ID].First[taken[line]]
		taken[line]++
		priority := q.rules.Of(&p, &c.Collection, q.Now)
		one := next{
			Place: i + 1, Name: p.Name, URL: html.PackageURL(p.Name, c.Name), Collection: c.DisplayName,
			Total: html.Points(priority.Total()), Terms: terms(priority), Bar: bar(priority, most),
		}
		switch state := q.submitting[c.ID]; {
		case state == explain.AsTheyCome && one.Place <= soon:
			one.Soon = true
		case state == explain.AsTheyCome, state == explain.Limited:
			one.Starts = explain.StartOf(one.Place, q.pace, q.Now)
		}
		list = append(list, one)
	}
	return list
}

// soon is how many builds the scheduler submits when it looks once.
const soon = 10

// positive is what speaks for a package.
func positive(p koschei.Priority) float64 {
	sum := 0.0
	for _, t := range explain.Terms(p) {
		sum += max(0, t.Points)
	}
	return sum
}

// terms is a priority in words, those that say nothing left out.
func terms(p koschei.Priority) string {
	names := map[explain.TermKind]string{
		explain.Manual: "asked for by hand", explain.Static: "set by an operator", explain.Dependencies: "changed dependencies",
		explain.LastBuild: "last build", explain.Time: "time",
	}
	text := ""
	for _, t := range explain.Terms(p) {
		if points := html.Points(t.Points); points != "0" {
			if text != "" {
				text += ", "
			}
			text += names[t.Kind] + " " + points
		}
	}
	return text
}

// bar draws the terms of a priority that speak for it, on a scale up to most.
func bar(p koschei.Priority, most float64) []part {
	classes := map[explain.TermKind]string{
		explain.Manual: "f-ok", explain.Static: "f-ok", explain.Dependencies: "f-unresolved", explain.LastBuild: "f-failing", explain.Time: "f-unknown",
	}
	var parts []part
	end := 0.0
	for _, t := range explain.Terms(p) {
		if t.Points <= 0 {
			continue
		}
		from := end
		end += 100 * t.Points / most
		if w := int(end) - int(from); w > 0 {
			parts = append(parts, part{classes[t.Kind], int(from), w})
		}
	}
	return parts
}

func (q *queue) held() []held {
	var list []held
	for _, h := range q.page.Held {
		c := q.CollectionByID(h.CollectionID)
		one := held{Holding: h, Collection: c.DisplayName, More: h.Packages - len(h.First)}
		for _, name := range h.First {
			one.Packages = append(one.Packages, link{name, html.PackageURL(name, c.Name)})
		}
		one.Reason = html.Sentence(h.Reason)
		list = append(list, one)
	}
	return list
}

func (q *queue) places() []places {
	var list []places
	for i := range q.Current {
		c := &q.Current[i]
		w := q.page.Next[c.ID]
		one := places{
			Name: c.DisplayName, URL: html.InCollection("/queue", c.Name), Running: q.running[c.ID], Most: c.MaxBuilds, Waiting: html.Count(w.Count),
			Why: html.Sentence(q.submitting[c.ID].Why(&c.Collection, q.scheduler(c))),
		}
		if w.More {
			one.Waiting = "more than " + one.Waiting
		}
		list = append(list, one)
	}
	return list
}

// say is the answer in a sentence.
func (q *queue) say() html.Prose {
	if len(q.Current) == 0 {
		return html.Say("There is no collection yet, so there is nothing to build.")
	}
	var p html.Prose
	why, stopped := q.standstill()
	if stopped {
		p = p.Strong("Nothing is submitted: " + why + ".").And(" ")
	} else if why != "" && q.waiting > 0 {
		p = p.Strong(html.Sentence(why)).And(" ")
	}
	n := len(q.page.Running)
	switch {
	case n == 0 && q.waiting == 0:
		return p.And("Nothing is being built, and nothing is due.")
	case q.waiting == 0:
		return p.And(html.Plural(n, "build") + isAre(n) + " under way, and nothing else is due.")
	case n == 0:
		return p.And("Nothing is being built; " + q.waits() + ".")
	}
	text := html.Plural(n, "build") + isAre(n) + " under way and " + q.waits()
	switch {
	case q.waiting <= soon && q.asTheyCome():
		return p.And(text + " until the scheduler looks next.")
	case q.pace <= 0 || stopped:
		return p.And(text + ".")
	}
	last := explain.StartOf(q.waiting, q.pace, q.Now)
	end := "the last of them starts " + when(last, q.Now)
	if q.least != "" {
		end = fmt.Sprintf("that takes until after %s", clockTime(last, q.Now))
	}
	return p.And(fmt.Sprintf("%s. If builds go on as usual, %s an hour, %s.", text, html.Points(q.pace), end))
}

func (q *queue) waits() string {
	if q.waiting == 1 && q.least == "" {
		return "1 package waits"
	}
	return q.least + html.Plural(q.waiting, "package") + " wait"
}

func isAre(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

// when is a time that comes.
func when(t, now time.Time) string {
	if t.Sub(now) < time.Minute {
		return "within a minute"
	}
	return "at " + clockTime(t, now)
}

// clockTime is a time of day, with its day if that is not today.
func clockTime(t, now time.Time) string {
	if t, now := t.UTC(), now.UTC(); t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		return t.Format("15:04 UTC on 2 January")
	}
	return t.UTC().Format("15:04 UTC")
}

// asTheyCome says that all that waits is submitted when the scheduler looks next.
func (q *queue) asTheyCome() bool {
	for _, c := range q.Current {
		if q.page.Next[c.ID].Count > 0 && q.submitting[c.ID] != explain.AsTheyCome {
			return false
		}
	}
	return true
}

// standstill says why less is submitted than there could be, if all collections
// have the same reason, and whether nothing is.
func (q *queue) standstill() (why string, stopped bool) {
	for i := range q.Current {
		c := &q.Current[i]
		state := q.submitting[c.ID]
		reason := state.Why(&c.Collection, q.scheduler(c))
		if i > 0 && reason != why {
			return "", false
		}
		why, stopped = reason, state != explain.AsTheyCome && state != explain.Limited
	}
	return why, stopped
}
