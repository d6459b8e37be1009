package watcher

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/record"
)

// A question is put to the hub, or passed on, because of some messages.
type question struct {
	about      string // for errors
	collection string // "" if there is none in particular
	messages   []*bus.Message
	ask        func(context.Context) error
}

// few is the number of packages of a collection up to which each is asked for;
// when more have changed everything is asked for, once.
const few = 50

// news is what some messages say of one thing.
type news struct {
	names    map[string]bool // of packages
	messages []*bus.Message
}

func (n *news) add(name string, m *bus.Message) {
	if n.names == nil {
		n.names = map[string]bool{}
	}
	n.names[name] = true
	n.messages = append(n.messages, m)
}

// An agenda is what a batch of messages is about.
type agenda struct {
	collections          []koschei.Collection
	listed, tagged, repo []news // of each collection
	task                 news
	tasks                map[int64]bool
}

// agenda returns what hints are about.
func (s *Service) agenda(ctx context.Context, hints []hint) (*agenda, error) {
	collections, err := s.DB.Collections(ctx)
	if err != nil {
		return nil, err
	}
	s.parents.keep(collections)
	a := &agenda{collections: collections, tasks: map[int64]bool{}}
	a.listed, a.tagged, a.repo = make([]news, len(collections)), make([]news, len(collections)), make([]news, len(collections))
	for _, h := range hints {
		if h.kind == taskChanged {
			a.tasks[h.task] = true
			a.task.add("", h.message)
			continue
		}
		concerned, err := s.concerned(ctx, collections, h)
		if err != nil {
			return nil, err
		}
		for _, i := range concerned {
			switch h.kind {
			case repoDone:
				a.repo[i].add("", h.message)
			case listChanged:
				a.listed[i].add(h.pkg, h.message)
			default:
				a.tagged[i].add(h.pkg, h.message)
			}
		}
	}
	return a, nil
}

// concerned returns the places of the collections that a hint is about. They
// may be several: one tag may be the destination of several collections, and be
// inherited by others.
func (s *Service) concerned(ctx context.Context, collections []koschei.Collection, h hint) (places []int, err error) {
	var with []int64
	if h.kind == buildChanged {
		// A build that becomes complete is tagged next; only one that was
		// tagged tells something new.
		with, err = s.DB.Tags.RecordedIn(ctx, koschei.Primary, record.BuildName{Name: h.pkg, KojiBuildID: h.build})
		if err != nil {
			return nil, err
		}
	}
	for i := range collections {
		c := &collections[i]
		is := false
		switch h.kind {
		case buildChanged:
			is = slices.Contains(with, c.ID)
		case repoDone:
			is = c.BuildTag == h.tag
		default:
			if is, err = s.parents.follows(ctx, c, h.tag); err != nil {
				return nil, err
			}
		}
		if is {
			places = append(places, i)
		}
	}
	return places, nil
}

// questions are those that an agenda leads to, in the order in which they are
// best asked: a package must be listed for its builds to be recorded.
func (s *Service) questions(a *agenda) []question {
	var questions []question
	for i := range a.collections {
		c := &a.collections[i]
		questions = append(questions,
			a.listed[i].question("package list", c, s.Sync.PackageList, s.Sync.PackagesListed),
			a.tagged[i].question("tagged builds", c, s.Sync.TaggedBuilds, s.Sync.TaggedPackages),
			question{"new repo", c.Name, a.repo[i].messages, func(ctx context.Context) error {
				return s.DB.Wake(ctx, koschei.ServiceRepoResolver, c.ID)
			}})
	}
	questions = append(questions, question{"tasks", "", a.task.messages, func(ctx context.Context) error {
		return s.Sync.BuildsOfTasks(ctx, slices.Sorted(maps.Keys(a.tasks)))
	}})
	return slices.DeleteFunc(questions, func(q question) bool { return len(q.messages) == 0 })
}

// question asks for the packages of a collection that messages name, or for
// all if they name many.
func (n *news) question(about string, c *koschei.Collection,
	all func(context.Context, *koschei.Collection) error, some func(context.Context, *koschei.Collection, []string) error,
) question {
	return question{about, c.Name, n.messages, func(ctx context.Context) error {
		if len(n.names) > few {
			return all(ctx, c)
		}
		return some(ctx, c, slices.Sorted(maps.Keys(n.names)))
	}}
}

// ask asks questions and notes what becomes of their messages. One that fails
// keeps no other from being asked, unless the hub is away.
func (s *Service) ask(ctx context.Context, questions []question, fates map[*bus.Message]fate) {
	for i, q := range questions {
		err := q.ask(ctx)
		switch {
		case err == nil:
			continue
		case refused(err):
			s.Log.WarnContext(ctx, "hub refuses to answer", "collection", q.collection, "about", q.about, "error", err)
			q.meet(fates, failed)
			continue
		case ctx.Err() == nil:
			s.Log.ErrorContext(ctx, "messages put off", "collection", q.collection, "about", q.about, "messages", len(q.messages), "error", err)
		}
		s.putOff(ctx, q.messages, fates)
		if class := koji.ClassOf(err); class == koji.Transient || class == koji.Auth {
			for _, q := range questions[i+1:] {
				s.putOff(ctx, q.messages, fates)
			}
			return
		}
	}
}

// meet gives all messages of a question a fate, unless they have a worse one.
func (q *question) meet(fates map[*bus.Message]fate, f fate) {
	for _, m := range q.messages {
		fates[m] = max(fates[m], f)
	}
}

// putOff has messages come again, but those that have often.
func (s *Service) putOff(ctx context.Context, messages []*bus.Message, fates map[*bus.Message]fate) {
	for _, m := range messages {
		f := putOff
		if m.Redelivered && !m.Sent.IsZero() && s.Sync.Now().Sub(m.Sent) > s.GiveUp {
			f = failed
			s.Log.WarnContext(ctx, "message given up", "message", m.ID, "topic", m.Topic)
		}
		fates[m] = max(fates[m], f)
	}
}

// refused tells whether the hub would answer the same for ever.
func refused(err error) bool {
	var fault *xmlrpc.Fault
	return errors.As(err, &fault) && koji.ClassOf(err) == koji.Permanent
}
