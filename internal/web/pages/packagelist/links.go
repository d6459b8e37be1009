package packagelist

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// links make addresses of lists that differ a little from the one asked for.
// All but those of its pages lead to a first page.
type links struct {
	address html.Address
	form    *listForm
}

func (l links) set(args map[string]string) string {
	args["page"] = ""
	return l.address.Set(args)
}

func (l links) with(key, value string) string { return l.set(map[string]string{key: value}) }

// pagination leads to the other pages of a list of total.
func (l links) pagination(perPage, total int) (html.Pagination, error) {
	if last := html.LastPage(perPage, total); l.form.page > last {
		return html.Pagination{}, fmt.Errorf("there is no page %d, the last one is %d: %w", l.form.page, last, koschei.ErrNotFound)
	}
	return html.Paginate(l.form.page, perPage, total, func(page int) string {
		return l.address.Set(map[string]string{"page": strconv.Itoa(page)})
	}), nil
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

// collectionSwitch offers each collection on its own, and all.
func collectionSwitch(r *web.Request, l links) []html.Choice {
	if len(r.All) < 2 {
		return nil
	}
	choices := []html.Choice{{Text: "All", URL: l.with("collection", ""), Chosen: len(r.Current) == len(r.All)}}
	for _, c := range r.All {
		chosen := len(r.Current) == 1 && r.Current[0].ID == c.ID
		choices = append(choices, html.Choice{Text: c.DisplayName, URL: l.with("collection", c.Name), Chosen: chosen})
	}
	return choices
}

// stateChips offers each state that packages are in, and running ones. Where
// nothing was counted it offers all.
func stateChips(l links, counts view.PackageCounts) []html.Choice {
	all := 0
	for _, n := range counts.ByState {
		all += n
	}
	number := func(n int) string {
		if counts.ByState == nil {
			return ""
		}
		return html.Count(n)
	}
	f := l.form
	chips := []html.Choice{{
		Text: "all", Count: number(all), URL: l.set(map[string]string{"state": "", "running": ""}), Chosen: len(f.states) == 0 && !f.Running,
	}}
	for _, state := range listedStates() {
		if state == koschei.StateUntracked && !f.Untracked {
			continue
		}
		if n := counts.ByState[state]; n > 0 || counts.ByState == nil || slices.Contains(f.states, state) {
			chips = append(chips, html.Choice{
				Text: string(state), Class: "s-" + string(state), Count: number(n),
				URL:    l.set(map[string]string{"state": string(state), "running": ""}),
				Chosen: slices.Equal(f.states, []koschei.State{state}),
			})
		}
	}
	return append(chips, html.Choice{
		Text: "running", Class: "s-running", Count: number(counts.Running),
		URL: l.set(map[string]string{"state": "", "running": "1"}), Chosen: f.Running,
	})
}
