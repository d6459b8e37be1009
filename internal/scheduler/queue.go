package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// How long a package is held that cannot be built now, in domain time.
const (
	holdNoSource = time.Hour       // its source may come back
	holdNoArch   = 6 * time.Hour   // its headers or override may change
	holdBusy     = 5 * time.Minute // hosts get free
)

// pinningPause is how long builds leave the choice of their repo to the hub
// after it did not let us choose.
const pinningPause = 24 * time.Hour

// A queue is what one collection has to build in one pass.
type queue struct {
	*Service
	db         *postgres.DB
	collection koschei.Collection
	packages   []koschei.Package // the worthiest first

	tagArches []string // of the build tag, once asked for
	loads     loads
	pinned    bool
}

// A hold is why a package cannot be built now. It is no trouble of the
// collection's.
type hold struct {
	reason string
	during time.Duration
}

func (h *hold) Error() string { return h.reason }

// submitNext submits the first package of the queue that can be built, and
// takes it and those before it off. It returns false when none is left or the
// collection is in trouble.
func (q *queue) submitNext(ctx context.Context) (bool, error) {
	if err := q.prepare(ctx); err != nil {
		return false, err
	}
	for len(q.packages) > 0 {
		if load, _ := q.loads.least(); q.LoadThreshold < 1 && load > q.LoadThreshold {
			return false, nil // nothing at all fits
		}
		p := q.packages[0]
		q.packages = q.packages[1:]
		err := q.submit(ctx, &p)
		var h *hold
		switch {
		case err == nil:
			return true, nil
		case errors.As(err, &h):
			if err := q.db.HoldPackage(ctx, p.ID, h.reason, q.Now().Add(h.during)); err != nil {
				return false, err
			}
			q.Metrics.held(q.collection.Name)
		case errors.Is(err, koschei.ErrConflict): // somebody else was faster
		default:
			return false, fmt.Errorf("package %s: %w", p.Name, err)
		}
	}
	return false, nil
}

// prepare asks once a pass for what all packages of the collection need.
func (q *queue) prepare(ctx context.Context) error {
	if q.tagArches != nil {
		return nil
	}
	tag, err := q.Hub.BuildConfig(ctx, q.collection.BuildTag)
	if err != nil {
		return fmt.Errorf("build tag %s: %w", q.collection.BuildTag, err)
	}
	refused, err := q.db.PinningRefused(ctx)
	if err != nil {
		return err
	}
	q.pinned = refused.IsZero() || q.Now().Sub(refused) > pinningPause
	if q.LoadThreshold < 1 {
		channel, err := q.Hub.Channel(ctx, "default")
		if err != nil {
			return err
		}
		hosts, err := q.Hub.Hosts(ctx, channel.ID)
		if err != nil {
			return err
		}
		q.loads = loadsOf(hosts, tag.Arches)
	}
	q.tagArches = tag.Arches
	return nil
}

// A source is what a package is built from.
type source struct {
	build  koji.TaggedBuild
	srpm   *koji.RPM
	arches []string
}

func (s *source) nvr() string {
	return fmt.Sprintf("%s-%s-%s", s.build.Name, s.build.Version, s.build.Release)
}

// submit chooses the source and asks the hub for a build of it.
func (q *queue) submit(ctx context.Context, p *koschei.Package) error {
	event, err := q.Hub.LastEvent(ctx)
	if err != nil {
		return err
	}
	src, err := q.source(ctx, p)
	if err != nil {
		return err
	}
	if load, arch := q.loads.of(src.arches); q.LoadThreshold < 1 && load > q.LoadThreshold {
		return &hold{fmt.Sprintf("the hosts for %s are busy (load %.2f)", arch, load), holdBusy}
	}
	s := postgres.Submission{
		PackageID: p.ID,
		EVR:       src.srpm.NEVRA().EVR,
		Event:     event.ID,
		Arches:    strings.Join(src.arches, " "),
		Trigger:   q.Rules.Of(p, &q.collection, q.Now()),
		Now:       q.Now(),
	}
	request := koji.ScratchBuild{
		Source:   koji.SourcePath(&src.build.Build, src.srpm.NEVRA()),
		Target:   q.collection.Target,
		Priority: q.TaskPriority,
	}
	if q.pinned {
		s.RepoID = q.collection.LatestRepoID
		request.Target, request.RepoID = "", s.RepoID
	}
	if !slices.Contains(src.arches, "noarch") {
		request.Arches = src.arches
	}
	return q.place(ctx, p, s, request)
}

// source finds the newest tagged source of p and what it can be built for.
func (q *queue) source(ctx context.Context, p *koschei.Package) (*source, error) {
	tagged, err := q.Hub.ListTagged(ctx, koji.TagQuery{
		Tag: q.collection.DestTag, Package: p.Name, Latest: true, Inherit: true,
	})
	if err != nil {
		return nil, err
	}
	if len(tagged) == 0 {
		return nil, &hold{"no build of it is tagged in " + q.collection.DestTag, holdNoSource}
	}
	src := &source{build: tagged[0]}
	src.srpm, err = q.Hub.SRPM(ctx, src.build.ID)
	if errors.Is(err, koschei.ErrNotFound) {
		return nil, &hold{"Koji has no source package of " + src.nvr(), holdNoSource}
	}
	if err != nil {
		return nil, err
	}
	src.arches, err = q.arches(ctx, p, src)
	return src, err
}

func (q *queue) arches(ctx context.Context, p *koschei.Package, src *source) ([]string, error) {
	headers, err := q.Hub.SourceArches(ctx, []rpm.NEVRA{src.srpm.NEVRA()})
	if err != nil {
		return nil, err
	}
	h := headers[0]
	if errors.Is(h.Err, koschei.ErrNotFound) {
		return nil, &hold{"Koji cannot read the source package of " + src.nvr(), holdNoSource}
	}
	if h.Err != nil {
		return nil, h.Err
	}
	arches := koschei.ChooseArches(q.tagArches, koschei.ArchHeader{
		BuildArchs: h.BuildArches, ExclusiveArch: h.Exclusive, ExcludeArch: h.Exclude,
	}, p.ArchOverride, q.BuildArches)
	if len(arches) == 0 {
		return nil, &hold{"there is no architecture to build it for", holdNoArch}
	}
	return arches, nil
}

// place writes the build down and then asks the hub for it.
func (q *queue) place(ctx context.Context, p *koschei.Package, s postgres.Submission, request koji.ScratchBuild) error {
	buildID, err := q.db.BeginSubmission(ctx, s)
	if err != nil {
		return err
	}
	request.Key = strconv.FormatInt(buildID, 10)
	taskID, err := q.Hub.Build(ctx, request)
	switch {
	case errors.Is(err, koji.ErrOutcomeUnknown):
		return err // settle finds out, once the hub can have no more of it in hand
	case err != nil:
		return errors.Join(q.refused(ctx, buildID, err), err)
	}
	if err := q.accepted(ctx, q.db, buildID, taskID); err != nil {
		return err
	}
	q.Metrics.submitted(q.collection.Name)
	q.Log.InfoContext(ctx, "build submitted", "collection", q.collection.Name, "package", p.Name,
		"build", buildID, "task", taskID, "repo", s.RepoID, "priority", s.Trigger.Total())
	return nil
}

// refused ends a build that the hub has certainly not taken.
func (q *queue) refused(ctx context.Context, buildID int64, cause error) error {
	return q.lost(context.WithoutCancel(ctx), q.db, buildID, "Koji did not take the build: "+cause.Error())
}
