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
	hub    koschei.Hub // that source is
	tags   []string    // the destination tag and those it inherits from
	report *Report
}

// place returns the builds as we store them, nil for one without a place in
// the hub's order, which the report then names.
func (p *placer) place(ctx context.Context, builds []*upstream.Build) ([]*pasts.TakenBuild, error) {
	placed := make([]*pasts.TakenBuild, len(builds))
	var scratch, real []int
	for i, b := range builds {
		if b.Real {
			real = append(real, i)
		} else {
			scratch = append(scratch, i)
		}
	}
	if err := p.placeScratch(ctx, builds, scratch, placed); err != nil {
		return nil, err
	}
	return placed, p.placeReal(ctx, builds, real, placed)
}

// placeScratch places scratch builds, each by when the hub says that its task
// was made. Koschei had chosen the source right before.
func (p *placer) placeScratch(ctx context.Context, builds []*upstream.Build, which []int, placed []*pasts.TakenBuild) error {
	ids := make([]int64, len(which))
	for n, i := range which {
		ids[n] = builds[i].TaskID
	}
	tasks, err := p.tasks.Tasks(ctx, ids)
	if err != nil {
		return fmt.Errorf("tasks of builds: %w", err)
	}
	var known []int
	var made []time.Time
	for n, i := range which {
		if why := notOf(tasks[n], builds[i]); why != "" {
			p.report.not(builds[i], why)
			continue
		}
		b := ours(builds[i])
		b.Hub = koschei.Primary
		b.Started, b.Finished = tasks[n].Created, tasks[n].Completed
		settle(b, builds[i])
		placed[i] = b
		known, made = append(known, i), append(made, b.Started)
	}
	if err := checkClock(builds, known, made); err != nil {
		return err
	}
	events, err := p.source.EventsBefore(ctx, made)
	if err != nil {
		return fmt.Errorf("events of builds: %w", err)
	}
	for n, i := range known {
		if placed[i].Event = events[n].ID; events[n].ID == 0 {
			placed[i] = nil
			p.report.not(builds[i], "the hub has no event before it")
		}
	}
	return nil
}

