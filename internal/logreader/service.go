// Package logreader reads the logs of builds that failed, once and soon after that,
// and stores what they tell: the phase, the first error of a known kind, and some
// lines around it. It is one of the services; only the program imports it.
//
// A pass takes the failed builds whose logs were not read, the newest first: after an
// outage what people look at now comes first, and what is older than hubs keep logs
// is left out. Of each it fetches the end of build.log and, if that does not tell,
// of root.log. A log that is gone is stored as gone. Package buildlog finds in them
// what there is to find.
//
// It does not decide whether a build counts: package kojisync has done that, and
// looks at logs in its own way. Pages never ask the hub for logs.
package logreader

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/buildlog"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/loop"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record"
)

const (
	// Age is how long after its end a build's logs are still looked for, in domain
	// time. Hubs keep logs of scratch builds for some weeks.
	Age = 14 * 24 * time.Hour

	logTail  = 256 << 10 // bytes of a log that are read
	atOnce   = 50        // builds in a pass
	troubles = 3         // builds in a row that cannot be read end a pass: so would the others
)

// A Service reads logs. All fields but Metrics must be set. Any number may run; a
// lease lets one of them work.
type Service struct {
	koschei.Clock // of domain time

	DB      *record.Record
	Hubs    koji.Hubs
	Log     *slog.Logger
	Holder  postgres.Holder // of leases
	Metrics *Metrics

	later map[int64]loop.Trouble // builds whose logs could not be read
}

// Run reads until ctx ends, in passes that l begins.
func (s *Service) Run(ctx context.Context, l *loop.Loop) { l.Run(ctx, s.pass) }

const leaseName = string(koschei.ServiceLogReader)

// pass does nothing while another process reads.
func (s *Service) pass(ctx context.Context) error {
	err := s.DB.Alone(ctx, leaseName, s.Holder, func(ctx context.Context, db *record.Fenced) error {
		return s.read(ctx, db)
	})
	if errors.Is(err, koschei.ErrLeased) {
		return nil
	}
	return err
}

func (s *Service) read(ctx context.Context, db *record.Fenced) error {
	now := s.Now()
	failures, err := db.UnreadFailures(ctx, now.Add(-Age), s.resting(now), atOnce)
	if err != nil {
		return err
	}
	inARow := 0
	for i := range failures {
		f := &failures[i]
		err := s.readOne(ctx, db, f)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			delete(s.later, f.BuildID)
			inARow = 0
		case errors.Is(err, koschei.ErrLeased):
			return err
		default:
			s.later[f.BuildID] = s.later[f.BuildID].Again(s.Now())
			s.Log.WarnContext(ctx, "logs of a failed build cannot be read now", "package", f.Package, "build", f.BuildID, "task", f.TaskID, "error", err)
			if inARow++; inARow == troubles {
				return err
			}
		}
	}
	return nil
}

// resting are the builds that are tried again later; it forgets those whose time
// has come, long ago.
func (s *Service) resting(now time.Time) []int64 {
	if s.later == nil {
		s.later = map[int64]loop.Trouble{}
	}
	var ids []int64
	for id, t := range s.later {
		switch {
		case t.Rests(now):
			ids = append(ids, id)
		case now.Sub(t.Until) > Age:
			delete(s.later, id)
		}
	}
	return ids
}

// readOne looks into one failure and stores what it found.
func (s *Service) readOne(ctx context.Context, db *record.Fenced, f *record.UnreadFailure) error {
	var logs []buildlog.Log
	if f.TaskID != 0 {
		hub, err := s.hub(f.Hub)
		if err != nil {
			return err
		}
		for _, name := range []string{"build.log", "root.log"} {
			tail, err := hub.LogTail(ctx, f.TaskID, name, logTail)
			if errors.Is(err, koschei.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			logs = append(logs, buildlog.Log{Name: name, Text: tail.Text, Cut: tail.Cut})
			if e, _ := buildlog.Find(logs...); e.Kind != "" {
				break // the other one is not needed
			}
		}
	}
	var found *buildlog.Excerpt
	if e, ok := buildlog.Find(logs...); ok {
		found = &e
	}
	if err := db.SaveFailure(ctx, f, found, s.Now()); err != nil {
		return err
	}
	s.Metrics.read(found)
	return nil
}

func (s *Service) hub(name koschei.Hub) (*koji.Client, error) {
	if name == koschei.Primary {
		return s.Hubs.Primary, nil
	}
	if s.Hubs.Secondary == nil {
		return nil, koji.ErrNoSecondary
	}
	return s.Hubs.Secondary, nil
}
