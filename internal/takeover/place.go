package takeover

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/postgres/upstream"
	"github.com/koschei-ci/koschei/internal/record/pasts"
)

// A placer finds the place of builds of a collection in the order of events of
// its source hub.
type placer struct {
	tasks  *koji.Client // of scratch builds
	source *koji.Client
	hub    koschei.Hub     // that source is
	events *timeline       // of source
	tags   map[string]bool // the destination tag and those it inherits from
	report *Report
}

// A past is what became of a package, with its places.
type past struct {
	builds      []*placed
	transitions []pasts.TakenTransition
}

// placed is a build with its place and the times that the hub has of it.
type placed struct {
	was  *upstream.Build
	ours koschei.Build // what needs no more than the hubs and the row of the build
}

// place finds the places of what is new, by package. Builds without a place in
// the hub's order are left out; the report names them.
func (p *placer) place(ctx context.Context, f *fresh) (map[string]*past, error) {
	all := map[string]*past{}
	of := func(name string) *past {
		if all[name] == nil {
			all[name] = &past{}
		}
		return all[name]
	}
	scratch, err := p.scratchBuilds(ctx, f.builds)
	if err != nil {
		return nil, err
	}
	transitions := p.timed(f.transitions)
	times := make([]time.Time, 0, len(scratch)+len(transitions))
	for _, b := range scratch {
		times = append(times, b.ours.Started)
	}
	for i := range transitions {
		times = append(times, transitions[i].Changed)
	}
	events, err := p.events.before(ctx, times)
	if err != nil {
		return nil, fmt.Errorf("events of builds: %w", err)
	}
	for i, b := range scratch {
		if b.ours.Event = events[i]; b.ours.Event == 0 {
			p.report.not(b.was, "the hub has no event before it")
			continue
		}
		of(b.was.Package).builds = append(of(b.was.Package).builds, b)
	}
	for i, event := range events[len(scratch):] {
		t := &transitions[i]
		of(t.Package).transitions = append(of(t.Package).transitions, pasts.TakenTransition{
			Event: event, Resolved: t.Resolved, Problems: t.Problems, Changed: t.Changed,
		})
	}
	real, err := p.realBuilds(ctx, f.builds)
	if err != nil {
		return nil, err
	}
	for name, family := range real {
		of(name).placeReal(family)
	}
	return all, nil
}

// timed returns the transitions that have a time.
func (p *placer) timed(transitions []upstream.Transition) (timed []upstream.Transition) {
	for _, t := range transitions {
		if t.Changed.IsZero() {
			p.report.Notes = append(p.report.Notes, fmt.Sprintf("package %s: a change of installability has no time and is left out", t.Package))
			continue
		}
		timed = append(timed, t)
	}
	return timed
}

// scratchBuilds returns the scratch builds that the hub knows, without their
// places.
func (p *placer) scratchBuilds(ctx context.Context, builds []*upstream.Build) ([]*placed, error) {
	var scratch []*upstream.Build
	var ids []int64
	for _, b := range builds {
		if !b.Real {
			scratch, ids = append(scratch, b), append(ids, b.TaskID)
		}
	}
	tasks, err := p.tasks.Tasks(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("tasks of builds: %w", err)
	}
	var known []*placed
	for i, b := range scratch {
		if why := notOf(tasks[i], b); why != "" {
			p.report.not(b, why)
			continue
		}
		ours := oursOf(b)
		ours.Origin, ours.Hub = koschei.Scratch, koschei.Primary
		ours.Started, ours.Finished = tasks[i].Created, tasks[i].Completed
		known = append(known, &placed{b, ours})
	}
	return known, nil
}

// notOf says why a task is not the one of a build, "" if it is.
func notOf(task *koji.Task, b *upstream.Build) string {
	source := fmt.Sprintf("%s-%s-%s.src.rpm", b.Source, b.EVR.Version, b.EVR.Release)
	switch {
	case task == nil:
		return "the hub has no such task"
	case task.Method != "build" || path.Base(task.Source()) != source:
		return "this task of the hub is another one"
	}
	return ""
}

// clockSlack is how far the original's time of a task may be off the hub's.
const clockSlack = 5 * time.Minute

// checkClock returns an error if the original's times are most likely in
// another zone: of builds that have ended, it has the hub's times of their tasks.
func (p *placer) checkClock(ctx context.Context, ended []*upstream.Build) error {
	ids := make([]int64, len(ended))
	for i, b := range ended {
		ids[i] = b.TaskID
	}
	tasks, err := p.tasks.Tasks(ctx, ids)
	if err != nil {
		return fmt.Errorf("tasks of builds: %w", err)
	}
	known, wrong := 0, 0
	var off time.Duration
	for i, b := range ended {
		if b.Started.IsZero() || notOf(tasks[i], b) != "" {
			continue
		}
		known++
		if d := b.Started.Sub(tasks[i].Created); d.Abs() > clockSlack {
			off = d
			wrong++
		}
	}
	if wrong*2 > known {
		return &upstream.Unfit{Why: fmt.Sprintf(
			"the original's times are %s off the hub's: say with --timezone in which zone they are", off.Round(time.Minute))}
	}
	return nil
}

