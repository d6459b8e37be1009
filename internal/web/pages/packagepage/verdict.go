package packagepage

import (
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A verdictView says in a sentence how a package is, and why as far as the
// record proves it: never more.
type verdictView struct {
	Mark    html.Mark
	Since   time.Time // zero if it is not known
	Running bool
	Say     string // the sentence
	More    string // what belongs to it, "" if nothing does

	Problems []string      // why its dependencies cannot be installed
	NowRepo  koschei.Repo  // the first of which that is so; zero if none is known
	Suspects []html.Change // nearest of what changed from the last success to the first failure
	Stopped  *html.Task    // what brought the last failure down; nil if that is not known
	Compare  string        // address of what changed from the last success to the first failure, "" if there is nothing
	Faults   string        // a sentence on builders' faults, "" if there were none
}

// shownSuspects is how many changes a verdict names.
const shownSuspects = 3

// verdictOf judges the package of page, of which changes is what a build now
// would get other than the last one.
func verdictOf(page *view.PackagePage, changes []koschei.Change, now time.Time) verdictView {
	k := page.Package
	v := verdictView{Mark: html.MarkOf(string(k.State())), Since: k.StateSince, Running: k.Running()}
	if k.Faults > 0 {
		v.Faults = faults(k, now)
	}
	switch k.State() {
	case koschei.StateBlocked:
		v.Say, v.More = "Blocked.", "The package is blocked in Koji, so it is not built."
	case koschei.StateUntracked:
		v.Say, v.More = "Not tracked.", "It is not built until somebody asks for that."
	case koschei.StateUnresolved:
		v.Say, v.Problems, v.NowRepo = "Its build dependencies cannot be installed", page.Now.Problems, page.Now.Repo
	case koschei.StateFailing:
		v.failing(page)
	case koschei.StateOK:
		v.Say, v.More = "Builds.", lastSuccess(page, changes)
	default:
		v.unknown(page)
	}
	return v
}

func faults(k *koschei.PackageStatus, now time.Time) string {
	s := "Its last build ended for no fault of its own."
	if k.Faults > 1 {
		s = fmt.Sprintf("Its last %s ended for no fault of its own.", html.Plural(k.Faults, "build"))
	}
	if k.HeldAt(now) {
		s += fmt.Sprintf(" It is tried again after %s UTC.", k.HoldUntil.UTC().Format("2006-01-02 15:04"))
	}
	return s
}

func (v *verdictView) unknown(page *view.PackagePage) {
	switch {
	case v.Faults != "":
		v.Say, v.Faults, v.Mark.Shape = v.Faults, "", "fault"
	case page.LastSuccess == nil && page.Package.LastBuildID == 0:
		v.Say, v.More = "Never built.", "No build of it is known."
	default:
		v.Say = "It is not known yet whether it builds."
	}
}

// failing says what is known of why it fails.
func (v *verdictView) failing(page *view.PackagePage) {
	good, bad := page.LastSuccess, page.FirstFailure
	switch {
	case good == nil:
		v.Say = "No build of it is known to have succeeded."
		return
	case bad == nil:
		v.Say = "Its last build failed."
		return
	}
	v.Compare = fmt.Sprintf("/build/%d?compare=%d", bad.ID, good.ID)
	if !good.DepsKnown() || !bad.DepsKnown() {
		v.Compare = ""
	}
	changed, known := between(page)
	switch {
	case good.EVR != bad.EVR:
		v.Say, v.More = fmt.Sprintf("Its own version %s fails.", bad.EVR), fmt.Sprintf("%s built.", good.EVR)
	case !known:
		v.Say = "It failed after it had built."
	case len(changed) == 0:
		v.Say = "Nothing in its buildroot changed."
		v.More = fmt.Sprintf("The same source with the same packages built on %s and failed on %s. It is flaky, or the world around it changed.",
			good.Started.UTC().Format("2 January"), bad.Started.UTC().Format("2 January"))
		v.Compare = ""
	default:
		v.Say = fmt.Sprintf("%s of its buildroot changed before it failed.", html.Plural(len(changed), "package"))
		if len(changed) == 1 {
			v.Say = fmt.Sprintf("Of its buildroot only %s changed before it failed.", changed[0].Name)
		}
	}
	for _, c := range changed[:min(len(changed), shownSuspects)] {
		v.Suspects = append(v.Suspects, html.ChangeOf(c))
	}
}

// between is what changed from the last success to the first failure, if the
// record has it at hand.
func between(page *view.PackagePage) (changes []koschei.Change, known bool) {
	if b := inHistory(page, page.FirstFailure.ID); b != nil && b.PrevBuildID == page.LastSuccess.ID {
		return b.Changes, b.Deps == koschei.DepsResolved
	}
	return nil, false
}

func inHistory(page *view.PackagePage, id int64) *view.BuildRecord {
	for _, e := range page.History {
		if e.Build != nil && e.Build.ID == id {
			return e.Build
		}
	}
	return nil
}

// lastSuccess says when it last built and what changed since.
func lastSuccess(page *view.PackagePage, changes []koschei.Change) string {
	good := page.LastSuccess
	if good == nil {
		return ""
	}
	s := "Last on " + good.Started.UTC().Format("2 January")
	if b := inHistory(page, good.ID); b != nil && !b.Finished.IsZero() {
		s += " in " + html.Duration(b.Finished.Sub(b.Started))
	}
	near := 0
	for _, c := range changes {
		if c.Distance != koschei.NoDistance {
			near++
		}
	}
	switch {
	case page.Before.Build == nil || page.Before.Build.ID != good.ID || len(page.Now.Set) == 0: // what changed since is not known
	case len(changes) == 0:
		s += "; a build now would get the same packages"
	case near == 0:
		s += fmt.Sprintf("; %s since, none near", html.Plural(len(changes), "change"))
	default:
		s += fmt.Sprintf("; %s since, %d of them near", html.Plural(len(changes), "change"), near)
	}
	return s + "."
}
