package updatepage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

const (
	shownUpdates = 100
	shownBlames  = 500 // packages that broke that are looked at
	shownVictims = 4   // packages named for each update
)

// A period is how far back a page looks.
type period struct {
	Arg    string
	Text   string
	Since  string // as a sentence ends
	length time.Duration
}

func periods() []period {
	const day = 24 * time.Hour
	return []period{
		{"1h", "an hour", "within the last hour", time.Hour},
		{"24h", "a day", "since yesterday", day},
		{"7d", "a week", "within a week", 7 * day},
		{"30d", "a month", "within 30 days", 30 * day},
	}
}

// A listForm says which updates are asked for.
type listForm struct {
	Since  string `form:"since"`
	Before string `form:"before"` // event and source at which to go on, with a comma between them

	period period
	key    view.UpdateKey
}

// Validate implements web.Form.
func (f *listForm) Validate() error {
	all := periods()
	i := slices.IndexFunc(all, func(p period) bool { return p.Arg == cmp.Or(f.Since, "24h") })
	if i < 0 {
		return fmt.Errorf("since %q is none of 1h, 24h, 7d, 30d: %w", f.Since, koschei.ErrInvalid)
	}
	f.period = all[i]
	if f.Before == "" {
		return nil
	}
	event, source, ok := strings.Cut(f.Before, ",")
	n, err := strconv.ParseInt(event, 10, 64)
	if !ok || err != nil || n < 1 {
		return fmt.Errorf("before %q is no place in a list of updates: %w", f.Before, koschei.ErrInvalid)
	}
	f.key = view.UpdateKey{Event: n, Source: source}
	return nil
}

// A listView is the page of all updates.
type listView struct {
	html.Layout
	Collection string
	Name       string // of the collection, for people
	Periods    []html.Choice
	Sentence   html.Prose
	Culprits   []culprit
	Period     string
	Updates    []line
	MoreURL    string // "" if these are all
	Continued  bool   // it is not the first part of the list
}

// A culprit is an update that may have broken packages.
type culprit struct {
	step
	Packages   int
	Unresolved int // of these
	Failing    int
	Sure       string
	Victims    []victim
	More       int // packages that are not named
}

// A victim is a package that broke.
type victim struct{ Name, URL string }

// A line is an update in the list.
type line struct {
	step
	RepoID  int64
	RepoURL string
	Created time.Time // of the repo
	Reached int
	Broke   int
	Unmet   int
}

func (p *pages) showList(r *web.Request) (web.Answer, error) {
	var form listForm
	if err := r.Read(&form); err != nil {
		return web.Answer{}, err
	}
	c, err := r.First()
	if err != nil {
		return web.Answer{}, err
	}
	v := listView{Layout: r.Layout("updates", "Updates"), Collection: c.Name, Name: c.DisplayName, Period: form.period.Since, Continued: form.Before != ""}
	r.About(&v.Layout, c)
	r.Switch(&v.Layout, func(name string) string { return html.InCollection("/updates", name) })
	since := r.Now.Add(-form.period.length)
	updates, err := r.View.Repos.Updates(r.Context(), c.ID, since, form.key, shownUpdates+1)
	if err != nil {
		return web.Answer{}, err
	}
	address := r.Address()
	if len(updates) > shownUpdates {
		updates = updates[:shownUpdates]
		last := &updates[shownUpdates-1]
		v.MoreURL = address.Set(map[string]string{"before": fmt.Sprintf("%d,%s", last.Event, last.Source)})
	}
	for _, u := range updates {
		v.Updates = append(v.Updates, line{
			stepOf(c.Name, u.Source, u.Before, u.After), u.RepoID, html.RepoURL(c.Name, u.RepoID), u.Created, u.Reached, u.Broke, u.Unmet,
		})
	}
	for _, each := range periods() {
		v.Periods = append(v.Periods, html.Choice{
			Text: each.Text, URL: address.Set(map[string]string{"since": each.Arg, "before": ""}), Chosen: each.Arg == form.period.Arg,
		})
	}
	if v.Continued {
		return web.Page(p.list, &v)
	}
	blames, err := r.View.Repos.Blames(r.Context(), c.ID, since, shownBlames)
	if err != nil {
		return web.Answer{}, err
	}
	v.blame(blames, form.period.Since)
	return web.Page(p.list, &v)
}

// blame finds the updates that are to blame. A package with several suspects goes
// to the one that most packages that broke have in common.
func (v *listView) blame(blames []view.Blame, since string) {
	common := map[string]int{}
	for i := range blames {
		if b := &blames[i]; b.Source != "" {
			common[b.Source]++
		}
	}
	chosen := map[int64]*view.Blame{}
	var packages []int64
	for i := range blames {
		b := &blames[i]
		if chosen[b.PackageID] == nil {
			packages = append(packages, b.PackageID)
			chosen[b.PackageID] = b
		} else if common[b.Source] > common[chosen[b.PackageID].Source] {
			chosen[b.PackageID] = b
		}
	}
	culprits := map[string]*culprit{}
	unknown, suspects := 0, map[string]int{}
	for _, id := range packages {
		b := chosen[id]
		if b.Source == "" {
			unknown++
			continue
		}
		c := culprits[b.Source]
		if c == nil {
			c = &culprit{step: stepOf(v.Collection, b.Source, b.Before, b.After)}
			culprits[b.Source] = c
		}
		c.add(b, v.Collection)
		suspects[b.Source] = max(suspects[b.Source], b.Suspects)
	}
	for _, c := range culprits {
		c.Sure = sure(c, suspects[c.Source])
	}
	v.Culprits = sortedCulprits(culprits)
	v.Sentence = sentence(v.Culprits, len(packages), unknown, since)
}

func (c *culprit) add(b *view.Blame, collection string) {
	c.Packages++
	if b.State == koschei.StateUnresolved {
		c.Unresolved++
	} else {
		c.Failing++
	}
	if len(c.Victims) < shownVictims {
		c.Victims = append(c.Victims, victim{b.Package, html.PackageURL(b.Package, collection)})
	} else {
		c.More++
	}
}

// sure says how sure it is that an update is to blame.
func sure(c *culprit, suspects int) string {
	switch {
	case c.Failing == 0:
		return "proved by two repos"
	case suspects == 1:
		return "the nearest change of each"
	}
	return fmt.Sprintf("one of up to %d changes as near", suspects)
}

func sortedCulprits(culprits map[string]*culprit) []culprit {
	var sorted []culprit
	for _, name := range slices.Sorted(maps.Keys(culprits)) {
		sorted = append(sorted, *culprits[name])
	}
	slices.SortStableFunc(sorted, func(a, b culprit) int { return cmp.Compare(b.Packages, a.Packages) })
	return sorted
}

// sentence tells what broke, and through what.
func sentence(culprits []culprit, broke, unknown int, since string) html.Prose {
	if broke == 0 {
		return html.Say("Nothing that is broken now broke " + since + ".")
	}
	say := html.Prose{}.Strong(html.Plural(broke, "package") + " broke " + since).And(".")
	if len(culprits) > 0 {
		first := &culprits[0]
		say = say.And(" ").Link(strings.TrimSpace(first.Source+" "+first.After), first.URL)
		if first.Packages == broke {
			say = say.And(" is the update to blame.")
		} else {
			say = say.And(fmt.Sprintf(" is to blame for %s of them.", html.Count(first.Packages)))
		}
	}
	if unknown > 0 {
		say = say.And(fmt.Sprintf(" For %s no update is known to be at fault.", html.Count(unknown)))
	}
	return say
}
