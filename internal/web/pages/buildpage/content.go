package buildpage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A content is the page of two builds.
type content struct {
	html.Layout
	Name           string // of the package
	Collection     string
	CollectionName string // as people call it
	Heading        string
	A              *side // nil if there is nothing to compare with
	B              *side
	Apart          string // time between the two, "" where that means nothing
	First, Second  []choice

	Count   int           // of all changes
	Chips   []html.Choice // which changes
	Changes []change
	Note    string        // a sentence instead of changes, or besides them
	Led     bool          // of a change it is known how the package came into the buildroot
	Stored  []html.Change // what is known of the changes where the sets are not
	Same    string        // the packages that both have
	SameNo  int

	Tasks   []task // of B
	Stop    *html.Task
	Excerpt *html.Excerpt // of B's log; nil if nothing is kept
	Home    *home         // how to build B at home; nil if that is not known
	Pairs   []pair        // others worth a look
}

// A side is one of the two builds, or what one would get now.
type side struct {
	*html.Build // nil for now
	Mark        html.Mark
	Size        int
	RepoID      int64 // 0 if it is not known
	RepoEvent   int64 // 0 if the repo is not kept
	RepoCreated time.Time
	Problems    []string // why there would be no buildroot now
}

// A choice is a build to compare with, by what it is.
type choice struct {
	Value, Text string
	Chosen      bool
}

// A task is one of a build with its length beside those of the others.
type task struct {
	html.Task
	Share float64 // of the longest, in percent
	Class string
}

// home is what to type to build a build's source again.
type home struct {
	Lines  []string
	TaskID int64
}

// A pair is another comparison.
type pair struct{ URL, Text string }

// content is what page shows of the changes at a distance.
func (p *pages) content(page *view.Comparison, c *view.FrameCollection, distance, address string) *content {
	v := &content{
		Name: page.PackageName, Collection: c.Name, CollectionName: c.DisplayName,
		A: p.side(page.A), B: p.side(page.B), Count: len(page.Changes.List),
	}
	v.Heading = heading(page)
	if page.A != nil && page.B.BuildRecord != nil {
		v.Apart = html.Span(max(0, page.B.Started.Sub(page.A.Started)))
	}
	v.First, v.Second = choices(page)
	v.Note = note(page)
	if page.Changes.Known {
		v.filter(page, distance, address)
		v.same(page)
	} else if b := page.B.BuildRecord; b != nil && len(b.Changes) > 0 && page.A == nil {
		for _, change := range b.Changes {
			v.Stored = append(v.Stored, html.ChangeOf(change))
		}
	}
	if v.B.Build != nil {
		v.Tasks = tasks(v.B.Tasks)
		for i := range v.B.Tasks {
			if v.B.Tasks[i].Guilty {
				v.Stop = &v.B.Tasks[i]
			}
		}
	}
	v.Home, v.Pairs = atHome(page, c), pairs(page)
	return v
}

func (p *pages) side(s *view.Side) *side {
	if s == nil {
		return nil
	}
	v := &side{Size: s.Size(), RepoID: s.Repo.RepoID, RepoEvent: s.Repo.CreateEvent, RepoCreated: s.Repo.Created, Problems: s.Problems}
	if s.BuildRecord == nil {
		v.Mark = html.Mark{Shape: "none", Word: "now"}
		if len(s.Problems) > 0 {
			v.Mark = html.Mark{Shape: "warn", Word: "cannot be installed now"}
		}
		return v
	}
	v.Build = web.BuildOf(s.BuildRecord, p.links)
	v.Mark = html.MarkOf(string(s.Outcome))
	return v
}

// heading is the question that a page answers.
func heading(page *view.Comparison) string {
	a, b := page.A, page.B
	switch {
	case b.BuildRecord == nil:
		return "What a build of " + page.PackageName + " would get now"
	case a != nil && a.Outcome == koschei.OutcomeComplete && b.Outcome == koschei.OutcomeFailed:
		return "What made " + page.PackageName + " fail"
	case a != nil && a.Outcome == koschei.OutcomeFailed && b.Outcome == koschei.OutcomeComplete:
		return "What mended " + page.PackageName
	}
	return fmt.Sprintf("%s-%s, build %d", page.PackageName, b.EVR, b.ID)
}

