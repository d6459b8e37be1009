package web

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
)

// A Bell rings when the record changes. While it does not hear, only looking
// tells. A postgres.Alarm is one.
type Bell interface {
	Bell() <-chan struct{}
	Hearing() bool
}

const (
	rememberedChanges = 2000             // of states, for who was away for a moment
	mostStreams       = 2000             // of one process
	gathering         = time.Second      // what happens within it is told at once; real time, as all here
	lookAnyway        = 10 * time.Second // how often is looked where a bell rings
	lookDeaf          = 2 * time.Second  // and where none does
)

// live knows what has happened lately, for all who want to hear it as it happens.
// However many these are, one asks the record: nobody holds a connection to the
// database, and nothing is stored for anybody. Each client has a mark up to where
// it was told, and what is after that mark is found in what all share.
type live struct {
	view  *view.View
	pulse func(context.Context) (*view.Pulse, error)
	bell  Bell // nil if none rings
	log   *slog.Logger

	mu      sync.Mutex
	ready   bool              // it was looked once
	told    []view.ToldChange // the last, the oldest first
	forgot  bool              // there were more before those
	counts  map[int64]pulse   // by collection
	streams int
	news    chan struct{} // closed, and another, when something is new
	ended   chan struct{} // closed when no more is told
}

// A pulse is how a collection stands, as is told to programs.
type pulse struct {
	Collection string `json:"collection"`
	Repo       int64  `json:"repo"` // that verdicts are about; 0 if there is none
	OK         int    `json:"ok"`
	Failing    int    `json:"failing"`
	Unresolved int    `json:"unresolved"`
	Running    int    `json:"running"`
}

func newLive(v *view.View, bell Bell, log *slog.Logger, count func(context.Context) (*view.Pulse, error)) *live {
	return &live{view: v, bell: bell, log: log, pulse: count, counts: map[int64]pulse{}, news: make(chan struct{}), ended: make(chan struct{})}
}

// run looks what happens until ctx ends.
func (l *live) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := l.look(ctx); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "what happens cannot be told for a moment", "error", err)
		}
		var bell <-chan struct{}
		wait := lookDeaf
		if l.bell != nil && l.bell.Hearing() {
			wait = lookAnyway
		}
		if l.bell != nil {
			bell = l.bell.Bell()
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		case <-bell:
			select {
			case <-ctx.Done():
			case <-time.After(gathering):
			}
		}
	}
}

// end tells those who listen that this is all.
func (l *live) end() { close(l.ended) }

// look reads what is new.
func (l *live) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	after, ready := l.newest()
	var changes []view.ToldChange
	var err error
	if ready {
		changes, err = l.view.Timeline.After(ctx, nil, after, rememberedChanges+1)
	} else {
		changes, err = l.view.Timeline.Last(ctx, rememberedChanges)
	}
	if err != nil {
		return err
	}
	counts, err := l.count(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = true
	l.told = append(l.told, changes...)
	if n := len(l.told) - rememberedChanges; n > 0 {
		l.told, l.forgot = slices.Clone(l.told[n:]), true
	} else if !ready && n == 0 {
		l.forgot = true // there may be more
	}
	l.counts = counts // what was before nobody wanted to know may be wrong by now
	close(l.news)
	l.news = make(chan struct{})
	return nil
}

// count returns how collections stand, nil if nobody wants to know.
func (l *live) count(ctx context.Context) (map[int64]pulse, error) {
	l.mu.Lock()
	streams := l.streams
	l.mu.Unlock()
	if streams == 0 {
		return nil, nil
	}
	now, err := l.pulse(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[int64]pulse{}
	for id, c := range now.Counts {
		counts[id] = pulse{
			Repo: now.Fresh[id].Verdicts.RepoID, OK: c.ByState[koschei.StateOK], Failing: c.ByState[koschei.StateFailing],
			Unresolved: c.ByState[koschei.StateUnresolved], Running: c.Running,
		}
	}
	return counts, nil
}

// newest is the mark of the last change that is known; ready says whether any
// could be.
func (l *live) newest() (at view.Mark, ready bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.told); n > 0 {
		at = l.told[n-1].Mark
	}
	return at, l.ready
}

// after returns what happened after a mark, and when to ask again. lost says that
// it is not all of it.
func (l *live) after(at view.Mark) (changes []view.ToldChange, lost bool, counts map[int64]pulse, news <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, _ := slices.BinarySearchFunc(l.told, at, func(c view.ToldChange, at view.Mark) int {
		if compareMarks(c.Mark, at) <= 0 {
			return -1
		}
		return 1
	})
	lost = i == 0 && l.forgot && (len(l.told) == 0 || compareMarks(at, l.told[0].Mark) < 0)
	return l.told[i:], lost, l.counts, l.news
}

func compareMarks(a, b view.Mark) int {
	return cmp.Or(cmp.Compare(a.Transaction, b.Transaction), cmp.Compare(a.ID, b.ID))
}

// join counts a client in. Without an error leave must be called.
func (l *live) join() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams >= mostStreams {
		return &UnavailableError{"too many listen already", fmt.Errorf("%d streams of events", l.streams)}
	}
	l.streams++
	return nil
}

func (l *live) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams--
}
