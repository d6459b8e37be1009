package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/koschei-ci/koschei/internal/view"
)

// Events is the route where what happens is told as it happens, as server-sent
// events:
//
//   - "state": a package's state is another. Its id is where to go on, for who was
//     away for a moment, with whatever process answers.
//   - "pulse": how a collection stands now.
//   - "reset": more has happened than can be told; look anew.
func Events() Route {
	return Route{
		Method: http.MethodGet, Pattern: "/events", Handler: events, Access: Public, Cache: NotKept, Errors: Text, Label: "events", Frame: true,
	}
}

const (
	heartbeat  = 15 * time.Second // a line that says nothing, so that it is seen who is gone
	retryEvent = 3 * time.Second  // when clients come again
)

// An eventsForm says where to begin.
type eventsForm struct {
	After string `form:"after"` // what a page knows that was made then; "" for now

	after view.Mark
}

// Validate implements Form.
func (f *eventsForm) Validate() (err error) {
	if f.After != "" {
		f.after, err = view.ParseMark(f.After)
	}
	return err
}

func events(r *Request) (Answer, error) {
	var form eventsForm
	if err := r.Read(&form); err != nil {
		return Answer{}, err
	}
	now, ready := r.live.newest()
	if !ready {
		return Answer{}, &UnavailableError{"what happens is not told yet", errors.New("the record was not looked at yet")}
	}
	s := &stream{live: r.live, at: now, names: map[int64]string{}, pulses: map[int64]pulse{}}
	if form.After != "" {
		s.at = form.after
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		at, err := view.ParseMark(last)
		s.at, s.lost = at, err != nil
	}
	for _, c := range r.Current {
		s.names[c.ID] = c.Name
	}
	ended := r.Lasting().Done()
	return Answer{Type: "text/event-stream", Stream: func(w http.ResponseWriter) error { return s.write(w, ended) }}, nil
}

// A stream is what one client is told.
type stream struct {
	live   *live
	at     view.Mark        // up to where it was told
	lost   bool             // it must be told to look anew
	names  map[int64]string // of the collections that it wants to hear of
	pulses map[int64]pulse  // that it was told last
}

// write tells a client what happens until it goes away, or the process ends.
func (s *stream) write(w http.ResponseWriter, gone <-chan struct{}) error {
	if err := s.live.join(); err != nil {
		return err
	}
	defer s.live.leave()
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // it has sent all it has to; where there is a connection
	w.Header().Set(gzhttp.HeaderNoCompression, "1")
	w.Header().Set("X-Accel-Buffering", "no") // asks proxies to hand on what comes
	text := fmt.Appendf(nil, "retry: %d\nid: %s\n\n", retryEvent.Milliseconds(), s.at.String())
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		more, news, err := s.next()
		if err != nil {
			return err
		}
		if text = append(text, more...); len(text) > 0 {
			if _, err := w.Write(text); err != nil {
				return nil // who listened has gone, as they do
			}
			if err := control.Flush(); err != nil {
				return nil // likewise
			}
		}
		text = nil
		select {
		case <-gone:
			return nil
		case <-s.live.ended:
			return nil
		case <-news:
		case <-beat.C:
			text = []byte(":\n\n")
		}
	}
}

// A stateEvent is a change of a package's state, as is told to programs.
type stateEvent struct {
	Collection string    `json:"collection"`
	Package    string    `json:"package"`
	Before     string    `json:"before"`
	State      string    `json:"state"`
	Changed    time.Time `json:"changed"`
}

// next is what is new for the client, and what is closed when there is more.
func (s *stream) next() (text []byte, news <-chan struct{}, err error) {
	changes, lost, counts, news := s.live.after(s.at)
	if lost || s.lost {
		s.lost = false
		if now, _ := s.live.newest(); len(changes) > 0 || compareMarks(s.at, now) != 0 {
			s.at = now
		}
		changes = nil
		text = fmt.Appendf(text, "id: %s\nevent: reset\ndata: {}\n\n", s.at.String())
	}
	for _, c := range changes {
		s.at = c.Mark
		name, wanted := s.names[c.CollectionID]
		if !wanted {
			continue
		}
		data, err := json.Marshal(stateEvent{name, c.Package, string(c.Before), string(c.State), c.Changed.UTC()})
		if err != nil {
			return nil, nil, fmt.Errorf("telling of a change: %w", err)
		}
		text = fmt.Appendf(text, "id: %s\nevent: state\ndata: %s\n\n", c.Mark.String(), data)
	}
	for id, name := range s.names {
		now, ok := counts[id]
		if now.Collection = name; !ok || now == s.pulses[id] {
			continue
		}
		s.pulses[id] = now
		data, err := json.Marshal(now)
		if err != nil {
			return nil, nil, fmt.Errorf("telling how %s stands: %w", name, err)
		}
		text = fmt.Appendf(text, "event: pulse\ndata: %s\n\n", data)
	}
	return text, news, nil
}