// note says why there are no changes, or what it means that there are none.
func note(page *view.Comparison) string {
	b := page.B
	switch {
	case page.Same != nil && b.BuildRecord != nil && b.Outcome.Ended() && page.Same.Outcome != b.Outcome && (page.A == nil || page.A.ID != page.Same.ID):
		return fmt.Sprintf("Build %d was of the same source with the same packages, and %s: what differs is not in the buildroot.", page.Same.ID, ended(page.Same.Outcome))
	case page.Changes.Known && len(page.Changes.List) == 0:
		return fmt.Sprintf("The same %s in both: what differs is not in the buildroot.", html.Plural(page.Changes.Size, "package"))
	case page.Changes.Known:
		return ""
	case b.BuildRecord == nil && len(b.Problems) > 0:
		return "Its dependencies cannot be installed now, so there is no buildroot to compare."
	case b.BuildRecord == nil:
		return "Its dependencies were not resolved in the latest repo yet."
	case b.Size() == 0:
		return depsNote(b.BuildRecord)
	case page.A == nil && len(b.Changes) > 0:
		return "It is not known any more what the build before was made with. These changes were stored when it was:"
	case page.A == nil:
		return "There is no earlier build to compare its dependencies with."
	}
	return "It is not known what build " + strconv.FormatInt(page.A.ID, 10) + " was made with."
}

// ended says how a build that counts ended.
func ended(o koschei.Outcome) string {
	if o == koschei.OutcomeFailed {
		return "failed"
	}
	return "completed"
}

func depsNote(b *view.BuildRecord) string {
	return html.BuildOf(&b.Build, html.BuildHistory{Compared: true}, nil).DepsNote
}

// A change is one with how the package came into the second buildroot.
type change struct {
	html.Change
	Via string // "" if that is not known
}

func changeOf(c koschei.Change) change { return change{Change: html.ChangeOf(c)} }

// lead says of the changes how the packages came into the buildroot, by name: through
// which others, from what the package asks for on.
func (v *content) lead(via map[string][]string) {
	for i := range v.Changes {
		c := &v.Changes[i]
		switch chain, known := via[c.Name]; {
		case !known || c.Curr == nil:
		case len(chain) == 0:
			c.Via, v.Led = "it is asked for itself", true
		default:
			c.Via, v.Led = strings.Join(append(slices.Clone(chain), c.Name), " → "), true
		}
	}
}

// filter shows the changes at a distance, and offers the others.
func (v *content) filter(page *view.Comparison, distance, address string) {
	near := 0
	for _, each := range page.Changes.List {
		far := each.Distance == koschei.NoDistance
		if !far {
			near++
		}
		if distance == "" || far == (distance == "far") {
			v.Changes = append(v.Changes, changeOf(each))
		}
	}
	if near == 0 || near == v.Count {
		return
	}
	if page.A.BuildRecord != nil && strings.HasPrefix(address, "/build/") {
		address = compareURL(page.A.ID, page.B.ID, "")
	}
	for _, chip := range []struct {
		distance, text string
		count          int
	}{{"", "all", v.Count}, {"near", "required", near}, {"far", "far", v.Count - near}} {
		url := address
		if chip.distance != "" {
			url += "&distance=" + chip.distance
		}
		v.Chips = append(v.Chips, html.Choice{Text: chip.text, Count: html.Count(chip.count), URL: url, Chosen: chip.distance == distance})
	}
}

// same lists what both have.
func (v *content) same(page *view.Comparison) {
	changed := map[string]bool{}
	for _, change := range page.Changes.List {
		if change.Curr != nil {
			changed[change.Curr.String()] = true
		}
	}
	var list []string
	for _, d := range page.Set {
		if name := d.String(); !changed[name] {
			list = append(list, name)
		}
	}
	v.Same, v.SameNo = strings.Join(list, " "), len(list)
}

