package buildresolver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/record/asked"
)

const (
	// requests is how many repos of the past a hub is asked for at a time: they
	// take its builders' time from repos of the present.
	requests = 3

	// refusal is how long a hub is taken at its word that it does not let us.
	refusal = 24 * time.Hour

	// searched is how many newRepo tasks are looked through for one of ours.
	searched = 100
)

// What a hub may refuse, in the record.
const (
	byRequest = "repo.request"
	byTask    = "newRepo"
)

// A fate is what becomes of builds whose repo is gone.
type fate struct {
	repo  *koji.Repo // with the same content; nil if there is none
	waits bool       // until it is known whether there will be
}

// again asks the hub for a repo of the same tag as of the same event as one
// that is deleted, or follows such a request. It is asked for once, if a build
// matters that was made there, and not too long ago: the hub forgets the builds
// of the past.
func (s *Service) again(ctx context.Context, hub *koji.Client, c *koschei.Collection, gone *koji.Repo) (fate, error) {
	if s.Now().Sub(gone.Created) > s.RemakeRepos {
		return fate{}, nil
	}
	var f fate
	lease := fmt.Sprintf("repo-request/%s/%s/%d", c.SourceHub(), gone.Tag, gone.Event)
	err := s.DB.Alone(ctx, lease, s.Holder, func(ctx context.Context, db *record.Fenced) error {
		r, err := db.Hub.RepoRequest(ctx, c.SourceHub(), gone.Tag, gone.Event)
		if errors.Is(err, koschei.ErrNotFound) {
			r, f.waits, err = s.request(ctx, db, c, gone)
		}
		if err != nil || r == nil {
			return err
		}
		if r.State == asked.RequestAsking {
			if err := s.ask(ctx, hub, db, r); err != nil {
				return err
			}
		}
		f, err = fateOf(ctx, hub, r, gone)
		return err
	})
	if errors.Is(err, koschei.ErrLeased) {
		return fate{waits: true}, nil
	}
	return f, err
}

// request writes down that a repo is to be asked for, if it is to be. It
// returns nil if not, and whether that may be another time.
func (s *Service) request(ctx context.Context, db *record.Fenced, c *koschei.Collection, gone *koji.Repo) (r *asked.RepoRequest, later bool, err error) {
	wanted, err := db.RepoWanted(ctx, c.ID, gone.ID)
	if err != nil || !wanted {
		return nil, false, err
	}
	may, err := s.may(ctx, db, c.SourceHub(), byRequest)
	if err == nil && !may {
		may, err = s.may(ctx, db, c.SourceHub(), byTask)
	}
	if err != nil || !may {
		return nil, false, err
	}
	open, err := db.Hub.OpenRepoRequests(ctx, c.SourceHub())
	if err != nil || open >= requests {
		return nil, true, err
	}
	r = &asked.RepoRequest{
		Hub: c.SourceHub(), BuildTag: gone.Tag, Event: gone.Event, State: asked.RequestAsking, Asked: s.Now(),
	}
	s.Log.InfoContext(ctx, "a deleted repo is asked for again", "collection", c.Name, "repo", gone.ID, "tag", gone.Tag)
	return r, false, db.Hub.SaveRepoRequest(ctx, r)
}

// may tells whether it makes sense to ask the hub for something.
func (s *Service) may(ctx context.Context, db *record.Fenced, hub koschei.Hub, what string) (bool, error) {
	refused, err := db.Hub.HubRefused(ctx, hub, what)
	return refused.IsZero() || s.Now().Sub(refused) > refusal, err
}

