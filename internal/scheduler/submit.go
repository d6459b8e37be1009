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
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/record"
)

// pinningPause is how long builds leave the choice of their repo to the hub
// after it did not let us choose.
const pinningPause = 6 * time.Hour

// errRepoGone is the error of a collection whose verdicts are about a repo that
// nothing can be built in any more.
var errRepoGone = errors.New("the repo that its verdicts are about is gone")

// A submitter asks for builds of one collection, in one pass.
type submitter struct {
	service    *Service
	db         *record.Record // fenced in a pass of the scheduler
	collection koschei.Collection

	sources   *koji.Client // the hub that the collection is read from
	tagArches []string     // of the build tag, once asked for
	loads     loads
	unmanned  bool // no host builds for it now
	pinned    bool
	repoID    int64 // of the latest repo, at the hub that builds

	unpinnedUntil time.Time // zero if pinned
}

// prepare asks once a pass for what all packages of the collection need.
func (s *submitter) prepare(ctx context.Context) error {
	if s.tagArches != nil {
		return nil
	}
	var err error
	if s.sources, err = (koji.Hubs{Primary: s.service.Hub, Secondary: s.service.Secondary}).Source(&s.collection); err != nil {
		return err
	}
	tag, err := s.service.Hub.BuildConfig(ctx, s.collection.BuildTag)
	if err != nil {
		return fmt.Errorf("build tag %s: %w", s.collection.BuildTag, err)
	}
	refused, err := s.db.PinningRefused(ctx)
	if err != nil {
		return err
	}
	s.pinned = refused.IsZero() || s.service.Now().Sub(refused) > pinningPause
	if !s.pinned {
		s.unpinnedUntil = refused.Add(pinningPause)
	}
	if s.repoID, err = s.buildRepo(ctx); err != nil {
		return err
	}
	if err := s.checkTarget(ctx); err != nil {
		return fmt.Errorf("build target %s: %w", s.collection.Target, err)
	}
	if s.pinned {
		if err := s.checkRepo(ctx); err != nil {
			return err
		}
	}
	if s.service.LoadThreshold < 1 {
		channel, err := s.service.Hub.Channel(ctx, "default")
		if err != nil {
			return err
		}
		hosts, err := s.service.Hub.Hosts(ctx, channel.ID)
		if err != nil {
			return err
		}
		s.loads, s.unmanned = loadsOf(hosts, tag.Arches), !isReady(hosts, tag.Arches)
	}
	s.tagArches = tag.Arches
	return nil
}

// buildRepo returns the id that the collection's latest repo has at the hub that
// builds.
func (s *submitter) buildRepo(ctx context.Context) (int64, error) {
	if !s.collection.SecondaryMode {
		return s.collection.LatestRepoID, nil
	}
	return s.db.Hub.PrimaryRepo(ctx, s.collection.LatestRepoID)
}

// checkRepo looks for the repo that builds are to be pinned to: in one that is
// deleted they would all fail.
func (s *submitter) checkRepo(ctx context.Context) error {
	repo, err := s.service.Hub.RepoInfo(ctx, s.repoID)
	if errors.Is(err, koschei.ErrNotFound) || err == nil && !repo.State.Usable() {
		return errRepoGone
	}
	return err
}

// checkTarget looks for the collection's target. Without one Koji fails a build
// that is not pinned. A pinned one works, but then the release has reached its
// end, and nobody builds for it any more.
func (s *submitter) checkTarget(ctx context.Context) error {
	_, err := s.service.Hub.BuildTarget(ctx, s.collection.Target)
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
	return s.build.Name + "-" + s.build.Version + "-" + s.build.Release
}

// secondaryTime bounds, in real time, how long the source of a package is looked
// for at the secondary hub. While that is silent, all other collections wait.
const secondaryTime = time.Minute

// submit chooses the source and asks the hub for a build of it.
func (s *submitter) submit(ctx context.Context, p *koschei.PackageStatus) error {
	choosing := ctx
	if s.collection.SecondaryMode {
		var cancel context.CancelFunc
		choosing, cancel = context.WithTimeout(ctx, secondaryTime)
		defer cancel()
	}
	b, request, err := s.choose(choosing, p)
	if err != nil {
		return err
	}
	return s.place(ctx, p, b, request)
}

// choose finds what is to be built, if anything is.
func (s *submitter) choose(ctx context.Context, p *koschei.PackageStatus) (b record.Submission, request koji.ScratchBuild, err error) {
	event, err := s.sources.LastEvent(ctx)
	if err != nil {
		return b, request, err
	}
	src, err := s.source(ctx, p, event.ID)
	if err != nil {
		return b, request, err
	}
	// A source that is news to us comes before the scratch build of it, and may
	// leave nothing to build.
	isNew, err := s.service.sync(s.db).RecordTagged(ctx, &s.collection, &src.build)
	if err != nil {
		return b, request, err
	}
	if isNew {
		return b, request, fmt.Errorf("a newer build was found: %w", koschei.ErrConflict)
	}
	if load, arch := s.loads.of(src.arches); s.service.LoadThreshold < 1 && load > s.service.LoadThreshold {
		return b, request, &hold{record.HoldLoad, fmt.Sprintf("the hosts for %s are busy (load %.2f)", arch, load), holdBusy}
	}
	b = record.Submission{
		PackageID: p.ID,
		EVR:       src.build.EVR(), // of a draft build it is not that of its packages
		Event:     event.ID,
		Arches:    strings.Join(src.arches, " "),
		Trigger:   s.service.Rules.Of(p, &s.collection, s.service.Now()),
		Now:       s.service.Now(),
	}
	request = koji.ScratchBuild{
		Source:   s.sourcePath(src),
		Target:   s.collection.Target,
		Priority: s.service.TaskPriority,
	}
	if s.pinned {
		b.RepoID = s.collection.LatestRepoID
		request.Target, request.RepoID = "", s.repoID
	}
	if !slices.Contains(src.arches, "noarch") {
		request.Arches = src.arches
	}
	return b, request, nil
}

