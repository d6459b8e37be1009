package kojisync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
)

// chunk is how many builds or sources are asked for and stored at a time.
const chunk = 200

// firstAnalysis is after how many new builds the database is told that there is
// much new in it; then after twice as many, and so on.
const firstAnalysis = 1000

// TaggedBuilds makes a collection's real builds follow what is tagged in its
// destination tag: builds that are new there are recorded with their tasks and
// their repo, builds taken out of it are marked untagged together with the
// scratch builds of their source, builds that came back are unmarked. The order
// of a package's builds is that of the events of their tagging.
func (s *Sync) TaggedBuilds(ctx context.Context, c *koschei.Collection) error {
	_, hub, err := s.sourceHub(c)
	if err != nil {
		return err
	}
	event, err := hub.LastEvent(ctx)
	if err != nil {
		return err
	}
	builds, err := listTagged(ctx, hub, c.DestTag)
	if err != nil {
		return err
	}
	_, err = s.saveTagged(ctx, c, builds, nil, event.ID)
	return s.undoubted(ctx, c, err)
}

// listTagged returns what is tagged last of all packages of a tag.
func listTagged(ctx context.Context, hub *koji.Client, tag string) ([]koji.TaggedBuild, error) {
	builds, err := hub.ListTagged(ctx, koji.TagQuery{Tag: tag, Latest: true, Inherit: true})
	if err == nil && len(builds) == 0 {
		err = errEmpty
	}
	if err != nil {
		return nil, fmt.Errorf("builds in tag %s: %w", tag, err)
	}
	return builds, nil
}

// TaggedPackages does for some packages, each named once, what TaggedBuilds
// does for all. One that the hub does not want to speak about stays as it is.
func (s *Sync) TaggedPackages(ctx context.Context, c *koschei.Collection, names []string) error {
	_, hub, err := s.sourceHub(c)
	if err != nil {
		return err
	}
	event, err := hub.LastEvent(ctx)
	if err != nil {
		return err
	}
	taggings, err := hub.LatestTagged(ctx, c.DestTag, names)
	if err != nil {
		return fmt.Errorf("builds of %d packages in tag %s: %w", len(names), c.DestTag, err)
	}
	_, err = s.saveTaggings(ctx, c, names, taggings, event.ID)
	return s.undoubted(ctx, c, err)
}

// undoubted is err, unless that is only that news are not believed yet: polling
// looks again.
func (s *Sync) undoubted(ctx context.Context, c *koschei.Collection, err error) error {
	if errors.Is(err, record.ErrDoubted) {
		s.Log.WarnContext(ctx, "what Koji says of so many packages is not believed", "collection", c.Name)
		return nil
	}
	return err
}

// saveTaggings stores what is tagged of some packages, as the hub told after an
// event. It returns those of which that is not known.
func (s *Sync) saveTaggings(ctx context.Context, c *koschei.Collection, names []string, taggings []koji.Taggings, event int64) (left []string, err error) {
	var builds []koji.TaggedBuild
	about := []string{}
	for i, t := range taggings {
		if t.Err != nil {
			s.Log.WarnContext(ctx, "tagged builds not known", "collection", c.Name, "package", names[i], "error", t.Err)
			left = append(left, names[i])
			continue
		}
		about = append(about, names[i])
		builds = append(builds, t.Builds...)
	}
	unrecorded, err := s.saveTagged(ctx, c, builds, about, event)
	return append(left, unrecorded...), err
}

// saveTagged stores the newest tagged builds of some packages, of all if about
// is nil, as the hub told after an event. It returns the packages whose builds
// could not be recorded because the hub did not tell their tasks.
func (s *Sync) saveTagged(ctx context.Context, c *koschei.Collection, builds []koji.TaggedBuild, about []string, event int64) (left []string, err error) {
	name, hub, err := s.sourceHub(c)
	if err != nil {
		return nil, err
	}
	tagged := make([]record.TaggedBuild, len(builds))
	for i := range builds {
		b := &builds[i]
		tagged[i] = record.TaggedBuild{Name: b.Name, KojiBuildID: b.ID, Event: b.TaggedEvent, EVR: b.EVR()}
	}
	unknown, err := s.DB.Tags.UnknownTagged(ctx, c, name, tagged)
	if err != nil {
		return nil, err
	}
	places := slices.Sorted(maps.Keys(unknown))
	recorded, analyzeAt := 0, firstAnalysis
	for part := range slices.Chunk(places, chunk) {
		real := make([]record.RealBuild, len(part))
		for i, place := range part {
			real[i] = s.realBuild(name, unknown[place], &builds[place])
		}
		missed, err := s.addRealBuilds(ctx, c, hub, real)
		if err != nil {
			return nil, err
		}
		for _, place := range part {
			if missed[unknown[place]] {
				left = append(left, builds[place].Name)
			}
		}
		if err := s.sourcesOf(ctx, name, part, builds); err != nil {
			return nil, err
		}
		if recorded += len(part); recorded >= analyzeAt {
			analyzeAt *= 2
			if err := s.DB.Analyze(ctx); err != nil {
				return nil, err
			}
		}
	}
	changed, err := s.DB.Tags.SaveTagged(ctx, c, name, tagged, about, event, s.Now())
	if changed > 0 {
		s.Log.InfoContext(ctx, "taggings changed", "collection", c.Name, "builds", changed)
	}
	return left, err
}

