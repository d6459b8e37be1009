package overviewpage

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// An overview is what became of a collection.
type overview struct {
	Name        string
	DisplayName string
	Say         html.Prose
	Figures     []figure
	Blamed      []cause // updates, what broke most first
	Groups      []cause // of all that broke, the last those for which no update is known
	Broke       int
	Still       []broken // that do not build, if none broke
	Mended      []link
	MoreMended  int
	Chart       *html.Steps // of what does not build; nil if too little was counted
	Repos       []view.RepoLine
	Running     int
	Due         int
}

// A figure is how many packages are in a state, beside how many were.
type figure struct {
	Mark   html.Mark
	Word   string
	Count  string
	Change string
	URL    string
	Spark  html.Spark
}

// A cause is what broke packages.
type cause struct {
	Source  string    // "" if no update is known to be at fault
	Step    string    // from which version to which
	URL     string    // of the update
	Since   time.Time // when the first of them broke
	Sure    string    // how sure that is, in a word
	Why     string
	Count   int
	Shown   []broken
	More    int
	MoreURL string
}

// A broken is a package that broke.
type broken struct {
	Name, URL string
	Mark      html.Mark
	Since     time.Time
	Line      string // why, in a line
}

// A link leads to a package.
type link struct{ Text, URL string }

const (
	mostBroken  = 2000 // that are looked at
	mostBlamed  = 5
	shownOfOne  = 4  // packages of a cause
	shownGroups = 8  // causes
	shownStill  = 15 // packages that do not build, if none broke
	shownMended = 12
	shownRepos  = 5
)

// overviewOf reads the overview of a collection; of several only in short.
func overviewOf(r *web.Request, c *view.FrameCollection, f *form, whole bool) (*overview, error) {
	ctx := r.Context()
	v := &overview{Name: c.Name, DisplayName: c.DisplayName}
	repos, err := r.View.Repos.List(ctx, c.ID, 0, shownRepos)
	if err != nil {
		return nil, err
	}
	since, words := f.since(r.Now, repos)
	changes, err := r.View.Timeline.Since(ctx, c.ID, since, mostBroken)
	if err != nil {
		return nil, err
	}
	blames, err := r.View.Repos.Blames(ctx, c.ID, since, mostBroken)
	if err != nil {
		return nil, err
	}
	counted, err := r.View.Timeline.StateCountsBefore(ctx, c.ID, []time.Time{since, r.Now.Add(time.Nanosecond)})
	if err != nil {
		return nil, err
	}
	counts := r.Counts(c)
	v.Running, v.Due = counts.Running, counted[1].Due
	v.group(c.Name, blames)
	v.mended(c.Name, changes)
	if v.Broke == 0 {
		most := shownStill
		if !whole {
			most = 1 // to be named
		}
		if err := v.still(r, c, most); err != nil {
			return nil, err
		}
	}
	if whole {
		v.Repos = repos
		past, err := r.View.Timeline.StateCounts(ctx, c.ID, r.Now.AddDate(0, 0, -30), 6*time.Hour)
		if err != nil {
			return nil, err
		}
		v.Figures = figures(c.Name, counts, &counted[0], past)
		v.Chart = html.StepsOf(points(past))
	} else {
		v.Figures = figures(c.Name, counts, &counted[0], nil)
	}
	v.Say = say(r, c, v, counts, &counted[1], words)
	return v, nil
}

func points(past []view.StateCount) []html.StepPoint {
	var list []html.StepPoint
	for _, p := range past {
		list = append(list, html.StepPoint{At: p.At, Lower: p.Failing, Upper: p.Unresolved})
	}
	return list
}

func listURL(collection string, args url.Values) string {
	args.Set("collection", collection)
	return "/packages?" + args.Encode()
}

