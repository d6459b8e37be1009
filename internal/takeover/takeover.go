// Package takeover brings the builds of the original Koschei into our record, for
// the command import-upstream.
//
// Here events order builds (decision 11). The original knows no events and keeps
// builds by the time they started. So the hub is asked. A scratch build belongs
// after the newest event before its task was made, a real one at the event of its
// tagging. A build that the hub does not know is left out and named; nothing is
// guessed.
//
// The work is done a few packages at a time. Each package with all its builds is
// one transaction, so the work may be killed at any moment and run again: what is
// here already is skipped without asking the hub. The package does not read or
// store what people decided; that is done before it.
package takeover

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
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
	Batch    int    // about how many builds are taken over in one transaction; 0 is 400
}

// A Report is what became of the past of a collection's packages.
type Report struct {
	Builds, Transitions int
	NotTaken            []NotTaken
	Otherwise           []Otherwise
}

// NotTaken is a build that was left out.
type NotTaken struct {
	Package, EVR string
	TaskID       int64
	Why          string
}

func (n NotTaken) String() string {
	return fmt.Sprintf("%s-%s (task %d): %s", n.Package, n.EVR, n.TaskID, n.Why)
}

// Otherwise is a package that is in another state here than in the original.
type Otherwise struct {
	Package    string
	Was, State koschei.State
}

func (o Otherwise) String() string { return fmt.Sprintf("%s (%s, was %s)", o.Package, o.State, o.Was) }

const defaultBatch = 400

// Collection takes over what is not here yet of the past of a collection's
// packages. With an error, the report tells of what was done before it.
func (t *Takeover) Collection(ctx context.Context, c *koschei.Collection) (*Report, error) {
	report := &Report{}
	packages, err := t.Original.Packages(ctx, c.Name)
	if err != nil {
		return report, err
	}
	source, err := t.Hubs.Source(c)
	if err != nil {
		return report, err
	}
	tags, err := source.InheritedTags(ctx, c.DestTag)
	if err != nil {
		return report, fmt.Errorf("tags that %s inherits from: %w", c.DestTag, err)
	}
	p := &placer{tasks: t.Hubs.Primary, source: source, hub: c.SourceHub(), tags: append(tags, c.DestTag), report: report}
	for len(packages) > 0 {
		n := t.nextBatch(packages)
		if err := t.packages(ctx, c, p, packages[:n]); err != nil {
			return report, err
		}
		for range n {
			if t.Step != nil {
				t.Step()
			}
		}
		packages = packages[n:]
	}
	return report, t.compare(ctx, c, report)
}

// nextBatch returns how many of the packages come next: together they have as
// many builds as are taken over at a time, or there is one with more.
func (t *Takeover) nextBatch(packages []upstream.Package) int {
	batch, builds := cmp.Or(t.Batch, defaultBatch), 0
	for i := range packages {
		if builds += packages[i].Builds; builds > batch || i == batch {
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
		n := t.nextBatch(packages)
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

func (t *Takeover) packages(ctx context.Context, c *koschei.Collection, p *placer, packages []upstream.Package) error {
	f, err := t.fresh(ctx, c.Name, c.ID, packages)
	if err != nil {
		return err
	}
	if err := t.Original.Fill(ctx, f.builds); err != nil {
		return err
	}
	histories := make([]pasts.TakenPast, len(packages))
	byName := make(map[string]*pasts.TakenPast, len(packages))
	for i := range packages {
		histories[i] = pasts.TakenPast{Package: packages[i].Name, Resolution: packages[i].Resolution}
		byName[packages[i].Name] = &histories[i]
	}
	placed, err := p.place(ctx, f.builds)
	if err != nil {
		return err
	}
	for i, b := range f.builds {
		if placed[i] != nil {
			byName[b.Package].Builds = append(byName[b.Package].Builds, *placed[i])
		}
	}
	for i := range histories {
		// A real build comes before the scratch builds of its source that have
		// the same event.
		slices.SortStableFunc(histories[i].Builds, func(a, b pasts.TakenBuild) int {
			return cmp.Or(cmp.Compare(a.Event, b.Event), cmp.Compare(a.Origin, b.Origin)) // "real" < "scratch"
		})
	}
	if err := p.placeTransitions(ctx, f.transitions, byName); err != nil {
		return err
	}
	taken, err := t.Pasts.TakePasts(ctx, c.ID, histories)
	if err != nil {
		return err
	}
	p.report.Builds += taken.Builds
	p.report.Transitions += taken.Transitions
	p.report.leave(f.builds, taken.Left)
	return nil
}

// leave notes the builds that there was no place for.
func (r *Report) leave(builds []*upstream.Build, left []pasts.TakenKey) {
	for _, b := range builds {
		if slices.Contains(left, *keyOf(b)) {
			r.not(b, "another build of the package is under way, or this one is here under another task")
		}
	}
}

func (r *Report) not(b *upstream.Build, why string) {
	r.NotTaken = append(r.NotTaken, NotTaken{Package: b.Package, EVR: b.EVR.String(), TaskID: b.TaskID, Why: why})
}

// compare notes the packages that are in another state than in the original.
func (t *Takeover) compare(ctx context.Context, c *koschei.Collection, report *Report) error {
	packages, err := t.Original.Packages(ctx, c.Name)
	if err != nil {
		return err
	}
	states, err := t.View.States(ctx, c.ID)
	if err != nil {
		return err
	}
	for _, p := range packages {
		if state := states[p.Name]; state != p.State {
			report.Otherwise = append(report.Otherwise, Otherwise{Package: p.Name, Was: p.State, State: state})
		}
	}
	return nil
}
