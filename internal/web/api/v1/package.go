package v1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

const (
	pieceRows  = 2000            // packages that are read at once
	pieceLasts = 5 * time.Second // how long others may be given what was read
	mostPieces = 64              // that are remembered, of some half a megabyte each
	pieceTime  = 30 * time.Second
	listTime   = 30 * time.Minute // in which an answer must have been taken
)

// A piece is a part of the list of packages.
type piece struct {
	elements []byte // JSON, with commas between them
	last     string // the name that it ends with
	end      bool   // of the list
}

// A lister tells of packages. What is long is made once for all who ask.
type lister struct {
	pieces      web.Memo[piece]
	differences web.Memo[[]byte] // by the names of the two collections
}

func newLister() *lister {
	return &lister{
		pieces: web.Memo[piece]{Lasts: pieceLasts, Most: mostPieces}, differences: web.Memo[[]byte]{Lasts: pieceLasts, Most: mostPieces},
	}
}

// packages answers with packages by name, of those names and collections that
// are given, or of all. Between pieces of a long list time passes, so the states
// in it may be of different moments.
func (l *lister) packages(r *web.Request) (web.Answer, error) {
	q := r.URL.Query()
	if given := q["collection"]; len(given) > 0 {
		if err := checkCollections(r, given[0]); err != nil {
			return web.Answer{}, err
		}
	}
	return web.Answer{Type: "application/json", Stream: func(w http.ResponseWriter) error {
		ctx, cancel := context.WithTimeout(r.Lasting(), listTime)
		defer cancel()
		before := "["
		for after, end := "", false; !end; {
			p, err := l.piece(ctx, r.View, q["name"], q["collection"], after)
			if err != nil {
				return err
			}
			if len(p.elements) > 0 {
				if _, err := io.WriteString(w, before); err != nil {
					return err
				}
				before = ","
			}
			if _, err := w.Write(p.elements); err != nil {
				return err
			}
			after, end = p.last, p.end
		}
		if before == "," {
			before = ""
		}
		_, err := io.WriteString(w, before+"]\n")
		return err
	}}, nil
}

// piece returns the packages that follow a name. What was asked for by name is
// short, and nobody else asks for it.
func (l *lister) piece(ctx context.Context, v *view.View, names, collections []string, after string) (piece, error) {
	read := func(ctx context.Context) (piece, error) {
		ctx, cancel := context.WithTimeout(ctx, pieceTime)
		defer cancel()
		return readPiece(ctx, v, names, collections, after)
	}
	if len(names) > 0 {
		return read(ctx)
	}
	return l.pieces.Get(ctx, fmt.Sprintf("%q %q", collections, after), read)
}

func readPiece(ctx context.Context, v *view.View, names, collections []string, after string) (piece, error) {
	packages, err := v.Packages.APIPackages(ctx, names, collections, after, pieceRows)
	if err != nil {
		return piece{}, err
	}
	p := piece{end: len(packages) < pieceRows}
	for i := range packages {
		text, err := json.Marshal(packageOf(&packages[i]))
		if err != nil {
			return piece{}, err
		}
		if i > 0 {
			p.elements = append(p.elements, ',')
		}
		p.elements, p.last = append(p.elements, text...), packages[i].Name
	}
	return p, nil
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
