// Package letter decides what letters tell subscribers, and words them: a subject,
// a text and a page of HTML. The notifier uses it. It is pure: it reads no record,
// sends nothing and knows no address.
//
// A letter tells how things are otherwise than its reader was told last: what broke
// and was mended in between, nobody is told of.
package letter

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei"
)

const (
	// mostAnHour is how many letters somebody gets in an hour. What there is to tell
	// beyond that is one more.
	mostAnHour = 20

	// mostApart is how many packages with nothing in common are told of in letters of
	// their own at a time.
	mostApart = 5
)

// Compose is a deliver.Composer.
func Compose(waiting []koschei.Awaited, lately int) (letters, untold []koschei.Draft) {
	c := composer{told: map[int64]bool{}}
	for _, s := range bySubscription(waiting) {
		c.subscription(s)
	}
	return c.letters(lately), c.untold
}

// A composer collects what is to be told to one user.
type composer struct {
	at     []koschei.Subscription // those with something to tell, in their order
	news   [][]news               // for each of them
	untold []koschei.Draft
	told   map[int64]bool // events that an earlier subscription tells
}

// A news is a change of one subject that is told.
type news struct {
	events []int64
	last   koschei.Awaited
	cause  string
}

// bySubscription divides what waits, the subscriptions told at once first.
func bySubscription(waiting []koschei.Awaited) [][]koschei.Awaited {
	sorted := slices.Clone(waiting)
	slices.SortStableFunc(sorted, func(a, b koschei.Awaited) int {
		s, t := &a.Subscription, &b.Subscription
		return cmp.Or(later(s.Pace)-later(t.Pace), cmp.Compare(s.ID, t.ID), cmp.Compare(a.Event.ID, b.Event.ID))
	})
	return slices.Collect(chunksBy(sorted, func(a koschei.Awaited) string { return strconv.FormatInt(a.Subscription.ID, 10) }))
}

func later(p koschei.Pace) int {
	return slices.Index([]koschei.Pace{koschei.AtOnce, koschei.Daily, koschei.Weekly}, p)
}

// subscription decides what is told of what waits for one subscription.
func (c *composer) subscription(waiting []koschei.Awaited) {
	s := waiting[0].Subscription
	bySubject := map[string][]koschei.Awaited{}
	var subjects []string
	var done []int64
	for _, a := range waiting {
		if a.Told || c.told[a.Event.ID] {
			done = append(done, a.Event.ID)
			continue
		}
		subject := string(a.Event.Kind) + a.Event.Subject()
		if bySubject[subject] == nil {
			subjects = append(subjects, subject)
		}
		bySubject[subject] = append(bySubject[subject], a)
	}
	var all []news
	for _, subject := range subjects {
		chain := bySubject[subject]
		last := chain[len(chain)-1]
		before, _ := chain[0].Event.Told()
		_, after := last.Event.Told()
		events := eventsOf(chain)
		notDue := slices.ContainsFunc(chain, func(a koschei.Awaited) bool { return !a.Due })
		switch {
		case before == after:
			done = append(done, events...) // it is as it was
		case notDue:
		case !s.Tell.Wants(koschei.State(before), koschei.State(after)):
			done = append(done, events...)
		default:
			all = append(all, news{events, last, cmp.Or(last.Cause, causeOfThread(last.LastThread))})
		}
	}
	if len(done) > 0 {
		c.untold = append(c.untold, koschei.Draft{Subscription: s.ID, Events: done})
	}
	if len(all) == 0 {
		return
	}
	for _, n := range all {
		for _, id := range n.events {
			c.told[id] = true
		}
	}
	c.at, c.news = append(c.at, s), append(c.news, all)
}

func eventsOf(chain []koschei.Awaited) (ids []int64) {
	for _, a := range chain {
		ids = append(ids, a.Event.ID)
	}
	return ids
}

// letters makes letters of what was collected.
func (c *composer) letters(lately int) (all []koschei.Draft) {
	for i, s := range c.at {
		drafts := draftsOf(&s, c.news[i])
		if lately+len(all)+len(drafts) > mostAnHour && len(drafts) > 1 {
			drafts = []koschei.Draft{digest(&s, c.news[i])}
		}
		all = append(all, drafts...)
	}
	return all
}

// draftsOf are the letters of one subscription.
func draftsOf(s *koschei.Subscription, all []news) (drafts []koschei.Draft) {
	if s.Pace != koschei.AtOnce {
		return []koschei.Draft{digest(s, all)}
	}
	if !s.Together {
		for _, n := range all {
			drafts = append(drafts, single(s, n))
		}
		return drafts
	}
	slices.SortStableFunc(all, func(a, b news) int { return cmp.Compare(togetherKey(a), togetherKey(b)) })
	for some := range chunksBy(all, togetherKey) {
		switch {
		case len(some) > 1 && some[0].cause != "":
			drafts = append(drafts, together(s, some, some[0].cause, threadOfCause(some[0])))
		case len(some) > mostApart:
			drafts = append(drafts, digest(s, some))
		default:
			for _, n := range some {
				drafts = append(drafts, single(s, n))
			}
		}
	}
	return drafts
}

// togetherKey is the same for what may be in one letter: what broke for the same
// reason, and what is mended again together.
func togetherKey(n news) string {
	_, after := n.last.Event.Told()
	return n.last.Event.Collection + "\x00" + n.cause + "\x00" + after
}

func single(s *koschei.Subscription, n news) koschei.Draft {
	thread := n.last.Event.Subject()
	if causeOfThread(n.last.LastThread) != "" {
		thread = n.last.LastThread
	}
	return koschei.Draft{Subscription: s.ID, Events: n.events, Cause: n.last.Cause, Thread: thread, Answers: n.last.LastLetter}
}

func together(s *koschei.Subscription, some []news, cause, thread string) koschei.Draft {
	d := koschei.Draft{Subscription: s.ID, Cause: cause, Thread: thread, Answers: some[0].last.LastLetter}
	for _, n := range some {
		d.Events = append(d.Events, n.events...)
		if n.last.LastLetter != d.Answers {
			d.Answers = ""
		}
	}
	return d
}

// digest is one letter about things that have nothing in common.
func digest(s *koschei.Subscription, all []news) koschei.Draft {
	d := together(s, all, "", "digest "+strconv.FormatInt(s.ID, 10))
	d.Answers = ""
	return d
}

// A thread of a cause holds it, so that what mends it joins it.
const causeThread = "cause "

func threadOfCause(n news) string {
	return causeThread + n.last.Event.Collection + " " + n.cause
}

// causeOfThread is the cause that a thread is about, "" if it is about none.
func causeOfThread(thread string) string {
	rest, ok := strings.CutPrefix(thread, causeThread)
	if !ok {
		return ""
	}
	_, cause, _ := strings.Cut(rest, " ")
	return cause
}

// Root is what the letters of a thread refer to, as the local part of a message
// id: no letter has it.
func Root(thread string) string {
	sum := sha256.Sum256([]byte(thread))
	return "thread-" + hex.EncodeToString(sum[:12])
}

// chunksBy divides a sorted list where a key changes.
func chunksBy[T any](all []T, key func(T) string) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(all) > 0 {
			n := slices.IndexFunc(all, func(v T) bool { return key(v) != key(all[0]) })
			if n < 0 {
				n = len(all)
			}
			if !yield(all[:n:n]) {
				return
			}
			all = all[n:]
		}
	}
}
