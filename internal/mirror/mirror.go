// Package mirror makes repos of the secondary hub available at the primary hub, so
// that scratch builds can run there. For a repo of the secondary hub, the primary
// one makes a repo of its own, in a tag of the same name, with that repo as its only
// external repo. The record says which repo stands for which. Package reporesolver
// calls it before it resolves a collection in secondary mode.
//
// A tag can have one such external repo at a time, and a newRepo task reads its tag
// only when a builder takes the task. So for each tag one repo is made after the
// other, and the tag stays as it is until the task has ended.
//
// Every step looks at the primary hub first and may be repeated after a crash. The
// newRepo task is the exception, because it has no key: before it is asked for, the
// record says that there may be one. If its id is lost, it is searched for.
//
// The package resolves nothing and knows nothing of packages.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/asked"
)

// A Mirror brings repos of the secondary hub to the primary one. All fields
// but Clock must be set.
type Mirror struct {
	koschei.Clock // of domain time

	Hubs   koji.Hubs
	Log    *slog.Logger
	Holder postgres.Holder // of leases

	Arches []string // of tags that it makes

	// RepoURL is the address of a repo of the secondary hub as the primary
	// hub's builders reach it, with {build_tag}, {repo_id} and {arch}.
	RepoURL string
}

// Times of an attempt after one that failed, in domain time.
const (
	firstRetry = 5 * time.Minute
	lastRetry  = 6 * time.Hour
)

// Newest returns the newest repo of a collection's build tag that the primary
// hub has too, as the secondary hub knows it, and nil if there is none yet.
// newest is the newest that the secondary hub has; if it is not on its way to the
// primary hub, it is sent. An error may come with a repo: that one can be used
// although the next is in trouble.
func (m *Mirror) Newest(ctx context.Context, db *record.Record, c *koschei.Collection, newest *koji.Repo) (*koji.Repo, error) {
	var done *asked.RepoMapping
	err := db.Alone(ctx, "repo-mapping/"+c.BuildTag, m.Holder, func(ctx context.Context, db *record.Fenced) (err error) {
		done, err = m.advance(ctx, db, c, newest)
		return err
	})
	if errors.Is(err, koschei.ErrLeased) {
		err = nil // another collection of this tag is at it
	}
	if done == nil || done.RepoID == newest.ID {
		if done == nil {
			return nil, err
		}
		return newest, err
	}
	hub, hubErr := m.Hubs.Client(koschei.Secondary)
	if hubErr != nil {
		return nil, hubErr
	}
	older, hubErr := hub.RepoInfo(ctx, done.RepoID)
	if hubErr != nil || !older.State.Usable() {
		return nil, errors.Join(err, ignoreMissing(hubErr))
	}
	return older, err
}

func ignoreMissing(err error) error {
	if errors.Is(err, koschei.ErrNotFound) {
		return nil
	}
	return err
}

// advance takes the mapping of a tag one step further and returns the newest
// one that is done.
func (m *Mirror) advance(ctx context.Context, db *record.Fenced, c *koschei.Collection, newest *koji.Repo) (*asked.RepoMapping, error) {
	open, done, err := db.Hub.RepoMappings(ctx, c.BuildTag)
	if err != nil {
		return nil, err
	}
	if open != nil && open.Retry == nil {
		if err := m.follow(ctx, db, open); err != nil {
			return done, fmt.Errorf("repo %d at the primary hub: %w", open.RepoID, err)
		}
		if open.PrimaryID != 0 {
			open, done = nil, open
		}
	}
	wanted := done == nil || newest.Event > done.Event
	if !wanted || open != nil && (open.Retry == nil || m.Now().Before(*open.Retry)) {
		return done, nil
	}
	next := &asked.RepoMapping{RepoID: newest.ID, BuildTag: c.BuildTag, Event: newest.Event}
	if open != nil {
		next.Failures = open.Failures
	}
	if err := m.begin(ctx, db, c, next); err != nil {
		return done, fmt.Errorf("bringing repo %d to the primary hub: %w", newest.ID, err)
	}
	return done, nil
}