// notOf says why a task is not the one of a build, "" if it is.
func notOf(task *koji.Task, b *upstream.Build) string {
	source := fmt.Sprintf("%s-%s-%s.src.rpm", b.Package, b.EVR.Version, b.EVR.Release)
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
// another zone: once a build has ended, it has the hub's time of its task.
func checkClock(builds []*upstream.Build, which []int, made []time.Time) error {
	ended, wrong := 0, 0
	var off time.Duration
	for n, i := range which {
		if !builds[i].Outcome.Ended() {
			continue
		}
		ended++
		if d := builds[i].Started.Sub(made[n]); d.Abs() > clockSlack {
			off = d
			wrong++
		}
	}
	if wrong*2 > ended {
		return &upstream.Unfit{Why: fmt.Sprintf(
			"the original's times are %s off the hub's: say with --timezone in which zone they are", off.Round(time.Minute))}
	}
	return nil
}

// ours is the build as we have it, without its place.
func ours(b *upstream.Build) *pasts.TakenBuild {
	taken := &pasts.TakenBuild{
		Build: koschei.Build{
			Origin: koschei.Scratch, Outcome: b.Outcome, Untagged: b.Untagged, TaskID: b.TaskID, EVR: b.EVR, RepoID: b.RepoID,
			CancelRequested: b.CancelRequested,
		},
		Tasks: b.Tasks, Set: b.Set, Before: keyOf(b.Before), Changes: b.Changes,
	}
	switch {
	case b.Resolved == nil || len(b.Set) > 0:
		taken.Deps = koschei.DepsPending // for us to resolve, or with the set to come
	case *b.Resolved:
		taken.Deps = koschei.DepsForgotten
	default:
		taken.Deps = koschei.DepsUnresolved
	}
	return taken
}

// settle makes times and dependencies of a build be what its outcome needs.
func settle(b *pasts.TakenBuild, was *upstream.Build) {
	if !b.Outcome.Ended() {
		b.Finished = time.Time{}
		return
	}
	if b.Finished.IsZero() {
		b.Finished = was.Finished
	}
	if b.Finished.IsZero() {
		b.Finished = b.Started
	}
	if b.Deps == koschei.DepsPending && b.RepoID == 0 && len(b.Set) == 0 {
		b.Deps = koschei.DepsUnavailable
	}
}

// placeReal places real builds, each at the event at which its source last became
// the newest in the destination tag or one that this inherits from.
func (p *placer) placeReal(ctx context.Context, builds []*upstream.Build, which []int, placed []*pasts.TakenBuild) error {
	nvrs := make([]string, len(which))
	for n, i := range which {
		b := builds[i]
		nvrs[n] = fmt.Sprintf("%s-%s-%s", b.Package, b.EVR.Version, b.EVR.Release)
	}
	found, err := p.source.FindBuilds(ctx, nvrs)
	if err != nil {
		return fmt.Errorf("real builds: %w", err)
	}
	var known []int
	var ids []int64
	for n, i := range which {
		f := found[n]
		if f == nil || f.TaskID != builds[i].TaskID {
			p.report.not(builds[i], "the hub has no such build of this task")
			continue
		}
		b := ours(builds[i])
		b.Origin, b.Hub, b.KojiBuildID = koschei.Real, p.hub, f.ID
		b.Started = cmp.Or(f.Started, f.Created, f.Completed)
		b.Finished = cmp.Or(f.Completed, f.Created, f.Started)
		settle(b, builds[i])
		placed[i] = b
		known, ids = append(known, i), append(ids, f.ID)
	}
	taggings, err := p.source.BuildTaggings(ctx, ids)
	if err != nil {
		return fmt.Errorf("tags of real builds: %w", err)
	}
	byPackage := map[string][]becoming{}
	for n, i := range known {
		for _, tagging := range taggings[n] {
			if slices.Contains(p.tags, tagging.Tag) {
				name := builds[i].Package
				byPackage[name] = append(byPackage[name], becoming{tagging.Created, i})
			}
		}
	}
	for _, taggings := range byPackage {
		placeTaggings(builds, taggings, placed)
	}
	for _, i := range known {
		if placed[i].Event == 0 {
			placed[i] = nil
			p.report.not(builds[i], "the hub never had it in the destination tag")
		}
	}
	return nil
}

// A becoming is a tagging of a build, given by its place among all.
type becoming struct {
	event int64
	build int
}

// placeTaggings places the real builds of one package. A source that is tagged
// once more while it is the newest stays where it is, before the scratch builds
// that have shown since what becomes of it. One that is the newest again after
// another takes them along.
func placeTaggings(builds []*upstream.Build, taggings []becoming, placed []*pasts.TakenBuild) {
	slices.SortStableFunc(taggings, func(a, b becoming) int { return cmp.Compare(a.event, b.event) })
	newest := -1
	for _, t := range taggings {
		if t.build == newest {
			continue
		}
		before := placed[t.build].Event
		placed[t.build].Event, newest = t.event, t.build
		for i, b := range placed {
			if before != 0 && b != nil && !builds[i].Real && builds[i].Package == builds[newest].Package &&
				builds[i].EVR == builds[newest].EVR && b.Event >= before {
				b.Event = max(b.Event, t.event)
			}
		}
	}
}

// placeTransitions places transitions after the newest event before each.
func (p *placer) placeTransitions(ctx context.Context, transitions []upstream.Transition, histories map[string]*pasts.TakenPast) error {
	times := make([]time.Time, len(transitions))
	for i := range transitions {
		times[i] = transitions[i].Changed
	}
	events, err := p.source.EventsBefore(ctx, times)
	if err != nil {
		return fmt.Errorf("events of transitions: %w", err)
	}
	for i := range transitions {
		past := histories[transitions[i].Package]
		past.Transitions = append(past.Transitions, pasts.TakenTransition{
			Event: events[i].ID, Resolved: transitions[i].Resolved,
			Problems: transitions[i].Problems, Changed: transitions[i].Changed,
		})
	}
	return nil
}