// oursOf is what of a build is the same here.
func oursOf(b *upstream.Build) koschei.Build {
	return koschei.Build{
		Outcome: b.Outcome, Untagged: b.Untagged, TaskID: b.TaskID, EVR: b.EVR, RepoID: b.RepoID, CancelRequested: b.CancelRequested,
	}
}

// taken is the build as it is stored, once what belongs to it was read.
func (b *placed) taken() pasts.TakenBuild {
	taken := pasts.TakenBuild{Build: b.ours, Tasks: b.was.Tasks, Set: b.was.Set, Before: keyOf(b.was.Before), Changes: b.was.Changes}
	switch resolved := b.was.Resolved; {
	case resolved == nil || len(b.was.Set) > 0:
		taken.Deps = koschei.DepsPending // for us to resolve, or with the set to come
	case *resolved:
		taken.Deps = koschei.DepsForgotten
	default:
		taken.Deps = koschei.DepsUnresolved
	}
	if !taken.Outcome.Ended() {
		taken.Finished = time.Time{}
		return taken
	}
	for _, end := range []time.Time{b.was.Finished, b.ours.Started} {
		if taken.Finished.IsZero() {
			taken.Finished = end
		}
	}
	if taken.Deps == koschei.DepsPending && taken.RepoID == 0 && len(taken.Set) == 0 {
		taken.Deps = koschei.DepsUnavailable
	}
	return taken
}

// A becoming is a tagging of a real build, given by its event.
type becoming struct {
	event int64
	build *placed
}

// realBuilds returns when real builds that the hub knows became the newest ones,
// by package. Those that never did are left out.
func (p *placer) realBuilds(ctx context.Context, builds []*upstream.Build) (map[string][]becoming, error) {
	var real []*upstream.Build
	var nvrs []string
	for _, b := range builds {
		if b.Real {
			real = append(real, b)
			nvrs = append(nvrs, fmt.Sprintf("%s-%s-%s", b.Source, b.EVR.Version, b.EVR.Release))
		}
	}
	found, err := p.source.FindBuilds(ctx, nvrs)
	if err != nil {
		return nil, fmt.Errorf("real builds: %w", err)
	}
	var known []*placed
	var ids []int64
	for i, b := range real {
		f := found[i]
		if f == nil || f.TaskID != b.TaskID {
			p.report.not(b, "the hub has no such build of this task")
			continue
		}
		ours := oursOf(b)
		ours.Origin, ours.Hub, ours.KojiBuildID = koschei.Real, p.hub, f.ID
		ours.Started = cmp.Or(f.Started, f.Created, f.Completed)
		ours.Finished = cmp.Or(f.Completed, f.Created, f.Started)
		known, ids = append(known, &placed{b, ours}), append(ids, f.ID)
	}
	taggings, err := p.source.BuildTaggings(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("tags of real builds: %w", err)
	}
	families := map[string][]becoming{}
	for i, b := range known {
		tagged := false
		for _, tagging := range taggings[i] {
			if p.tags[tagging.Tag] {
				families[b.was.Package] = append(families[b.was.Package], becoming{tagging.Created, b})
				tagged = true
			}
		}
		if !tagged {
			p.report.not(b.was, "the hub never had it in the destination tag")
		}
	}
	return families, nil
}

// placeReal adds the real builds of the package, each at the event at which its
// source last became the newest. A source that is tagged once more while it is
// the newest stays where it is, before the scratch builds that have shown since
// what becomes of it. One that is the newest again after another takes them along.
func (h *past) placeReal(taggings []becoming) {
	slices.SortStableFunc(taggings, func(a, b becoming) int { return cmp.Compare(a.event, b.event) })
	scratch := h.builds
	var newest *placed
	for _, t := range taggings {
		if t.build == newest {
			continue
		}
		newest = t.build
		before := newest.ours.Event
		newest.ours.Event = t.event
		if before == 0 {
			h.builds = append(h.builds, newest)
			continue
		}
		for _, b := range scratch {
			if b.was.EVR == newest.was.EVR && b.ours.Event >= before {
				b.ours.Event = max(b.ours.Event, t.event)
			}
		}
	}
}

// inOrder are the builds in the order of their events. A real build comes before
// the scratch builds of its source that have the same event.
func (h *past) inOrder() []*placed {
	slices.SortStableFunc(h.builds, func(a, b *placed) int {
		return cmp.Or(cmp.Compare(a.ours.Event, b.ours.Event), cmp.Compare(a.ours.Origin, b.ours.Origin)) // "real" < "scratch"
	})
	return h.builds
}
