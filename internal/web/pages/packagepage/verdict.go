package packagepage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/depset"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A verdictView says in a sentence how a package is, and why as far as the
// record proves it: never more.
type verdictView struct {
	Mark     html.Mark
	Since    time.Time // zero if it is not known
	Running  bool
	Say      html.Prose
	Evidence []html.Prose // what the sentence rests on, each with its builds

	Problems   []string                // why its dependencies cannot be installed
	Suspects   []html.Change           // nearest of what changed from the last success to the first failure
	Stopped    *html.Task              // what brought the last failure down; nil if that is not known
	Troubles   []koschei.ServiceReport // what keeps the collection from being looked at
	collection string
	Compare    string // address of the two builds beside each other, "" if there is nothing to compare
}

// shownSuspects is how many changes a verdict names.
const shownSuspects = 3

// verdictOf judges the package of page in a collection.
func verdictOf(page *view.PackagePage, collection string, now time.Time) verdictView {
	k := page.Package
	v := verdictView{collection: collection, Mark: html.MarkOf(string(k.State())), Since: k.StateSince, Running: k.Running()}
	switch k.State() {
	case koschei.StateBlocked:
		v.Say = html.Prose{}.Strong("Blocked.").And(" The package is blocked in Koji, so it is not built.")
	case koschei.StateUntracked:
		v.Say = html.Prose{}.Strong("Not tracked.").And(" It is not built until somebody asks for that.")
	case koschei.StateUnresolved:
		v.unresolved(page)
	case koschei.StateFailing:
		v.failing(page)
	case koschei.StateOK:
		v.ok(page)
	default:
		v.unknown(page)
	}
	if k.Faults > 0 {
		v.faults(k, now)
	}
	if page.Awaited {
		v.tell(html.Say("Its last build was not taken into account yet."))
	}
	return v
}

func (v *verdictView) tell(p html.Prose) { v.Evidence = append(v.Evidence, p) }

// faults says that builds ended for no fault of the package: as the sentence
// where nothing else is known.
func (v *verdictView) faults(k *koschei.PackageStatus, now time.Time) {
	s := "Its last build ended for no fault of its own"
	if k.Faults > 1 {
		s = fmt.Sprintf("Its last %s ended for no fault of their own", html.Plural(k.Faults, "build"))
	}
	if kinds := strings.TrimSuffix(k.HoldReason, "."); kinds != "" && k.HeldAt(now) {
		s += " (" + kinds + ")"
	}
	again := ""
	if k.HeldAt(now) {
		again = fmt.Sprintf(" It is tried again at %s UTC.", k.HoldUntil.UTC().Format("2006-01-02 15:04"))
	}
	if k.State() == koschei.StateUnknown {
		v.Say, v.Mark.Shape = html.Prose{}.Strong(s+".").And(again), "fault"
		return
	}
	v.tell(html.Say(s + "." + again))
}

func (v *verdictView) unknown(page *view.PackagePage) {
	switch {
	case page.Package.LastBuildID == 0 && hasBuild(page.History):
		v.Say = html.Prose{}.Strong("No build of it is tagged.").And(" It is built again when one is.")
		return
	case page.LastSuccess == nil && page.Package.LastBuildID == 0:
		v.Say = html.Prose{}.Strong("Never built.").And(" No build of it is known.")
		return
	}
	v.Say = html.Prose{}.Strong("It is not known yet whether it builds.").And(" Its first build has not ended.")
}

func hasBuild(history []view.HistoryEntry) bool {
	return slices.ContainsFunc(history, func(e view.HistoryEntry) bool { return e.Build != nil })
}

// unresolved says what is missing, and since when and through what.
func (v *verdictView) unresolved(page *view.PackagePage) {
	v.Problems = page.Now.Problems
	if len(page.Unmet) > 0 {
		v.unmet(&page.Unmet[0])
		if n := len(page.Unmet) - 1; n > 0 {
			v.tell(html.Say("It lacks " + html.Plural(n, "other thing") + ", too."))
		}
	} else {
		v.Say = html.Prose{}.Strong("Its build dependencies cannot be installed")
		if repo := page.Now.Repo; repo.RepoID != 0 {
			v.Say = v.Say.And(" since repo ").Link(fmt.Sprint(repo.RepoID), html.RepoURL(v.collection, repo.RepoID))
		}
		if len(v.Problems) > 0 {
			v.Say = v.Say.And(":")
		} else {
			v.Say = v.Say.And(".")
		}
	}
	if good := page.LastSuccess; good != nil {
		v.tell(html.Say("It last built on "+day(good.Started)+": ").Link("build "+fmt.Sprint(good.ID), buildURL(good)).And(", " + good.EVR.String() + "."))
	}
}