// RecordTagged records the newest tagged build of one package and reports
// whether it was not known before.
func (s *Sync) RecordTagged(ctx context.Context, c *koschei.Collection, b *koji.TaggedBuild) (bool, error) {
	name, hub, err := s.sourceHub(c)
	if err != nil {
		return false, err
	}
	unknown, err := s.DB.Tags.UnknownTagged(ctx, c, name, []record.TaggedBuild{
		{Name: b.Name, KojiBuildID: b.ID, Event: b.TaggedEvent, EVR: b.EVR()},
	})
	if err != nil || len(unknown) == 0 {
		return false, err
	}
	_, err = s.addRealBuilds(ctx, c, hub, []record.RealBuild{s.realBuild(name, unknown[0], b)})
	return true, err
}

// sourcesOf stores what the sources of builds say that were just recorded.
// SourceFacts would do so too, but only after the last of them: of a large
// collection that is met for the first time, packages are resolved, built and
// shown while others are still being asked for.
func (s *Sync) sourcesOf(ctx context.Context, hub koschei.Hub, places []int, builds []koji.TaggedBuild) error {
	sources := make([]record.Source, len(places))
	for i, place := range places {
		b := &builds[place]
		sources[i] = record.Source{Hub: hub, Name: b.Name, Version: b.Version, Release: b.Release}
	}
	if err := s.learnSources(ctx, sources); err != nil {
		return fmt.Errorf("sources of builds: %w", err)
	}
	return nil
}

func (s *Sync) realBuild(hub koschei.Hub, packageID int64, b *koji.TaggedBuild) record.RealBuild {
	return record.RealBuild{
		PackageID: packageID, Hub: hub, KojiBuildID: b.ID, Event: b.TaggedEvent, TaskID: b.TaskID, EVR: b.EVR(), Owner: b.Owner,
		Started:  cmp.Or(b.Started, b.Created, b.Completed, s.Now()),
		Finished: cmp.Or(b.Completed, b.Created, s.Now()),
	}
}

// addRealBuilds records builds with their task trees. One whose tasks the hub
// does not tell is left for the next time; it returns the packages of such.
func (s *Sync) addRealBuilds(ctx context.Context, c *koschei.Collection, hub *koji.Client, builds []record.RealBuild) (missed map[int64]bool, err error) {
	var ids []int64
	for i := range builds {
		if builds[i].TaskID != 0 {
			ids = append(ids, builds[i].TaskID)
		}
	}
	trees, err := hub.TaskChildren(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("tasks of builds: %w", err)
	}
	if err := s.learnHosts(ctx, c.SourceHub(), hub, trees); err != nil {
		return nil, err
	}
	missed = map[int64]bool{}
	known := builds[:0]
	for _, b := range builds {
		if b.TaskID != 0 {
			tree := trees[0]
			trees = trees[1:]
			if tree.Err != nil {
				s.Log.WarnContext(ctx, "tasks of a build not known", "collection", c.Name, "task", b.TaskID, "error", tree.Err)
				missed[b.PackageID] = true
				continue
			}
			b.RepoID, b.Tasks = repoOf(tree.Tasks), tasksOf(tree.Tasks)
		}
		known = append(known, b)
	}
	added, err := s.DB.Tags.AddRealBuilds(ctx, known, s.Now())
	if err == nil && added > 0 {
		s.Log.InfoContext(ctx, "real builds recorded", "collection", c.Name, "builds", added)
	}
	return missed, err
}

// repoOf returns the repo that a build's children work in, 0 if none says.
func repoOf(children []koji.Task) int64 {
	for i := range children {
		if id := children[i].RepoID(); id != 0 {
			return id
		}
	}
	return 0
}

// tasksOf returns the children that build something, by architecture.
func tasksOf(children []koji.Task) []koschei.Task {
	var tasks []koschei.Task
	for i := range children {
		switch t := &children[i]; t.Method {
		case "buildArch", "rebuildSRPM", "buildSRPMFromSCM":
			tasks = append(tasks, koschei.Task{
				TaskID: t.ID, Method: t.Method, Arch: t.Arch, State: t.State,
				Started: cmp.Or(t.Started, t.Created), Finished: t.Completed, HostID: t.HostID,
			})
		}
	}
	return tasks
}
