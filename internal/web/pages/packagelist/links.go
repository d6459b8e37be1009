package packagelist

import (
	"fmt"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// links make addresses of lists that differ a little from the one asked for.
// All but those of its pages lead to a first page.
type links struct {
	address html.Address
	form    *listForm
}

func (l links) set(args map[string]string) string {
	args["page"], args["after"], args["before"] = "", "", ""
	return l.address.Set(args)
}

// hidden is what a form that filters the list keeps of the request.
func (l links) hidden() []argument {
	var list []argument
	for _, key := range []string{"collection", "state", "running", "untracked", "order_by"} {
		if value := l.address.Query.Get(key); value != "" {
			list = append(list, argument{key, value})
		}
	}
	return list
}

func (l links) with(key, value string) string { return l.set(map[string]string{key: value}) }

// pagination leads to the pages around one, of a list of total.
func (l links) pagination(around view.Around, total, perPage int) (html.Pagination, error) {
	if last := html.LastPage(perPage, total); l.form.after == nil && l.form.before == nil && l.form.page > last {
		return html.Pagination{}, fmt.Errorf("there is no page %d, the last one is %d: %w", l.form.page, last, koschei.ErrNotFound)
	}
	p := html.Pagination{Total: total, First: 1}
	if around.First == nil {
		return p, nil
	}
	p.First, p.Last = around.First.Number, around.Last.Number
	p.Total = max(total, p.Last) // it may have grown since it was counted
	if around.More {
		p.Pages = append(p.Pages, html.Choice{Text: "first", URL: l.set(map[string]string{})},
			html.Choice{Text: "previous", URL: l.to("before", around.First)})
	}
	if around.Further {
		p.Pages = append(p.Pages, html.Choice{Text: "next", URL: l.to("after", around.Last)})
	}
	return p, nil
}

// to is the address of a page by a place.
func (l links) to(key string, at *view.Place) string {
	args := map[string]string{"page": "", "after": "", "before": ""}
	args[key] = at.String()
	return l.address.Set(args)
}

// column makes a heading that sorts by key, the other way if it already does.
func (l links) column(text, key string, order view.ListOrder) html.Column {
	if key == "" {
		return html.Column{Text: text}
	}
	c := html.Column{Text: text, URL: l.with("order_by", key)}
	if len(order) > 0 && order[0].Key == key {
		c.Sort = "ascending"
		if order[0].Reverse {
			c.Sort = "descending"
		} else {
			c.URL = l.with("order_by", "-"+key)
		}
	}
	return c
}

// tracked is how many of the packages counted are tracked.
func tracked(counts view.PackageCounts) int {
	n := 0
	for state, packages := range counts.ByState {
		if state != koschei.StateUntracked {
			n += packages
		}
	}
	return n
}

// stateChips offers each state that packages are in, and running ones: always
// the same chips. all is how many packages are tracked.
func stateChips(l links, counts view.PackageCounts, all int) []html.Choice {
	f := l.form
	if l.address.Query.Get("untracked") == "1" {
		all += counts.ByState[koschei.StateUntracked]
	}
	chips := []html.Choice{{
		Text: "all", Count: html.Count(all), URL: l.set(map[string]string{"state": "", "running": ""}), Chosen: len(f.states) == 0 && !f.Running,
	}}
	for _, state := range listedStates() {
		chips = append(chips, html.Choice{
			Text: string(state), Class: string(state), Count: html.Count(counts.ByState[state]),
			URL:    l.set(map[string]string{"state": string(state), "running": ""}),
			Chosen: slices.Equal(f.states, []koschei.State{state}),
		})
	}
	return append(chips, html.Choice{
		Text: "running", Class: "running", Count: html.Count(counts.Running),
		URL: l.set(map[string]string{"state": "", "running": "1"}), Chosen: f.Running,
	})
}

// emptiness says why a list has no row, and where there are some.
func emptiness(l links, match string) (sentence, clear string) {
	f := l.form
	if len(f.states) > 0 || f.Running || f.Cause != "" || f.Since != "" {
		clear = l.set(map[string]string{"state": "", "running": "", "cause": "", "since": ""})
	}
	switch {
	case f.Cause != "":
		return fmt.Sprintf("No package that is broken now is known to have been broken by %s.", f.Cause), clear
	case f.Since != "":
		return "The state of no such package has changed since then.", clear
	case f.Running:
		return "No package is being built.", clear
	case len(f.states) == 1:
		return fmt.Sprintf("No package is %s.", f.states[0]), clear
	case len(f.states) > 1:
		return "No package is in one of these states.", clear
	case match != "":
		return fmt.Sprintf("Nothing is named like “%s”.", match), "/packages"
	case !f.Untracked:
		return "No package is tracked yet.", ""
	}
	return "There is no package yet.", ""
}
