package web

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

const (
	frameLasts = time.Second      // how long a page may tell of collections and notice as they were
	pulseLasts = 10 * time.Second // the same of how collections stand, which takes longer to find out
)

// frames remembers what surrounds every page: it changes a few times an hour.
type frames struct {
	frame Memo[*view.Frame]
	pulse Memo[*view.Pulse]
}

func newFrames(clock func() time.Time) *frames {
	return &frames{Memo[*view.Frame]{Lasts: frameLasts, clock: clock}, Memo[*view.Pulse]{Lasts: pulseLasts, clock: clock}}
}

// get returns collections and notice as they are, or were a moment ago.
func (f *frames) get(ctx context.Context, v *view.View) (*view.Frame, error) {
	return f.frame.Get(ctx, "", v.Frame)
}

// known is how collections stood when they could last be asked, nil if they
// never could.
func (f *frames) known() *html.Known {
	frame, _, ok := f.frame.Last("")
	pulse, at, counted := f.pulse.Last("")
	if !ok || !counted {
		return nil
	}
	known := &html.Known{Age: html.Span(max(0, f.pulse.now().Sub(at)))}
	for _, c := range frame.Collections {
		counts := pulse.Counts[c.ID]
		known.Collections = append(known.Collections, html.KnownCollection{
			Name: c.DisplayName, OK: counts.ByState[koschei.StateOK], Failing: counts.ByState[koschei.StateFailing],
			Unresolved: counts.ByState[koschei.StateUnresolved], Running: counts.Running,
		})
	}
	return known
}

// surround gives r what its page is surrounded by.
func (s *Server) surround(r *Request) error {
	frame, err := s.frames.frame.For(r, "", s.View.Frame)
	if err != nil {
		return err
	}
	r.notice, r.All, r.Current, r.pulse = frame.Notice, frame.Collections, frame.Collections, &view.Pulse{}
	if len(frame.Collections) > 0 {
		r.pulse, err = s.frames.pulse.Get(r.Context(), "", s.View.Pulse)
		if err != nil {
			return err
		}
	}
	named := namedCollections(r.URL.Query())
	if len(named) == 0 {
		return nil
	}
	r.Current, r.scope = nil, strings.Join(named, ",")
	for _, name := range named {
		c, err := r.Collection(name)
		if err != nil {
			return err
		}
		r.Current = append(r.Current, *c)
	}
	return nil
}

// ScopeQuery is what keeps the collections that the request names current when
// it is put behind a link: "" if it names none.
func (r *Request) ScopeQuery() string {
	if r.scope == "" {
		return ""
	}
	return html.InCollection("", r.scope)
}

// Layout is what surrounds the page of that title, below a tab of the
// navigation. It tells how the current collections stand.
func (r *Request) Layout(tab, title string) html.Layout {
	l := html.Layout{
		Title: title, Tab: tab, Notice: r.notice, Broken: Broken(r.Current...), Scope: r.scope, ScopeQuery: r.ScopeQuery(), Version: r.version,
		Theme: theme(r.Request), Here: r.URL.RequestURI(), Where: "All collections",
		Account: html.Account{Name: r.Actor.Name, Admin: r.Actor.Admin, SignIn: r.signIn},
		Done:    r.done(),
	}
	if len(r.Current) == 1 {
		r.About(&l, &r.Current[0])
	} else if len(r.Current) < len(r.All) {
		l.Where = html.Plural(len(r.Current), "collection")
	}
	a := r.Address()
	r.Switch(&l, func(name string) string {
		return a.Set(map[string]string{"collection": name, "page": "", "after": "", "before": "", "last_seen": "", "last_seen_ts": "", "compare": ""})
	})
	return l
}

// About makes a page one about a collection: it tells how fresh that is. When
// only something else changes, the page may be shown as it was for up to a minute.
func (r *Request) About(l *html.Layout, c *view.FrameCollection) {
	fresh := r.pulse.Fresh[c.ID]
	r.about = []int64{c.ID}
	l.Where, l.Broken = c.DisplayName, Broken(*c)
	l.Feeds = []html.Feed{{Title: "What broke in " + c.DisplayName, URL: "/feed/collection/" + url.PathEscape(c.Name)}}
	if at, ready := r.live.newest(); ready {
		l.Events = html.InCollection("/events", c.Name) + "&after=" + at.String()
	}
	l.Strip = &html.Strip{
		Collection: c.Name, Fresh: html.FreshOf(&fresh, r.Now, r.clock), Running: r.pulse.Counts[c.ID].Running,
	}
}

// Scope are the names of the collections that the request names, with commas
// between them; "" if it names none.
func (r *Request) Scope() string { return r.scope }

// Counts are how the tracked packages of a collection divide by state, or did a
// moment ago.
func (r *Request) Counts(c *view.FrameCollection) view.PackageCounts { return r.pulse.Counts[c.ID] }

// Fresh is how fresh a collection is, or was a moment ago.
func (r *Request) Fresh(c *view.FrameCollection) *koschei.Freshness {
	fresh := r.pulse.Fresh[c.ID]
	return &fresh
}

// Switch lets readers change to another collection, each at its address.
func (r *Request) Switch(l *html.Layout, address func(name string) string) {
	l.Switch = nil
	for _, c := range r.All {
		states := r.pulse.Counts[c.ID].ByState
		l.Switch = append(l.Switch, html.Choice{
			Text: c.DisplayName, Count: html.Count(states[koschei.StateFailing] + states[koschei.StateUnresolved]),
			URL: address(c.Name), Chosen: l.Strip != nil && l.Strip.Collection == c.Name,
		})
	}
}

// Broken are those of the collections whose base buildroot cannot be installed.
func Broken(collections ...view.FrameCollection) []html.Broken {
	var broken []html.Broken
	for _, c := range collections {
		if c.State() == koschei.StateUnresolved {
			broken = append(broken, html.Broken{
				Name: c.Name, DisplayName: c.DisplayName, RepoID: c.LatestRepoID, RepoCreated: c.RepoCreated, Problems: c.Problems,
			})
		}
	}
	return broken
}

// namedCollections reads collection=a,b, which may stand there several times.
func namedCollections(query url.Values) []string {
	var names []string
	seen := map[string]bool{}
	for _, list := range query["collection"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}