// unmet says what became of a dependency that nothing provides.
func (v *verdictView) unmet(u *view.WantedUnmet) {
	repo := html.Say(" (repo ").Link(fmt.Sprint(u.RepoID), html.RepoURL(v.collection, u.RepoID)).And(").")
	update := html.UpdateURL(v.collection, u.Source, u.After)
	switch {
	case u.Why == depset.UnmetGone && u.After == "":
		v.Say = html.Prose{}.Strong(u.Dependency+" is gone with ").Link(u.Source+" "+u.Before, html.UpdateURL(v.collection, u.Source, ""))
	case u.Why == depset.UnmetGone:
		v.Say = html.Prose{}.Strong(u.Dependency+" is gone since ").Link(u.Source+" "+u.After, update)
	case u.Why == depset.UnmetNew:
		v.Say = html.Prose{}.Strong("Nothing provides "+u.Dependency).And(", which is wanted since ").Link(u.Source+" "+u.After, update)
	case u.Why == depset.UnmetAbsent:
		v.Say = html.Prose{}.Strong("Nothing provides " + u.Dependency + " here").And(", and nothing did in the repo before")
	default:
		v.Say = html.Prose{}.Strong("Nothing provides " + u.Dependency + " here")
	}
	v.Say = append(v.Say, repo...)
	switch {
	case u.NeededBy == "":
		v.Say = v.Say.And(" It is wanted by its own BuildRequires.")
	case u.Why == depset.UnmetGone:
		v.Say = v.Say.And(" " + u.NeededBy + " still needs it.")
	default:
		v.Say = v.Say.And(" " + u.NeededBy + " needs it.")
	}
	switch n := u.Packages - 1; {
	case n == 1:
		v.Say = v.Say.And(" 1 other package waits for the same.")
	case n > 1:
		v.Say = v.Say.And(fmt.Sprintf(" %s wait for the same.", html.Plural(n, "other package")))
	}
}

// failing says what is known of why it fails.
func (v *verdictView) failing(page *view.PackagePage) {
	good, bad := page.LastSuccess, page.FirstFailure
	switch {
	case good == nil:
		v.Say = html.Prose{}.Strong("No build of it is known to have succeeded.")
		return
	case bad == nil:
		v.Say = html.Prose{}.Strong("Its last build failed.")
		return
	}
	changed, known := page.Broke.List, page.Broke.Known
	if known {
		v.Compare = fmt.Sprintf("/compare?a=%d&b=%d", good.ID, bad.ID)
	}
	switch {
	case good.EVR != bad.EVR:
		v.ownVersion(page)
	case !known:
		v.Say = html.Prose{}.Strong("It failed after it had built.").And(" What the two builds were made with is not known, so nothing can be said of why.")
	case len(changed) == 0:
		v.Say = html.Prose{}.Strong("Nothing in its buildroot changed").And(fmt.Sprintf(
			": same source, same %s, built on %s, failed on %s. It is flaky, or the world around it changed.",
			html.Plural(page.Broke.Size, "package"), day(good.Started), day(bad.Started)))
	default:
		v.suspects(page)
	}
	v.builds(page)
	if len(changed) > 1 {
		for _, c := range changed[:min(len(changed), shownSuspects)] {
			v.Suspects = append(v.Suspects, html.ChangeOf(c))
		}
	}
}

// A suspect is an update with packages that changed before a package failed, or
// one such package where its update is not known.
type suspect struct {
	name, before, after string
	source              bool // it is an update
	packages            int
	distance            int // of the nearest; koschei.NoDistance if all are far
}

// suspectsOf are the updates that changed before a package failed, the nearest
// first.
func suspectsOf(page *view.PackagePage) []suspect {
	var list []suspect
	for _, c := range page.Broke.List { // nearest first
		var s suspect
		if c.Prev != nil {
			s.name, s.before = c.Prev.Name, c.Prev.EVR.String()
			if source, ok := page.Sources[*c.Prev]; ok {
				s.name, s.before, s.source = source.Name, source.Version, true
			}
		}
		if c.Curr != nil {
			source, ok := page.Sources[*c.Curr]
			if ok {
				s.name, s.after, s.source = source.Name, source.Version, true
			} else if !s.source {
				s.name, s.after = c.Curr.Name, c.Curr.EVR.String()
			}
		}
		if i := slices.IndexFunc(list, func(other suspect) bool { return s.source && other.source && other.name == s.name }); i >= 0 {
			list[i].packages++
			list[i].before, list[i].after = cmp.Or(list[i].before, s.before), cmp.Or(list[i].after, s.after)
			continue
		}
		s.packages, s.distance = 1, c.Distance
		list = append(list, s)
	}
	return list
}

// step says from where to where it went.
func (s *suspect) step() string {
	switch {
	case s.before == "":
		return " (new, " + s.after + ")"
	case s.after == "":
		return " (" + s.before + ", gone)"
	}
	return " " + s.before + " to " + s.after
}

func (s *suspect) add(p html.Prose, collection string, step bool) html.Prose {
	text := s.name
	if step {
		text += s.step()
	}
	if s.source {
		return p.Link(text, html.UpdateURL(collection, s.name, s.after))
	}
	return p.And(text)
}