func figures(collection string, counts view.PackageCounts, before *view.StateCount, past []view.StateCount) []figure {
	var list []figure
	tracked := 0
	for state, n := range counts.ByState {
		if state != koschei.StateUntracked {
			tracked += n
		}
	}
	for _, s := range []struct {
		state koschei.State
		word  string
	}{{koschei.StateOK, "build"}, {koschei.StateFailing, "fail"}, {koschei.StateUnresolved, "cannot be installed"}} {
		n := counts.ByState[s.state]
		one := figure{
			Mark: html.MarkOf(string(s.state)), Word: s.word, Count: html.Count(n),
			URL: listURL(collection, url.Values{"state": {string(s.state)}}),
		}
		if before.RepoID != 0 {
			one.Change = signed(n - before.Of(s.state))
		}
		if s.state == koschei.StateFailing && tracked > 0 {
			one.Change += fmt.Sprintf(" · %.1f %%", float64(n)*100/float64(tracked))
		}
		var values []int
		for i := range past {
			values = append(values, past[i].Of(s.state))
		}
		one.Spark = html.SparkOf(values)
		list = append(list, one)
	}
	running := figure{Mark: html.MarkOf("running"), Word: "being built", Count: html.Count(counts.Running), URL: listURL(collection, url.Values{"running": {"1"}})}
	var values []int
	for i := range past {
		values = append(values, past[i].Running)
	}
	running.Spark = html.SparkOf(values)
	return append(list, running)
}

func signed(n int) string {
	switch {
	case n > 0:
		return "+" + html.Count(n)
	case n < 0:
		return "−" + html.Count(-n)
	}
	return "±0"
}

// group puts what broke under what broke it: of several suspects the one that most
// packages share, and none if that is no other package.
func (v *overview) group(collection string, blames []view.Blame) {
	packages := map[string]int{} // by update
	for _, b := range blames {
		if b.Source != "" {
			packages[b.Source+" "+b.After]++
		}
	}
	best := map[int64]view.Blame{}
	var order []int64
	for _, b := range blames {
		known, ok := best[b.PackageID]
		if !ok {
			order = append(order, b.PackageID)
		}
		if !ok || packages[b.Source+" "+b.After] > packages[known.Source+" "+known.After] {
			best[b.PackageID] = b
		}
	}
	causes := map[string]*cause{}
	for _, id := range order {
		b := best[id]
		key := b.Source + " " + b.After
		if b.Suspects > 1 && packages[key] < 2 {
			key = " "
		}
		one := causes[key]
		if one == nil {
			one = newCause(collection, key, &b)
			causes[key] = one
		}
		one.add(collection, &b)
	}
	v.Broke = len(order)
	for _, one := range causes {
		v.Groups = append(v.Groups, *one)
	}
	slices.SortFunc(v.Groups, func(a, b cause) int {
		if (a.Source == "") != (b.Source == "") {
			return cmp.Compare(b.Source, a.Source) // those without a cause last
		}
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Since.Compare(a.Since), cmp.Compare(a.Source, b.Source))
	})
	for _, one := range v.Groups {
		if one.Source != "" && len(v.Blamed) < mostBlamed {
			v.Blamed = append(v.Blamed, one)
		}
	}
	if n := len(v.Groups); n > shownGroups {
		rest := v.Groups[n-1]
		v.Groups = v.Groups[:shownGroups]
		if rest.Source == "" {
			v.Groups[shownGroups-1] = rest
		}
	}
}

func newCause(collection, key string, b *view.Blame) *cause {
	if key == " " {
		return &cause{Since: b.Since, MoreURL: listURL(collection, url.Values{"state": {"failing,unresolved"}, "order_by": {"since"}})}
	}
	one := &cause{Source: b.Source, Step: step(b.Before, b.After), Since: b.Since, URL: html.UpdateURL(collection, b.Source, b.After)}
	one.MoreURL = listURL(collection, url.Values{"cause": {strings.TrimSuffix(b.Source+"/"+b.After, "/")}})
	switch {
	case b.Proved():
		one.Sure, one.Why = "proved", b.Unmet+" is gone, and is still wanted"
		if b.Unmet == "" {
			one.Why = "what it took away is still wanted"
		}
	case b.Suspects == 1:
		one.Sure, one.Why = "the only suspect", "nothing else as near changed before they failed"
	default:
		one.Sure, one.Why = "a suspect", fmt.Sprintf("one of %d updates as near that changed before they failed", b.Suspects)
	}
	return one
}

func step(before, after string) string {
	switch {
	case before == "":
		return after
	case after == "":
		return before + " → gone"
	}
	return before + " → " + after
}

func (c *cause) add(collection string, b *view.Blame) {
	c.Count++
	if b.Since.Before(c.Since) {
		c.Since = b.Since
	}
	if len(c.Shown) < shownOfOne {
		c.Shown = append(c.Shown, brokenOf(collection, b))
	} else {
		c.More++
	}
}

