// Package statspage shows numbers of all that Koschei does: how many packages there
// are, how many builds ended lately, and what took most of the builders' time.
package statspage

import (
	"context"
	"embed"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.html
var files embed.FS

type pages struct {
	page  html.Page[content]
	known *web.Memo[*view.Stats]
}

const (
	days    = 7 // of which builds are told
	longest = 20
	renewed = 10 * time.Minute // real time; the whole record is looked at
)

// Routes are the addresses of statistics.
func Routes(t *html.Templates) []web.Route {
	p := &pages{html.Whole[content](t.Folder("statspage", files), "stats.html"), &web.Memo[*view.Stats]{Lasts: renewed}}
	return []web.Route{web.PublicPage("/stats", "stats", p.show, "")}
}

// A content is the page.
type content struct {
	html.Layout
	Say         string
	Collections []collection
	Days        []day // the newest first
	Arches      []arch
	Longest     []pkg
}

type collection struct {
	Name, URL          string
	All, Tracked, Rest int
	Blocked            int
}

type day struct {
	Day                      string
	Builds                   int
	Complete, Failed, Faults int
}

type arch struct {
	Name  string
	Tasks int
	Time  string
}

type pkg struct {
	Name, URL, Arch, Time, Share string
	Tasks                        int
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	stats, err := p.known.Get(r.Context(), "", func(ctx context.Context) (*view.Stats, error) {
		return r.View.Stats(ctx, r.Now.AddDate(0, 0, -days), longest)
	})
	if err != nil {
		return web.Answer{}, err
	}
	v := content{Layout: r.Layout("", "Statistics")}
	counts := map[int64]view.PackageStats{}
	for _, c := range stats.Packages {
		counts[c.CollectionID] = c
	}
	for _, c := range r.All {
		n := counts[c.ID]
		v.Collections = append(v.Collections, collection{c.DisplayName, html.InCollection("/packages", c.Name), n.All, n.Tracked, n.All - n.Tracked - n.Blocked, n.Blocked})
	}
	builds := 0
	for _, h := range stats.Ended {
		name := h.Hour.UTC().Format("2 January")
		if len(v.Days) == 0 || v.Days[0].Day != name {
			v.Days = append([]day{{Day: name}}, v.Days...)
		}
		d := &v.Days[0]
		d.Builds, d.Complete, d.Failed, d.Faults = d.Builds+h.Builds(), d.Complete+h.Complete, d.Failed+h.Failed, d.Faults+h.Faults
		builds += h.Builds()
	}
	var all time.Duration
	for _, a := range stats.Arches {
		v.Arches = append(v.Arches, arch{a.Arch, a.Tasks, html.Duration(a.Time)})
		all += a.Time
	}
	for _, l := range stats.Longest {
		v.Longest = append(v.Longest, pkg{l.Package, html.PackageURL(l.Package, ""), l.Arch, html.Duration(l.Time), fmt.Sprintf("%.1f %%", 100*l.Share), l.Tasks})
	}
	v.Say = fmt.Sprintf("%s ended in the last %d days, and took %s of builders' time.", html.Plural(builds, "scratch build"), days, html.Duration(all))
	if builds == 0 {
		v.Say = fmt.Sprintf("No scratch build ended in the last %d days.", days)
	}
	return web.Page(p.page, &v)
}
