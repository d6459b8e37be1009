// Package takeover brings the builds of the original Koschei into our record, for
// the command import-upstream.
//
// Here events order builds (decision 11). The original knows no events and keeps
// builds by the time they started. So the hub is asked. A scratch build belongs
// after the newest event before its task was made, a real one at the event of its
// tagging. A build that the hub does not know is left out and named; nothing is
// guessed. So is what cannot be stored here.
//
// The hub is asked about many builds at a time, which are then stored a few
// packages at a time. Each package with all its builds is one transaction, so the
// work may be killed at any moment and run again: what is here already is skipped
// without asking the hub. The package does not read or store what people decided;
// that is done before it.
package takeover

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/postgres/upstream"
	"github.com/koschei-ci/koschei/internal/record/pasts"
	"github.com/koschei-ci/koschei/internal/view"
)

// A Takeover is what is needed to take builds over.
type Takeover struct {
	Pasts    *pasts.Pasts
	View     *view.View // of the states that packages have here
	Original *upstream.Original
	Hubs     koji.Hubs
	Step     func() // called after each package; nil if nobody looks
	Ask      int    // about how many builds the hubs are asked about at a time; 0 is 20000
	Batch    int    // about how many builds are taken over in one transaction; 0 is 400

	timelines map[koschei.Hub]*timeline
}

// A Report is what became of the past of a collection's packages.
type Report struct {
	Builds, Transitions int
	NotTaken            []Build // builds that were left out
	Partly              []Build // those of which something was
	Notes               []string
	Otherwise           []Otherwise
}

// A Build is one that was not taken over as it was.
type Build struct {
	Package, EVR string
	TaskID       int64
	Why          string
}

func (b Build) String() string {
	return fmt.Sprintf("%s-%s (task %d): %s", b.Package, b.EVR, b.TaskID, b.Why)
}

// Otherwise is a package that is in another state here than in the original.
type Otherwise struct {
	Package    string
	Was, State koschei.State
}

func (o Otherwise) String() string { return fmt.Sprintf("%s (%s, was %s)", o.Package, o.State, o.Was) }

const (
	defaultAsk   = 20_000
	defaultBatch = 400
)

// Collection takes over what is not here yet of the past of a collection's
// packages. With an error, the report tells of what was done before it.
func (t *Takeover) Collection(ctx context.Context, c *koschei.Collection) (*Report, error) {
	report := &Report{}
	packages, err := t.Original.Packages(ctx, c.Name)
	if err != nil {
		return report, err
	}
	p, err := t.placer(ctx, c, report)
	if err != nil {
		return report, err
	}
	for len(packages) > 0 {
		n := nextBatch(packages, cmp.Or(t.Ask, defaultAsk))
		if err := t.packages(ctx, c, p, packages[:n]); err != nil {
			return report, err
		}
		packages = packages[n:]
	}
	return report, t.compare(ctx, c, report)
}

// placer returns what places a collection's builds, once it is sure that the
// original's times are read in the right zone.
func (t *Takeover) placer(ctx context.Context, c *koschei.Collection, report *Report) (*placer, error) {
	source, err := t.Hubs.Source(c)
	if err != nil {
		return nil, err
	}
	p := &placer{tasks: t.Hubs.Primary, source: source, hub: c.SourceHub(), tags: map[string]bool{c.DestTag: true}, report: report}
	newest, err := t.Original.Newest(ctx, c.Name, 100)
	if err != nil {
		return nil, err
	}
	if err := p.checkClock(ctx, newest); err != nil {
		return nil, err
	}
	tags, err := source.InheritedTags(ctx, c.DestTag)
	switch {
	case err != nil && koji.ClassOf(err) == koji.Permanent:
		report.Notes = append(report.Notes, fmt.Sprintf("the hub does not know any more what its destination tag %s inherits from: %s", c.DestTag, err))
	case err != nil:
		return nil, fmt.Errorf("tags that %s inherits from: %w", c.DestTag, err)
	}
	for _, tag := range tags {
		p.tags[tag] = true
	}
	if t.timelines == nil {
		t.timelines = map[koschei.Hub]*timeline{}
	}
	if p.events = t.timelines[p.hub]; p.events == nil {
		p.events = &timeline{hub: source}
		t.timelines[p.hub] = p.events
	}
	return p, nil
}

