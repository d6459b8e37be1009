package v1

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A Package is an element of the answer to /api/v1/packages.
type Package struct {
	Name              string        `json:"name"`
	Collection        string        `json:"collection"`
	State             koschei.State `json:"state"`
	LastCompleteBuild *Build        `json:"last_complete_build"`
}

// A Build is a package's last complete build.
type Build struct {
	TaskID       *int64  `json:"task_id"`
	TimeStarted  string  `json:"time_started"`
	TimeFinished *string `json:"time_finished"`
	Epoch        *uint32 `json:"epoch"`
	Version      string  `json:"version"`
	Release      string  `json:"release"`
}

// timeFormat is ISO 8601 without a zone, as clients of old expect it; all
// times are UTC.
const timeFormat = "2006-01-02T15:04:05.999999"

// packages answers with packages by name, of those names and collections that
// are given, or of all.
func packages(r *web.Request) (web.Answer, error) {
	q := r.URL.Query()
	if given := q["collection"]; len(given) > 0 {
		if err := checkCollections(r, given[0]); err != nil {
			return web.Answer{}, err
		}
	}
	return list(func(l *listWriter) error {
		return r.View.EachAPIPackage(r.Context(), q["name"], q["collection"], func(p *view.APIPackage) error {
			return l.add(packageOf(p))
		})
	}), nil
}

// checkCollections refuses names, with commas between them, that are none. Of
// a repeated argument only the first is checked, as ever: the others merely
// match nothing.
func checkCollections(r *web.Request, names string) error {
	for name := range strings.SplitSeq(names, ",") {
		if name == "" {
			continue
		}
		if _, err := collection(r, name); err != nil {
			return err
		}
	}
	return nil
}

func collection(r *web.Request, name string) (*koschei.Collection, error) {
	c, err := r.View.Collection(r.Context(), name)
	if errors.Is(err, koschei.ErrNotFound) {
		return nil, fmt.Errorf("there is no collection named %q: %w", name, koschei.ErrNotFound)
	}
	return c, err
}

func packageOf(p *view.APIPackage) Package {
	answer := Package{Name: p.Name, Collection: p.Collection, State: p.State}
	if p.Last == nil {
		return answer
	}
	b := &Build{TimeStarted: isoTime(p.Last.Started), Version: p.Last.EVR.Version, Release: p.Last.EVR.Release}
	if p.Last.TaskID != 0 {
		b.TaskID = &p.Last.TaskID
	}
	if !p.Last.Finished.IsZero() {
		finished := isoTime(p.Last.Finished)
		b.TimeFinished = &finished
	}
	if p.Last.EVR.Epoch != 0 { // none and 0 are the same, and most have none
		b.Epoch = &p.Last.EVR.Epoch
	}
	answer.LastCompleteBuild = b
	return answer
}

func isoTime(t time.Time) string { return t.UTC().Format(timeFormat) }

// list answers with a JSON array of what write adds. The whole may be larger
// than is good to hold: it is sent while it is read.
func list(write func(*listWriter) error) web.Answer {
	return web.Answer{Type: "application/json", Stream: func(w http.ResponseWriter) error {
		l := &listWriter{w: bufio.NewWriterSize(w, 32<<10), before: '['}
		if err := write(l); err != nil {
			return err
		}
		return l.end()
	}}
}

// A listWriter writes an array element by element.
type listWriter struct {
	w      *bufio.Writer
	before byte // what stands before the next element
}

func (l *listWriter) add(element any) error {
	text, err := json.Marshal(element)
	if err != nil {
		return err
	}
	if err := l.w.WriteByte(l.before); err != nil {
		return err
	}
	l.before = ','
	_, err = l.w.Write(text)
	return err
}

func (l *listWriter) end() error {
	if l.before == '[' {
		_ = l.w.WriteByte('[') // Flush tells
	}
	_, _ = l.w.WriteString("]\n")
	return l.w.Flush()
}