// choices are builds by what they are, for both sides.
func choices(page *view.Comparison) (first, second []choice) {
	var a, b int64
	if page.A != nil {
		a = page.A.ID
	}
	if page.B.BuildRecord != nil {
		b = page.B.ID
	}
	add := func(list []choice, ref *view.BuildRef, what string, chosen int64) []choice {
		if ref == nil || slices.ContainsFunc(list, func(c choice) bool { return c.Value == strconv.FormatInt(ref.ID, 10) }) {
			return list
		}
		return append(list, choice{strconv.FormatInt(ref.ID, 10), fmt.Sprintf("%d, %s", ref.ID, what), ref.ID == chosen})
	}
	first = add(add(first, page.LastSuccess, "the last that built", a), page.Before, "the build before", a)
	second = add(add(add(second, page.FirstFailure, "the first that failed", b), page.Newest, "the newest", b), page.Newer, "the next build", b)
	if a != 0 && !slices.ContainsFunc(first, func(c choice) bool { return c.Chosen }) {
		first = append(first, choice{strconv.FormatInt(a, 10), fmt.Sprintf("%d, %s", a, page.A.EVR), true})
	}
	if b != 0 && !slices.ContainsFunc(second, func(c choice) bool { return c.Chosen }) {
		second = append(second, choice{strconv.FormatInt(b, 10), fmt.Sprintf("%d, %s", b, page.B.EVR), true})
	}
	return first, append(second, choice{"now", "what a build would get now", b == 0})
}

func tasks(list []html.Task) []task {
	var longest time.Duration
	for _, t := range list {
		longest = max(longest, t.Lasted)
	}
	var shown []task
	for _, t := range list {
		one := task{Task: t, Class: "stop"}
		switch t.State {
		case koschei.TaskClosed:
			one.Class = "good"
		case koschei.TaskFailed:
			one.Class = "badd"
		}
		if longest > 0 {
			one.Share = float64(t.Lasted*1000/longest) / 10
		}
		shown = append(shown, one)
	}
	return shown
}

// atHome says how to build again what was built.
func atHome(page *view.Comparison, c *view.FrameCollection) *home {
	b := page.B
	if b.BuildRecord == nil || b.TaskID == 0 || b.Repo.RepoID == 0 {
		return nil
	}
	return &home{TaskID: b.TaskID, Lines: []string{
		fmt.Sprintf("koji download-task --arch=src %d", b.TaskID),
		fmt.Sprintf("koji mock-config --tag=%s --arch=x86_64 -o koschei.cfg", c.BuildTag),
		fmt.Sprintf("mock -r ./koschei.cfg --rebuild %s-%s.src.rpm", page.PackageName, versionRelease(b.BuildRecord)),
	}}
}

func versionRelease(b *view.BuildRecord) string { return b.EVR.Version + "-" + b.EVR.Release }

// pairs are other comparisons worth a look.
func pairs(page *view.Comparison) (list []pair) {
	add := func(a, b *view.BuildRef, text string) {
		if a == nil || b == nil || a.ID == b.ID || page.A != nil && page.B.BuildRecord != nil && page.A.ID == a.ID && page.B.ID == b.ID {
			return
		}
		list = append(list, pair{compareURL(a.ID, b.ID, ""), fmt.Sprintf("%d and %d: %s", a.ID, b.ID, text)})
	}
	add(page.LastSuccess, page.FirstFailure, "the last that built, the first that failed")
	add(page.FirstFailure, page.Newest, "the first that failed, the newest")
	if b := page.B.BuildRecord; b != nil && page.Same != nil {
		add(page.Same, &view.BuildRef{ID: b.ID}, "the same source with the same packages")
	}
	if b := page.B.BuildRecord; b != nil {
		list = append(list, pair{compareURL(b.ID, 0, ""), fmt.Sprintf("%d and what a build would get now", b.ID)})
	}
	return list
}