func brokenOf(collection string, b *view.Blame) broken {
	line := b.Line
	if b.State == koschei.StateUnresolved && b.Unmet != "" {
		line = "nothing provides " + b.Unmet
	}
	return broken{b.Package, html.PackageURL(b.Package, collection), html.MarkOf(string(b.State)), b.Since, line}
}

// still finds out what has not built for longer than is asked about.
func (v *overview) still(r *web.Request, c *view.FrameCollection, most int) error {
	last, err := r.View.Repos.Blames(r.Context(), c.ID, time.Time{}, most)
	for i := range last {
		if i == 0 || last[i].Package != last[i-1].Package { // one for each suspect
			v.Still = append(v.Still, brokenOf(c.Name, &last[i]))
		}
	}
	return err
}

func (v *overview) mended(collection string, changes []view.StateChange) {
	for i := range changes {
		switch c := &changes[i]; {
		case !c.Mended():
		case len(v.Mended) < shownMended:
			v.Mended = append(v.Mended, link{c.Package, html.PackageURL(c.Package, collection)})
		default:
			v.MoreMended++
		}
	}
}

// MendedCount is how many were mended.
func (v *overview) MendedCount() int { return len(v.Mended) + v.MoreMended }

// say is the answer in a sentence.
func say(r *web.Request, c *view.FrameCollection, v *overview, counts view.PackageCounts, now *view.StateCount, words string) html.Prose {
	var p html.Prose
	if fresh := r.Fresh(c); fresh.Newer > 0 && fresh.Verdicts.RepoID != 0 {
		p = p.And(fmt.Sprintf("As of repo %d, made %s ago: ", fresh.Verdicts.RepoID, html.Span(r.Now.Sub(fresh.Verdicts.Created))))
	}
	tracked := counts.ByState[koschei.StateOK] + counts.ByState[koschei.StateFailing] + counts.ByState[koschei.StateUnresolved] + counts.ByState[koschei.StateUnknown]
	switch unknown := counts.ByState[koschei.StateUnknown]; {
	case tracked == 0 && now.Untracked > 0:
		return p.Strong(fmt.Sprintf("None of the %s is tracked yet.", html.Plural(now.Untracked, "package")))
	case tracked == 0:
		return p.Strong("It has no package yet.")
	case unknown*10 > tracked:
		return p.Strong("Koschei is getting to know " + c.DisplayName).And(fmt.Sprintf(": of %s of %s it is known how they are.",
			html.Count(tracked-unknown), html.Plural(tracked, "package")))
	}
	if v.Broke > 0 || v.MendedCount() > 0 {
		return v.happened(p, words)
	}
	p = p.Strong("Nothing broke " + words + ".")
	if len(v.Still) == 0 {
		return p
	}
	last := v.Still[0]
	return p.And(" The last was ").Link(last.Name, last.URL).And(", " + html.Span(r.Now.Sub(last.Since)) + " ago.")
}

func (v *overview) happened(p html.Prose, words string) html.Prose {
	p = p.Strong(fmt.Sprintf("%s broke and %s mended %s.", html.Plural(v.Broke, "package"), wasWere(v.MendedCount()), words))
	named := 0
	for i, c := range v.Blamed {
		switch i {
		case 0:
			p = p.And(" ").Link(c.Source, c.URL).And(fmt.Sprintf(" took %d of them down", c.Count))
		case 1:
			p = p.And("; ").Link(c.Source, c.URL)
		default:
			p = p.And(", ").Link(c.Source, c.URL)
		}
		if i > 0 {
			named += c.Count
		}
	}
	if len(v.Blamed) > 1 {
		verb := " account"
		if len(v.Blamed) == 2 {
			verb = " accounts"
		}
		p = p.And(fmt.Sprintf("%s for %d more", verb, named))
	}
	if len(v.Blamed) > 0 {
		p = p.And(".")
	}
	if n := len(v.Groups); n > 0 && v.Groups[n-1].Source == "" {
		p = p.And(fmt.Sprintf(" For %d no update is known to be at fault.", v.Groups[n-1].Count))
	}
	return p
}

func wasWere(n int) string {
	if n == 1 {
		return "1 was"
	}
	return html.Count(n) + " were"
}
