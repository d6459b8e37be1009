// Package overviewpage shows what broke in a collection since some time, through
// which updates, and whether it is under control: the first page. With several
// collections each has a column.
package overviewpage

import (
	"embed"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	one     html.Page[content]
	several html.Page[columns]
}

// A Front is what is at the address / besides the overview: a list that is asked
// for as there was one.
type Front struct {
	List       web.Handler
	ListAlways bool // whether / is the list, and the overview only at /overview
}

// Routes are the addresses of overviews.
func Routes(t *html.Templates, front Front) []web.Route {
	folder := t.Folder("overviewpage", files)
	p := &pages{html.Whole[content](folder, "overview.html", "parts.html"), html.Whole[columns](folder, "several.html", "parts.html")}
	return []web.Route{
		web.PublicPage("/overview", "overview", p.show, web.UntilChanged),
		web.PublicPage("/{$}", "front page", func(r *web.Request) (web.Answer, error) {
			if front.ListAlways || asksForList(r) {
				return front.List(r)
			}
			return p.show(r)
		}, web.UntilChanged),
	}
}

// asksForList says whether r has an argument that only lists have: the front page
// was one.
func asksForList(r *web.Request) bool {
	query := r.URL.Query()
	for _, argument := range []string{"page", "order_by", "untracked", "state", "running", "group", "q", "after"} {
		if query.Has(argument) {
			return true
		}
	}
	return false
}

// A form says since when.
type form struct {
	Since string `form:"since"` // "1h", "24h", "7d", "30d", "repo" for the repo before, or a time; "" for 24h

	lasts time.Duration
	at    time.Time
}

// period is a time that can be chosen by name.
type period struct {
	name, text, words string // words end a sentence about it
	lasts             time.Duration
}

func periods() []period {
	const day = 24 * time.Hour
	return []period{
		{"1h", "1 hour", "in the last hour", time.Hour},
		{"24h", "yesterday", "since yesterday", day},
		{"7d", "last week", "in the last 7 days", 7 * day},
		{"30d", "30 days", "in the last 30 days", 30 * day},
		{"repo", "the repo before", "since the repo before", 0},
	}
}

// Validate implements web.Form.
func (f *form) Validate() (err error) {
	if f.Since == "" {
		f.Since = "24h"
	}
	for _, p := range periods() {
		if p.name == f.Since {
			f.lasts = p.lasts
			return nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateTime, time.DateOnly} {
		if f.at, err = time.Parse(layout, f.Since); err == nil && f.at.Year() > 1970 && f.at.Year() < 9999 {
			return nil
		}
	}
	return fmt.Errorf("since %q is neither 1h, 24h, 7d, 30d or repo nor a time as 2026-11-24T13:02: %w", f.Since, koschei.ErrInvalid)
}

// since is the time asked for, in words too.
func (f *form) since(now time.Time, repos []view.RepoLine) (at time.Time, words string) {
	if !f.at.IsZero() {
		return f.at, "since " + f.at.UTC().Format("2 January 15:04")
	}
	for _, p := range periods() {
		if p.name != f.Since {
			continue
		}
		if p.name != "repo" {
			return now.Add(-p.lasts), p.words
		}
		if len(repos) > 1 {
			return repos[0].Created, p.words
		}
	}
	return now.Add(-24 * time.Hour), "since yesterday"
}

// columns are the overviews of several collections side by side.
type columns struct {
	html.Layout
	Periods []html.Choice
	Columns []*overview
}

// A content is the overview of one collection.
type content struct {
	html.Layout
	Periods []html.Choice
	*overview
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	var f form
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	layout := r.Layout("overview", "")
	if len(r.Current) == 1 {
		one, err := overviewOf(r, &r.Current[0], &f, true)
		if err != nil {
			return web.Answer{}, err
		}
		layout.Title = one.DisplayName
		return web.Page(p.one, &content{layout, choices(r, &f), one})
	}
	v := &columns{Layout: layout, Periods: choices(r, &f)}
	for i := range r.Current {
		one, err := overviewOf(r, &r.Current[i], &f, false)
		if err != nil {
			return web.Answer{}, err
		}
		v.Columns = append(v.Columns, one)
	}
	return web.Page(p.several, v)
}

func choices(r *web.Request, f *form) []html.Choice {
	var list []html.Choice
	a := r.Address()
	for _, p := range periods() {
		list = append(list, html.Choice{Text: p.text, URL: a.Set(map[string]string{"since": p.name}), Chosen: p.name == f.Since})
	}
	return list
}