// suspects says which update broke it, or that one of several did, and which most
// likely.
func (v *verdictView) suspects(page *view.PackagePage) {
	list := suspectsOf(page)
	first := list[0]
	const may = " may have broken it" // for nothing proves that its source was not broken before, or that it is no flake
	if len(list) == 1 {
		again, _ := failedAgain(page)
		did := " broke it"
		if again == 0 {
			did = may
		}
		v.Say = first.add(html.Prose{}.Strong("The update of "), v.collection, true).Strong(did + ".").And(" Nothing else in its buildroot changed")
		if again == 0 {
			v.Say = v.Say.And(", but it has failed only once")
		}
		v.Say = v.Say.And(".")
		return
	}
	near := 0
	for _, s := range list {
		if s.distance != koschei.NoDistance {
			near++
		}
	}
	v.Say = html.Prose{}.Strong(fmt.Sprintf("One of %d updates%s", len(list), may))
	switch {
	case near == 0:
		v.Say = v.Say.And(", none of which it requires: ")
	case near == 1 || first.distance < list[1].distance:
		v.Say = first.add(v.Say.And(", most likely "), v.collection, false).And(", the nearest: ")
	default:
		v.Say = v.Say.And(fmt.Sprintf(", most likely one of the %d that it requires: ", near))
	}
	for i, s := range list[:min(len(list), shownSuspects)] {
		if i > 0 {
			v.Say = v.Say.And(", ")
		}
		v.Say = s.add(v.Say, v.collection, false)
	}
	if n := len(list) - shownSuspects; n > 0 {
		v.Say = v.Say.And(" and " + html.Count(n) + " more")
	}
	v.Say = v.Say.And(".")
}

// ownVersion says that its own source changed, and what else did.
func (v *verdictView) ownVersion(page *view.PackagePage) {
	good, bad := page.LastSuccess, page.FirstFailure
	v.Say = html.Prose{}.Strong("Its own version " + bad.EVR.String() + " fails").And("; " + good.EVR.String() + " built")
	if good.RepoID != 0 {
		v.Say = v.Say.And(" in repo ").Link(fmt.Sprint(good.RepoID), html.RepoURL(v.collection, good.RepoID))
	}
	v.Say = v.Say.And(".")
	if page.Broke.Known && len(page.Broke.List) > 0 {
		v.tell(html.Say(fmt.Sprintf("%s of its buildroot changed, too.", html.Plural(len(page.Broke.List), "package"))))
	}
}

// failedAgain counts the failures after the first of the same source, and returns one
// that was made with the very same packages, nil if none was.
func failedAgain(page *view.PackagePage) (again int, same *view.BuildRecord) {
	bad := page.FirstFailure
	for _, e := range page.History {
		if b := e.Build; b != nil && b.Outcome == koschei.OutcomeFailed && b.Event > bad.Event && b.EVR == bad.EVR {
			again++
			if b.DependencySetID != 0 && bad.DepsKnown() && bad.SameSet(b) {
				same = b
			}
		}
	}
	return again, same
}

// builds is the evidence: the last build that succeeded, the first that failed,
// and what the others since say.
func (v *verdictView) builds(page *view.PackagePage) {
	good, bad := page.LastSuccess, page.FirstFailure
	v.tell(html.Say("It last built on "+day(good.Started)+" (").Link("build "+fmt.Sprint(good.ID), buildURL(good)).
		And(") and first failed on "+day(bad.Started)+" (").Link("build "+fmt.Sprint(bad.ID), buildURL(bad)).And(")."))
	again, same := failedAgain(page)
	switch {
	case same != nil:
		v.tell(html.Say("It failed again with the very same buildroot (").Link("build "+fmt.Sprint(same.ID), fmt.Sprintf("/build/%d", same.ID)).And("), so it is no flake."))
	case again > 0:
		v.tell(html.Say("It has failed " + html.Plural(again, "more time") + " since."))
	case slices.ContainsFunc(page.History, func(e view.HistoryEntry) bool {
		return e.Build != nil && e.Build.Event > bad.Event && !e.Build.Outcome.Ended()
	}):
		v.tell(html.Say("It is being built again now."))
	}
}

// ok says when it last built and what changed since.
func (v *verdictView) ok(page *view.PackagePage) {
	v.Say = html.Prose{}.Strong("Builds.")
	good := page.LastSuccess
	if good == nil {
		return
	}
	s := " Last on " + day(good.Started)
	if b := inHistory(page, good.ID); b != nil && !b.Finished.IsZero() {
		s += " in " + html.Duration(b.Finished.Sub(b.Started))
	}
	near := 0
	for _, c := range page.Changes.List {
		if c.Distance != koschei.NoDistance {
			near++
		}
	}
	switch changes := len(page.Changes.List); {
	case page.Before == nil || page.Before.ID != good.ID || !page.Changes.Known: // what changed since is not known
	case changes == 0:
		s += ", a build now would get the same packages"
	case near == 0:
		s += fmt.Sprintf(", %s since, none near", html.Plural(changes, "change"))
	default:
		s += fmt.Sprintf(", %s since, %d near", html.Plural(changes, "change"), near)
	}
	v.Say = v.Say.And(s + ".")
}

func inHistory(page *view.PackagePage, id int64) *view.BuildRecord {
	for _, e := range page.History {
		if e.Build != nil && e.Build.ID == id {
			return e.Build
		}
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format("2 January") }

func buildURL(b *view.BuildRef) string { return fmt.Sprintf("/build/%d", b.ID) }