// sourcePath is the place of a source package as the hub that builds is told
// it. Koji takes only such below its own files.
func (s *submitter) sourcePath(src *source) string {
	packages := "../packages"
	if s.collection.SecondaryMode {
		packages = s.service.SecondaryPackages
	}
	return koji.SourcePath(packages, &src.build.Build, src.srpm.NEVRA())
}

// source finds what was the newest tagged source of p at an event, and what it
// can be built for. A build of it thus comes after that tagging and before the
// next.
func (s *submitter) source(ctx context.Context, p *koschei.PackageStatus, event int64) (*source, error) {
	tagged, err := s.sources.ListTagged(ctx, koji.TagQuery{
		Tag: s.collection.DestTag, Package: p.Name, Latest: true, Inherit: true, Event: event,
	})
	if err != nil {
		return nil, err
	}
	if len(tagged) == 0 {
		return nil, &hold{record.HoldSource, "no build of it is tagged in " + s.collection.DestTag, holdNoSource}
	}
	src := &source{build: tagged[0]}
	src.srpm, err = s.sources.SRPM(ctx, src.build.ID)
	if errors.Is(err, koschei.ErrNotFound) {
		return nil, &hold{record.HoldSource, "Koji has no source package of " + src.nvr(), holdNoSource}
	}
	if err != nil {
		return nil, err
	}
	src.arches, err = s.arches(ctx, p, src)
	return src, err
}

func (s *submitter) arches(ctx context.Context, p *koschei.PackageStatus, src *source) ([]string, error) {
	srpm, err := s.facts(ctx, record.Source{
		Hub: s.collection.SourceHub(), Name: src.build.Name, Version: src.build.Version, Release: src.build.Release,
	})
	if errors.Is(err, koschei.ErrNotFound) {
		return nil, &hold{record.HoldSource, "Koji cannot read the source package of " + src.nvr(), holdNoSource}
	}
	if err != nil {
		return nil, err
	}
	arches := koschei.ChooseArches(s.tagArches, srpm.ArchHeader, p.ArchOverride, s.service.BuildArches)
	if len(arches) == 0 {
		return nil, &hold{record.HoldArch, "there is no architecture to build it for", holdNoArch}
	}
	return arches, nil
}

// facts returns what a source package says, asking the hub if that is not
// stored yet.
func (s *submitter) facts(ctx context.Context, name record.Source) (*record.SRPM, error) {
	stored, err := s.db.Sources.SRPM(ctx, name)
	if !errors.Is(err, koschei.ErrNotFound) {
		return stored, err
	}
	known, err := s.service.sync(s.db).FetchSRPMs(ctx, []record.Source{name})
	if err != nil {
		return nil, err
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("headers of %s: %w", name.Name, koschei.ErrNotFound)
	}
	return &known[0], s.db.Sources.SaveSRPMs(ctx, known)
}

// place writes the build down and then asks the hub for it.
func (s *submitter) place(ctx context.Context, p *koschei.PackageStatus, b record.Submission, request koji.ScratchBuild) error {
	limited, cancel := context.WithTimeout(ctx, s.service.Hub.CallLimit()) // see longestCall
	defer cancel()
	buildID, err := s.db.BeginSubmission(limited, b)
	if err != nil {
		return err
	}
	if late, _ := limited.Deadline(); !time.Now().Before(late) {
		// This process was frozen. Another one may have given the build up.
		return fmt.Errorf("submitting build %d: %w", buildID, context.DeadlineExceeded)
	}
	request.Key = strconv.FormatInt(buildID, 10)
	taskID, err := s.service.Hub.Build(limited, request)
	if errors.Is(err, koji.ErrOutcomeUnknown) {
		s.service.Metrics.submitted(s.collection.Name, unanswered)
		return err // settle finds out, once the hub can have no more of it in hand
	}
	// What the hub said is stored even if this process is to end now, or has
	// lost its lease meanwhile: it is true. So it goes past the fence.
	store := context.WithoutCancel(ctx)
	if err != nil {
		err = fmt.Errorf("%w: %w", errNotTaken, err)
		s.service.Metrics.submitted(s.collection.Name, refused)
		return errors.Join(s.service.sync(s.service.DB).LoseBuild(store, buildID, err.Error()), err)
	}
	if err := s.service.accepted(store, s.service.DB, buildID, taskID); err != nil {
		return err
	}
	s.service.Metrics.submitted(s.collection.Name, taken)
	s.service.Log.InfoContext(ctx, "build submitted", "collection", s.collection.Name, "package", p.Name,
		"build", buildID, "task", taskID, "repo", b.RepoID, "priority", b.Trigger.Total())
	return nil
}
