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
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// How long a package is held that cannot be built now, in domain time.
const (
	holdNoSource = time.Hour       // its source may come back
	holdNoArch   = 6 * time.Hour   // its headers or override may change
	holdBusy     = 5 * time.Minute // hosts get free
	holdTrouble  = time.Hour       // what Koji could not do it may do then
)

// troubles is how many packages of a collection Koji may refuse one after the
// other before it is taken for the collection's trouble.
const troubles = 3

// pinningPause is how long builds leave the choice of their repo to the hub
// after it did not let us choose.
const pinningPause = 24 * time.Hour

// A queue is what one collection has to build in one pass.
type queue struct {
	*Service
	db         *postgres.DB
	collection koschei.Collection
	packages   []koschei.PackageStatus // the worthiest first

	sources   *koji.Client // the hub that the collection is read from
	tagArches []string     // of the build tag, once asked for
	loads     loads
	pinned    bool
	repoID    int64 // of the latest repo, at the hub that builds
	refusals  int   // of the hub, one after the other

	remark string // why nothing is submitted although something waits; "" if nothing keeps it
	err    error  // that ended the collection's part in the pass
}

// note stores how the collection fared. Trouble that nobody looked for again
// is not taken to be over.
func (q *queue) note(ctx context.Context, looked bool) error {
	_, troubled := q.resting[q.collection.ID]
	switch {
	case q.err != nil:
		// A collection in secondary mode may be in trouble with a hub that no other
		// needs.
		if refusal(q.err) || q.collection.SecondaryMode {
			q.resting[q.collection.ID] = q.Now().Add(rest)
		}
		err := kojisync.Note(ctx, q.db, &q.collection, koschei.ServiceScheduler, q.err, q.Now())
		return errors.Join(fmt.Errorf("collection %s: %w", q.collection.Name, q.err), err)
	case troubled && !looked:
		return nil
	}
	delete(q.resting, q.collection.ID)
	return q.db.NoteSuccess(ctx, q.collection.ID, koschei.ServiceScheduler, q.remark, q.Now())
}

// A hold is why a package cannot be built now. It is no trouble of the
// collection's.
type hold struct {
	kind   postgres.HoldKind
	reason string
	during time.Duration
}

func (h *hold) Error() string { return h.reason }

// submitNext submits the first package of the queue that can be built, and
// takes it and those before it off. It returns false when none is left, the
// collection has as many builds running as it may, or it is in trouble.
func (q *queue) submitNext(ctx context.Context, running int) (bool, error) {
	if limit := q.collection.MaxBuilds; limit > 0 && running >= limit {
		q.remark = fmt.Sprintf("the collection has as many builds under way as it may, %d", limit)
		return false, nil
	}
	if err := q.prepare(ctx); err != nil {
		return false, err
	}
	for len(q.packages) > 0 {
		if load, _ := q.loads.least(); q.LoadThreshold < 1 && load > q.LoadThreshold {
			q.remark = fmt.Sprintf("the hosts for all of its architectures are busy (load %.2f)", load)
			return false, nil
		}
		p := q.packages[0]
		q.packages = q.packages[1:]
		err := q.submit(ctx, &p)
		if err == nil {
			q.refusals = 0
			return true, nil
		}
		if err := q.passOver(ctx, &p, err); err != nil {
			return false, fmt.Errorf("package %s: %w", p.Name, err)
		}
	}
	return false, nil
}

// passOver holds a package that was not submitted, so that it does not keep the
// next one waiting. It returns an error if that would not help.
func (q *queue) passOver(ctx context.Context, p *koschei.PackageStatus, cause error) error {
	var h *hold
	switch {
	case errors.Is(cause, koschei.ErrConflict): // it is another one now
		return nil
	case errors.As(cause, &h):
	case refusal(cause):
		q.refusals++
		h = &hold{postgres.HoldHub, "Koji could not do what building it needs: " + cause.Error(), holdTrouble}
	default:
		return cause
	}
	if !errors.Is(cause, errNotTaken) { // who lost a build is held for that already
		if err := q.db.HoldPackage(ctx, p.ID, postgres.Hold{Kind: h.kind, Reason: h.reason, Until: q.Now().Add(h.during)}); err != nil {
			return err
		}
	}
	q.Metrics.held(q.collection.Name)
	if q.refusals >= troubles {
		return cause
	}
	return nil
}