// nextBatch returns how many of the packages come next: together they have no
// more builds than that, or there is one with more.
func nextBatch(packages []upstream.Package, most int) int {
	builds := 0
	for i := range packages {
		if builds += packages[i].Builds; builds > most || i == most {
			return max(i, 1)
		}
	}
	return len(packages)
}

// Missing counts what is not here yet of the past of a collection's packages,
// which need not be here either.
func (t *Takeover) Missing(ctx context.Context, collection string, collectionID int64) (builds, transitions int, err error) {
	packages, err := t.Original.Packages(ctx, collection)
	for err == nil && len(packages) > 0 {
		n := nextBatch(packages, cmp.Or(t.Batch, defaultBatch))
		var f *fresh
		if f, err = t.fresh(ctx, collection, collectionID, packages[:n]); err == nil {
			builds, transitions = builds+len(f.builds), transitions+len(f.transitions)
		}
		packages = packages[n:]
	}
	return builds, transitions, err
}

// fresh is what the original knows and we do not.
type fresh struct {
	builds      []*upstream.Build
	transitions []upstream.Transition
}

func (t *Takeover) fresh(ctx context.Context, collection string, collectionID int64, packages []upstream.Package) (*fresh, error) {
	names := make([]string, len(packages))
	for i := range packages {
		names[i] = packages[i].Name
	}
	builds, transitions, err := t.Original.Past(ctx, collection, names)
	if err != nil {
		return nil, err
	}
	known, err := t.Pasts.KnownPast(ctx, collectionID, names)
	if err != nil {
		return nil, err
	}
	f := &fresh{}
	for _, b := range builds {
		if key := *keyOf(b); !known.Builds[key] {
			known.Builds[key] = true // the original may have it twice
			f.builds = append(f.builds, b)
		}
	}
	f.transitions = slices.DeleteFunc(transitions, func(tr upstream.Transition) bool {
		return known.Resolved[tr.Package] || known.Transitions[tr.Package][tr.Changed.UnixMicro()]
	})
	return f, nil
}

func keyOf(b *upstream.Build) *pasts.TakenKey {
	if b == nil {
		return nil
	}
	key := pasts.TakenKey{Package: b.Package, Origin: koschei.Scratch, TaskID: b.TaskID}
	if b.Real {
		key.Origin = koschei.Real
	}
	return &key
}

// packages asks the hubs about the builds of some packages, and takes them over
// a few packages at a time.
func (t *Takeover) packages(ctx context.Context, c *koschei.Collection, p *placer, packages []upstream.Package) error {
	f, err := t.fresh(ctx, c.Name, c.ID, packages)
	if err != nil {
		return err
	}
	placed, err := p.place(ctx, f)
	if err != nil {
		return err
	}
	for len(packages) > 0 {
		n := nextBatch(packages, cmp.Or(t.Batch, defaultBatch))
		if err := t.store(ctx, c, p.report, packages[:n], placed); err != nil {
			return err
		}
		for range n {
			if t.Step != nil {
				t.Step()
			}
		}
		packages = packages[n:]
	}
	return nil
}

