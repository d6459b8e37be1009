package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// An API answers requests for JSON. Its methods may be called at once.
type API struct {
	db *postgres.DB
}

// New returns an API that tells of db.
func New(db *postgres.DB) *API { return &API{db: db} }

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

// Packages answers with packages by name, of those names and collections that
// are given, or of all.
func (a *API) Packages(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if given := q["collection"]; len(given) > 0 {
		if err := a.checkCollections(r, given[0]); err != nil {
			return err
		}
	}
	list := newListWriter(w)
	err := a.db.EachAPIPackage(r.Context(), q["name"], q["collection"], func(p *postgres.APIPackage) error {
		return list.add(packageOf(p))
	})
	return list.end(err)
}

// checkCollections refuses names, with commas between them, that are none. Of
// a repeated argument only the first is checked, as ever: the others merely
// match nothing.
func (a *API) checkCollections(r *http.Request, names string) error {
	for name := range strings.SplitSeq(names, ",") {
		if name == "" {
			continue
		}
		if _, err := a.collection(r, name); err != nil {
			return err
		}
	}
	return nil
}

func (a *API) collection(r *http.Request, name string) (*koschei.Collection, error) {
	c, err := a.db.Collection(r.Context(), name)
	if errors.Is(err, koschei.ErrNotFound) {
		return nil, fmt.Errorf("there is no collection named %q: %w", name, koschei.ErrNotFound)
	}
	return c, err
}

func packageOf(p *postgres.APIPackage) Package {
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

// A listWriter writes a JSON array element by element: the whole may be larger
// than is good to hold. Nothing is written before the first element is there,
// so that an error until then can still be told.
type listWriter struct {
	w       *bufio.Writer
	header  http.Header
	started bool
}

func newListWriter(w http.ResponseWriter) *listWriter {
	return &listWriter{w: bufio.NewWriterSize(w, 32<<10), header: w.Header()}
}

func (l *listWriter) add(element any) error {
	text, err := json.Marshal(element)
	if err != nil {
		return err
	}
	if err := l.separate(); err != nil {
		return err
	}
	_, err = l.w.Write(text)
	return err
}

func (l *listWriter) separate() error {
	if l.started {
		return l.w.WriteByte(',')
	}
	l.started = true
	l.header.Set("Content-Type", "application/json")
	return l.w.WriteByte('[')
}

// end completes the array, or breaks the answer off when err came too late to
// be told otherwise.
func (l *listWriter) end(err error) error {
	if err != nil {
		if l.started {
			return fmt.Errorf("%w: %w", http.ErrAbortHandler, err)
		}
		return err
	}
	if !l.started {
		if err := l.separate(); err != nil {
			return nil //nolint:nilerr // the reader has gone: nobody to tell
		}
	}
	_, _ = l.w.WriteString("]\n")
	_ = l.w.Flush() // the reader has gone: nobody to tell
	return nil
}
