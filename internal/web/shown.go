package web

import (
	"bytes"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/singleflight"
)

// Changes tells what has changed in the record since it was asked last: nothing,
// something in collections, or anything at all. While it does not hear, only
// looking tells. A postgres.Alarm is one.
type Changes interface {
	Rung() (collections []int64, all bool)
	Hearing() bool
}

const (
	shownBytes = 64 << 20    // of all answers that are kept
	longShown  = 256 << 10   // an answer larger than this is not kept
	shownLasts = time.Minute // of domain time: ages are told by the minute
	deafLasts  = time.Second // the same in real time, while nobody tells what changes
)

// shown keeps the answers of routes that are Kept, compressed. An answer is
// shown again until something changes in the collections that it is about. Those
// who ask the same at once share one reading of the record.
type shown struct {
	changes Changes // nil if nobody tells; then nothing is kept
	real    func() time.Time
	lasts   time.Duration // real time
	reading singleflight.Group
	packers sync.Pool // of *gzip.Writer: they are large

	mu     sync.Mutex
	bytes  int
	byKey  map[string]*list.Element // of *keptAnswer
	recent *list.List               // those asked for last in front
	stamp  stamp
}

// A stamp is a state of the record, by what was heard of it.
type stamp struct {
	heard uint64           // changes of any kind
	all   uint64           // those that may concern everything
	of    map[int64]uint64 // those of a collection
	deaf  bool             // more may have changed
	asked time.Time        // real time
	about []int64          // the collections that matter; nil for all
}

// A keptAnswer is what was shown of the record in a state.
type keptAnswer struct {
	key    string
	answer Answer
	stamp  stamp
}

func newShown(changes Changes, real func() time.Time, speed float64) *shown {
	return &shown{
		changes: changes, real: real, lasts: max(deafLasts, time.Duration(float64(shownLasts)/max(1, speed))),
		byKey: map[string]*list.Element{}, recent: list.New(), stamp: stamp{of: map[int64]uint64{}},
	}
}

// get returns the answer that is kept so under key, or what make returns with the
// collections that it is about (nil for all).
func (s *shown) get(ctx context.Context, kept Kept, key string, make func(context.Context) (Answer, []int64, error)) (Answer, error) {
	now, known := s.look(key)
	if known != nil {
		return *known, nil
	}
	answer, err, _ := s.reading.Do(fmt.Sprint(now.heard, key), func() (any, error) {
		answer, about, err := make(context.WithoutCancel(ctx)) // others wait for it, too
		if err == nil && answer.packable() {
			if err = s.pack(&answer); err == nil {
				now.about, now.deaf = about, now.deaf || kept == ForAMoment
				s.keep(key, answer, now)
			}
		}
		return answer, err
	})
	return answer.(Answer), err
}

// look returns the state of the record now, and the answer kept under key if it
// still holds.
func (s *shown) look(key string) (stamp, *Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == nil {
		return stamp{}, nil
	}
	s.hear()
	now := s.stamp
	now.deaf, now.asked = !s.changes.Hearing(), s.real()
	now.of = map[int64]uint64{}
	for id, n := range s.stamp.of {
		now.of[id] = n
	}
	element := s.byKey[key]
	if element == nil {
		return now, nil
	}
	kept := element.Value.(*keptAnswer)
	if !kept.stamp.holds(now, s.lasts) {
		s.drop(element)
		return now, nil
	}
	s.recent.MoveToFront(element)
	return now, &kept.answer
}

// hear counts what has changed since.
func (s *shown) hear() {
	collections, all := s.changes.Rung()
	if all {
		s.stamp.all++
	}
	for _, id := range collections {
		s.stamp.of[id]++
	}
	if all || len(collections) > 0 {
		s.stamp.heard++
	}
}

// holds says whether what was read then is so now.
func (then stamp) holds(now stamp, lasts time.Duration) bool {
	if then.deaf || now.deaf {
		lasts = deafLasts
	}
	if now.asked.Sub(then.asked) >= lasts || then.all != now.all {
		return false
	}
	if then.about == nil {
		return then.heard == now.heard
	}
	for _, id := range then.about {
		if then.of[id] != now.of[id] {
			return false
		}
	}
	return true
}

func (s *shown) keep(key string, answer Answer, at stamp) {
	if s.changes == nil || len(answer.packed) > longShown {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if element := s.byKey[key]; element != nil {
		s.drop(element)
	}
	s.byKey[key] = s.recent.PushFront(&keptAnswer{key, answer, at})
	s.bytes += len(key) + len(answer.packed)
	for s.bytes > shownBytes {
		s.drop(s.recent.Back())
	}
}

func (s *shown) drop(element *list.Element) {
	kept := s.recent.Remove(element).(*keptAnswer)
	delete(s.byKey, kept.key)
	s.bytes -= len(kept.key) + len(kept.answer.packed)
}

// packable says whether an answer may be kept and recognised: it is a page.
func (a *Answer) packable() bool {
	return len(a.Body) > 0 && a.Status == 0 && len(a.cookies) == 0 && a.location == "" && a.Stream == nil
}

// pack compresses an answer and names it by its content.
func (s *shown) pack(a *Answer) error {
	a.tag = tagOf(a.Body)
	var out bytes.Buffer
	w, ok := s.packers.Get().(*gzip.Writer)
	if !ok {
		w = gzip.NewWriter(nil)
	}
	defer s.packers.Put(w)
	w.Reset(&out)
	if _, err := w.Write(a.Body); err != nil {
		return fmt.Errorf("compressing an answer: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("compressing an answer: %w", err)
	}
	a.packed, a.Body = out.Bytes(), nil
	return nil
}

// tagOf names content for If-None-Match. It is weak, as the same content may be
// sent compressed or not.
func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`
}

// unpacked is the answer for those who do not take it compressed.
func (a *Answer) unpacked(w http.ResponseWriter) error {
	r, err := gzip.NewReader(bytes.NewReader(a.packed))
	if err != nil {
		return fmt.Errorf("unpacking an answer: %w", err)
	}
	if _, err := io.Copy(w, r); err != nil {
		return fmt.Errorf("unpacking an answer: %w", err)
	}
	return nil
}