// store takes over some packages' builds that have a place.
func (t *Takeover) store(ctx context.Context, c *koschei.Collection, report *Report, packages []upstream.Package, all map[string]*past) error {
	var builds []*upstream.Build
	histories := make([]pasts.TakenPast, 0, len(packages))
	for i := range packages {
		if past := all[packages[i].Name]; past != nil {
			for _, b := range past.builds {
				builds = append(builds, b.was)
			}
		}
	}
	if err := t.Original.Fill(ctx, builds); err != nil {
		return err
	}
	for i := range packages {
		history := pasts.TakenPast{Package: packages[i].Name, Resolution: packages[i].Resolution}
		if past := all[packages[i].Name]; past != nil {
			history.Transitions = past.transitions
			for _, b := range past.inOrder() {
				history.Builds = append(history.Builds, b.taken())
			}
		}
		histories = append(histories, history)
	}
	for _, b := range builds {
		for _, flaw := range b.Flaws {
			report.Partly = append(report.Partly, named(b, flaw))
		}
	}
	return t.save(ctx, c, report, builds, histories)
}

// save stores what became of packages. What the database does not take of one of
// them does not keep the others out.
func (t *Takeover) save(ctx context.Context, c *koschei.Collection, report *Report, builds []*upstream.Build, histories []pasts.TakenPast) error {
	taken, err := t.Pasts.TakePasts(ctx, c.ID, histories)
	switch {
	case err == nil:
		report.Builds += taken.Builds
		report.Transitions += taken.Transitions
		report.leave(builds, taken.Left, "another build of the package is under way, or this one is here under another task")
		return nil
	case !postgres.IsBadData(err):
		return err
	}
	parts := halves(histories)
	if parts == nil {
		report.refuse(builds, &histories[0], err)
		return nil
	}
	for _, part := range parts {
		if err := t.save(ctx, c, report, builds, part); err != nil {
			return err
		}
	}
	return nil
}

// halves divides packages, or what became of one; nil if there is nothing left to
// divide.
func halves(histories []pasts.TakenPast) [][]pasts.TakenPast {
	if n := len(histories); n > 1 {
		return [][]pasts.TakenPast{histories[:n/2], histories[n/2:]}
	}
	first, second := histories[0], histories[0]
	switch builds, transitions := len(first.Builds), len(first.Transitions); {
	case builds+transitions < 2:
		return nil
	case builds > 1:
		first.Builds, second.Builds, first.Transitions = first.Builds[:builds/2], second.Builds[builds/2:], nil
	case builds == 1:
		first.Transitions, second.Builds = nil, nil
	default:
		first.Transitions, second.Transitions = first.Transitions[:transitions/2], second.Transitions[transitions/2:]
	}
	return [][]pasts.TakenPast{{first}, {second}}
}

// refuse notes what the database did not take: one build, one transition, or
// that a package is resolved or not.
func (r *Report) refuse(builds []*upstream.Build, history *pasts.TakenPast, err error) {
	why := "it cannot be stored: " + err.Error()
	if len(history.Builds) == 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("package %s: its installability is not taken over: %s", history.Package, why))
		return
	}
	b := &history.Builds[0]
	r.leave(builds, []pasts.TakenKey{{Package: history.Package, Origin: b.Origin, TaskID: b.TaskID}}, why)
}

// leave notes builds that were left out.
func (r *Report) leave(builds []*upstream.Build, left []pasts.TakenKey, why string) {
	if len(left) == 0 {
		return
	}
	for _, b := range builds {
		if slices.Contains(left, *keyOf(b)) {
			r.not(b, why)
		}
	}
}

func (r *Report) not(b *upstream.Build, why string) { r.NotTaken = append(r.NotTaken, named(b, why)) }

func named(b *upstream.Build, why string) Build {
	return Build{Package: b.Package, EVR: b.EVR.String(), TaskID: b.TaskID, Why: why}
}

// compare notes the packages that are in another state than in the original.
func (t *Takeover) compare(ctx context.Context, c *koschei.Collection, report *Report) error {
	packages, err := t.Original.Packages(ctx, c.Name)
	if err != nil {
		return err
	}
	states, err := t.View.Packages.States(ctx, c.ID)
	if err != nil {
		return err
	}
	for _, p := range packages {
		if state, here := states[p.Name]; here && state != p.State {
			report.Otherwise = append(report.Otherwise, Otherwise{Package: p.Name, Was: p.State, State: state})
		}
	}
	return nil
}