// begin makes the tag at the primary hub show the repo, and asks for a repo of
// it.
func (m *Mirror) begin(ctx context.Context, db *record.Fenced, c *koschei.Collection, next *asked.RepoMapping) error {
	if err := m.prepare(ctx, c); err != nil {
		return err
	}
	if err := m.show(ctx, c, next.RepoID); err != nil {
		return err
	}
	tasks, err := m.Hubs.Primary.NewRepoTasks(ctx, 1)
	if err != nil {
		return err
	}
	if len(tasks) > 0 {
		next.AfterTask = tasks[0].ID
	}
	next.Asked = m.Now()
	if err := db.Hub.BeginRepoMapping(ctx, next); err != nil {
		return err
	}
	return m.ask(ctx, db, next)
}

func (m *Mirror) ask(ctx context.Context, db *record.Fenced, r *asked.RepoMapping) error {
	asking, cancel := context.WithTimeout(ctx, m.Hubs.Primary.CallLimit())
	defer cancel()
	task, err := m.Hubs.Primary.NewRepo(asking, r.BuildTag)
	if errors.Is(err, koji.ErrOutcomeUnknown) {
		return err // follow finds out
	}
	store := context.WithoutCancel(ctx) // what the hub said is true whatever becomes of us
	if err != nil {
		return errors.Join(err, m.failed(store, db, r))
	}
	r.TaskID = task
	m.Log.InfoContext(ctx, "repo asked for at the primary hub", "repo", r.RepoID, "tag", r.BuildTag, "task", task)
	return db.Hub.SaveRepoMapping(store, r)
}

// failed writes down that an attempt came to nothing.
func (m *Mirror) failed(ctx context.Context, db *record.Fenced, r *asked.RepoMapping) error {
	retry := m.Now().Add(min(firstRetry<<min(r.Failures, 10), lastRetry))
	r.TaskID, r.Failures, r.Retry = 0, r.Failures+1, &retry
	return db.Hub.SaveRepoMapping(ctx, r)
}

// follow finds out what became of a mapping's task.
func (m *Mirror) follow(ctx context.Context, db *record.Fenced, r *asked.RepoMapping) error {
	if r.TaskID == 0 {
		if err := m.find(ctx, db, r); err != nil || r.TaskID == 0 {
			return err
		}
	}
	repo, err := m.Hubs.Primary.MadeRepo(ctx, r.TaskID)
	var none *koji.NoRepoError
	switch {
	case errors.Is(err, koji.ErrNotFinished):
		return nil
	case errors.As(err, &none):
		return errors.Join(err, m.failed(ctx, db, r))
	case errors.Is(err, koschei.ErrNotFound):
		return errors.Join(fmt.Errorf("its newRepo %w", err), m.failed(ctx, db, r))
	case err != nil:
		return err
	}
	r.PrimaryID = repo
	m.Log.InfoContext(ctx, "repo is at the primary hub", "repo", r.RepoID, "tag", r.BuildTag, "primary", r.PrimaryID)
	return db.Hub.SaveRepoMapping(ctx, r)
}

// find looks for a task that was asked for without our hearing of it. If there
// is none, and the call can no longer be under way, it is asked for again.
func (m *Mirror) find(ctx context.Context, db *record.Fenced, r *asked.RepoMapping) error {
	tasks, err := m.Hubs.Primary.NewRepoTasks(ctx, searched) // the newest first
	if err != nil {
		return err
	}
	for i := len(tasks) - 1; i >= 0; i-- { // the oldest first
		if t := &tasks[i]; t.ID > r.AfterTask && t.Source() == r.BuildTag {
			r.TaskID = t.ID
			return db.Hub.SaveRepoMapping(ctx, r)
		}
	}
	if m.Now().Sub(r.Asked) <= m.Domain(m.Hubs.Primary.LongestCall()) {
		return nil
	}
	r.Asked = m.Now()
	if err := db.Hub.BeginRepoMapping(ctx, r); err != nil {
		return err
	}
	return m.ask(ctx, db, r)
}

// searched is how many tasks are looked through for a lost one.
const searched = 100

// url is the address of a repo of the secondary hub. What Koji replaces by each
// architecture is written $arch.
func (m *Mirror) url(buildTag string, repoID int64) string {
	return strings.NewReplacer(
		"{build_tag}", buildTag, "{repo_id}", strconv.FormatInt(repoID, 10), "{arch}", "$arch",
	).Replace(m.RepoURL)
}