// errNotTaken is the error of a build that was written down and then refused.
var errNotTaken = errors.New("the build was not taken by Koji")

// refusal tells whether the hub is there but does not do what it was asked for,
// or does not have what is needed for that.
func refusal(err error) bool {
	if errors.Is(err, kojisync.ErrNoTarget) || errors.Is(err, koschei.ErrNotFound) {
		return true
	}
	var fault *xmlrpc.Fault
	class := koji.ClassOf(err)
	return errors.As(err, &fault) && (class == koji.Permanent || class == koji.Infrastructure)
}

// prepare asks once a pass for what all packages of the collection need.
func (q *queue) prepare(ctx context.Context) error {
	if q.tagArches != nil {
		return nil
	}
	var err error
	if q.sources, err = (koji.Hubs{Primary: q.Hub, Secondary: q.Secondary}).Source(&q.collection); err != nil {
		return err
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
	if q.repoID, err = q.buildRepo(ctx); err != nil {
		return err
	}
	if !q.pinned {
		if err := q.checkTarget(ctx); err != nil {
			return fmt.Errorf("build target %s: %w", q.collection.Target, err)
		}
	}
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

// buildRepo returns the id that the collection's latest repo has at the hub that
// builds.
func (q *queue) buildRepo(ctx context.Context) (int64, error) {
	if !q.collection.SecondaryMode {
		return q.collection.LatestRepoID, nil
	}
	return q.db.PrimaryRepo(ctx, q.collection.LatestRepoID)
}

// checkTarget looks for the collection's target: Koji takes a build for one that
// is gone, and fails it.
func (q *queue) checkTarget(ctx context.Context) error {
	_, err := q.Hub.BuildTarget(ctx, q.collection.Target)
	if errors.Is(err, koschei.ErrNotFound) {
		return kojisync.ErrNoTarget
	}
	return err
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

func (s *source) name() string {
	return s.build.Name + "-" + s.build.Version + "-" + s.build.Release
}

// submit chooses the source and asks the hub for a build of it.
func (q *queue) submit(ctx context.Context, p *koschei.PackageStatus) error {
	event, err := q.sources.LastEvent(ctx)
	if err != nil {
		return err
	}
	src, err := q.source(ctx, p, event.ID)
	if err != nil {
		return err
	}
	// A source that is news to us comes before the scratch build of it, and may
	// leave nothing to build.
	isNew, err := q.sync(q.db).RecordTagged(ctx, &q.collection, &src.build)
	if err != nil {
		return err
	}
	if isNew {
		return fmt.Errorf("a newer build was found: %w", koschei.ErrConflict)
	}
	if load, arch := q.loads.of(src.arches); q.LoadThreshold < 1 && load > q.LoadThreshold {
		return &hold{postgres.HoldLoad, fmt.Sprintf("the hosts for %s are busy (load %.2f)", arch, load), holdBusy}
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
		Source:   q.sourcePath(src),
		Target:   q.collection.Target,
		Priority: q.TaskPriority,
	}
	if q.pinned {
		s.RepoID = q.collection.LatestRepoID
		request.Target, request.RepoID = "", q.repoID
	}
	if !slices.Contains(src.arches, "noarch") {
		request.Arches = src.arches
	}
	return q.place(ctx, p, s, request)
}

// sourcePath is the place of a source package as the hub that builds is told
// it. Koji takes only such below its own files.
func (q *queue) sourcePath(src *source) string {
	packages := "../packages"
	if q.collection.SecondaryMode {
		packages = q.SecondaryPackages
	}
	return koji.SourcePath(packages, &src.build.Build, src.srpm.NEVRA())
}

// source finds what was the newest tagged source of p at an event, and what it
// can be built for. A build of it thus comes after that tagging and before the
// next.
func (q *queue) source(ctx context.Context, p *koschei.PackageStatus, event int64) (*source, error) {
	tagged, err := q.sources.ListTagged(ctx, koji.TagQuery{
		Tag: q.collection.DestTag, Package: p.Name, Latest: true, Inherit: true, Event: event,
	})
	if err != nil {
		return nil, err
	}
	if len(tagged) == 0 {
		return nil, &hold{postgres.HoldSource, "no build of it is tagged in " + q.collection.DestTag, holdNoSource}
	}
	src := &source{build: tagged[0]}
	src.srpm, err = q.sources.SRPM(ctx, src.build.ID)
	if errors.Is(err, koschei.ErrNotFound) {
		return nil, &hold{postgres.HoldSource, "Koji has no source package of " + src.nvr(), holdNoSource}
	}
	if err != nil {
		return nil, err
	}
	src.arches, err = q.arches(ctx, p, src)
	return src, err
}

func (q *queue) arches(ctx context.Context, p *koschei.PackageStatus, src *source) ([]string, error) {
	srpm, err := q.facts(ctx, postgres.Source{
		Hub: q.collection.SourceHub(), Name: src.srpm.Name, Version: src.srpm.Version, Release: src.srpm.Release,
	})
	if errors.Is(err, koschei.ErrNotFound) {
		return nil, &hold{postgres.HoldSource, "Koji cannot read the source package of " + src.name(), holdNoSource}
	}
	if err != nil {
		return nil, err
	}
	arches := koschei.ChooseArches(q.tagArches, srpm.ArchHeader, p.ArchOverride, q.BuildArches)
	if len(arches) == 0 {
		return nil, &hold{postgres.HoldArch, "there is no architecture to build it for", holdNoArch}
	}
	return arches, nil
}

// facts returns what a source package says, asking the hub if that is not
// stored yet.
func (q *queue) facts(ctx context.Context, name postgres.Source) (*postgres.SRPM, error) {
	stored, err := q.db.SRPM(ctx, name)
	if !errors.Is(err, koschei.ErrNotFound) {
		return stored, err
	}
	known, err := q.sync(q.db).FetchSRPMs(ctx, []postgres.Source{name})
	if err != nil {
		return nil, err
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("headers of %s: %w", name.Name, koschei.ErrNotFound)
	}
	return &known[0], q.db.SaveSRPMs(ctx, known)
}

// place writes the build down and then asks the hub for it.
func (q *queue) place(ctx context.Context, p *koschei.PackageStatus, s postgres.Submission, request koji.ScratchBuild) error {
	limited, cancel := context.WithTimeout(ctx, q.Hub.CallLimit()) // see longestCall
	defer cancel()
	buildID, err := q.db.BeginSubmission(limited, s)
	if err != nil {
		return err
	}
	if late, _ := limited.Deadline(); !time.Now().Before(late) {
		// This process was frozen. Another one may have given the build up.
		return fmt.Errorf("submitting build %d: %w", buildID, context.DeadlineExceeded)
	}
	request.Key = strconv.FormatInt(buildID, 10)
	taskID, err := q.Hub.Build(limited, request)
	if errors.Is(err, koji.ErrOutcomeUnknown) {
		q.Metrics.submitted(q.collection.Name, unanswered)
		return err // settle finds out, once the hub can have no more of it in hand
	}
	// What the hub said is stored even if this process is to end now, or has
	// lost its lease meanwhile: it is true.
	store := context.WithoutCancel(ctx)
	if err != nil {
		err = fmt.Errorf("%w: %w", errNotTaken, err)
		q.Metrics.submitted(q.collection.Name, refused)
		return errors.Join(q.sync(q.DB).LoseBuild(store, buildID, err.Error()), err)
	}
	if err := q.accepted(store, q.DB, buildID, taskID); err != nil {
		return err
	}
	q.Metrics.submitted(q.collection.Name, taken)
	q.Log.InfoContext(ctx, "build submitted", "collection", q.collection.Name, "package", p.Name,
		"build", buildID, "task", taskID, "repo", s.RepoID, "priority", s.Trigger.Total())
	return nil
}