// ask takes a request one step further: by repo.request, which every user of
// the hub may make, or by a newRepo task, which takes a permission.
func (s *Service) ask(ctx context.Context, hub *koji.Client, db *record.Fenced, r *asked.RepoRequest) error {
	for _, way := range []struct {
		what string
		step func(context.Context, *koji.Client, *record.Fenced, *asked.RepoRequest) error
	}{{byRequest, s.askByRequest}, {byTask, s.askByTask}} {
		may, err := s.may(ctx, db, r.Hub, way.what)
		if err != nil {
			return err
		}
		if !may || r.TaskID != 0 && way.what == byRequest {
			continue
		}
		err = way.step(ctx, hub, db, r)
		switch {
		case err == nil:
			return db.Hub.SaveRepoRequest(ctx, r)
		case koji.Refused(err):
			s.Log.InfoContext(ctx, "the hub does not let us ask for repos of the past", "reason", way.what, "error", err)
			if err := db.Hub.NoteHubRefusal(ctx, r.Hub, way.what, s.Now()); err != nil {
				return err
			}
		case koji.ClassOf(err) == koji.Permanent && !errors.Is(err, koji.ErrOutcomeUnknown):
			// The tag is gone, for example.
			s.Log.InfoContext(ctx, "a deleted repo cannot be had again", "tag", r.BuildTag, "error", err)
			r.State = asked.RequestFailed
			return db.Hub.SaveRepoRequest(ctx, r)
		default:
			return fmt.Errorf("asking for a repo of tag %s at event %d: %w", r.BuildTag, r.Event, err)
		}
	}
	r.State = asked.RequestFailed // it lets us do neither
	return db.Hub.SaveRepoRequest(ctx, r)
}

// askByRequest may be repeated: the hub knows a request by what it asks for.
func (s *Service) askByRequest(ctx context.Context, hub *koji.Client, _ *record.Fenced, r *asked.RepoRequest) error {
	if r.RequestID == 0 {
		answer, err := hub.RequestRepo(ctx, r.BuildTag, r.Event)
		if err != nil {
			return err
		}
		if answer.Repo != nil {
			r.State, r.RepoID = asked.RequestMade, answer.Repo.ID
		} else if answer.Request != nil {
			r.RequestID = answer.Request.ID
		}
		return nil
	}
	answer, err := hub.CheckRequest(ctx, r.RequestID)
	switch {
	case koji.ClassOf(err) == koji.Permanent && !koji.Refused(err):
		r.RequestID = 0 // the hub has forgotten it, but not what came of it
		return nil
	case err != nil:
		return err
	case answer.Repo != nil:
		r.State, r.RepoID = asked.RequestMade, answer.Repo.ID
	case answer.Request == nil || !answer.Request.Active:
		r.State = asked.RequestFailed
	}
	return nil
}

// askByTask looks for the task before it asks for it: tag and event tell which
// it is. What was asked for just now and cannot be found may still arrive.
func (s *Service) askByTask(ctx context.Context, hub *koji.Client, db *record.Fenced, r *asked.RepoRequest) error {
	if r.TaskID == 0 {
		tasks, err := hub.NewRepoTasks(ctx, searched)
		if err != nil {
			return err
		}
		for i := range tasks {
			if t := &tasks[i]; t.Source() == r.BuildTag && t.Event() == r.Event {
				r.TaskID = t.ID
				return nil
			}
		}
		if r.Tasked != nil && s.Now().Sub(*r.Tasked) <= s.Domain(hub.LongestCall()) {
			return nil
		}
		now := s.Now()
		r.Tasked = &now
		if err := db.Hub.SaveRepoRequest(ctx, r); err != nil {
			return err
		}
		r.TaskID, err = hub.NewRepoAt(ctx, r.BuildTag, r.Event)
		return err
	}
	repo, err := hub.MadeRepo(ctx, r.TaskID)
	var none *koji.NoRepoError
	switch {
	case err == nil:
		r.State, r.RepoID = asked.RequestMade, repo
	case errors.Is(err, koji.ErrNotFinished):
	case errors.As(err, &none), errors.Is(err, koschei.ErrNotFound):
		r.State = asked.RequestFailed
	default:
		return err
	}
	return nil
}

// fateOf tells what a request means for builds that were made in the repo that
// is gone.
func fateOf(ctx context.Context, hub *koji.Client, r *asked.RepoRequest, gone *koji.Repo) (fate, error) {
	switch r.State {
	case asked.RequestAsking:
		return fate{waits: true}, nil
	case asked.RequestFailed:
		return fate{}, nil
	}
	repo, err := hub.RepoInfo(ctx, r.RepoID)
	switch {
	case errors.Is(err, koschei.ErrNotFound):
		return fate{}, nil
	case err != nil:
		return fate{}, fmt.Errorf("asking for repo %d: %w", r.RepoID, err)
	case !repo.State.Usable() || repo.Event != gone.Event || repo.Tag != gone.Tag:
		return fate{}, nil
	}
	return fate{repo: repo}, nil
}
