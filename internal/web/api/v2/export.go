package v2

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

const (
	pieceRows  = 2000 // that are read at once
	pieceTime  = 30 * time.Second
	exportTime = 30 * time.Minute // in which an export must have been taken
)

// An ExportedBuild is a build as a line of an export.
type ExportedBuild struct {
	ID         int64           `json:"id" doc:"grows"`
	Collection string          `json:"collection"`
	Package    string          `json:"package"`
	Outcome    koschei.Outcome `json:"outcome"`
	Origin     string          `json:"origin"`
	Version    string          `json:"version"`
	RepoID     int64           `json:"repo,omitempty"`
	TaskID     int64           `json:"task_id,omitempty"`
	Started    time.Time       `json:"started"`
	Finished   time.Time       `json:"finished,omitzero"`
	Fault      string          `json:"fault,omitempty"`
}

type exportAsked struct {
	Collection []string `query:"collection" doc:"all if it is not given"`
	After      string   `query:"after" doc:"what the last line that was read says: its id, its place for changes, its name for states"`
}

// An exportKey is where an export goes on.
type exportKey struct {
	scope []string // names of collections; all if there are none
	after string
}

func (a *API) addExports() {
	export(a, "/export/states", "All packages with their states, by name, a line each",
		func(ctx context.Context, v *view.View, in exportKey) ([]view.PackageLine, error) {
			return v.Packages.After(ctx, view.PackageQuery{Collections: in.scope, After: in.after, Limit: pieceRows})
		}, tellListed, func(p *view.PackageLine) string { return p.Name })
	export(a, "/export/builds", "All builds, the oldest first, a line each",
		func(ctx context.Context, v *view.View, in exportKey) ([]view.BuildLine, error) {
			after, err := number("after", in.after)
			if err != nil {
				return nil, err
			}
			return v.Builds.After(ctx, in.scope, after, pieceRows)
		}, tellExported, func(b *view.BuildLine) string { return strconv.FormatInt(b.ID, 10) })
	export(a, "/export/changes", "All changes of states, in the order in which they came to be known, a line each",
		func(ctx context.Context, v *view.View, in exportKey) ([]view.ToldChange, error) {
			after, err := placeOf(ctx, v, in.after)
			if err != nil {
				return nil, err
			}
			return v.Timeline.After(ctx, in.scope, after, pieceRows)
		}, tellStateChange, func(c *view.ToldChange) string { return c.Mark.String() })
}

func tellExported(b *view.BuildLine) ExportedBuild {
	return ExportedBuild{
		ID: b.ID, Collection: b.Collection, Package: b.Package, Outcome: b.Outcome, Origin: string(b.Origin), Version: b.EVR.String(),
		RepoID: b.RepoID, TaskID: b.TaskID, Started: b.Started, Finished: b.Finished, Fault: b.Fault,
	}
}

// export adds an operation that answers with a line for each of what piece reads. It
// reads by key, piece after piece, and holds no connection to the database while it
// writes.
func export[R, T any](a *API, pattern, summary string, piece func(context.Context, *view.View, exportKey) ([]R, error), tell func(*R) T, key func(*R) string) {
	o := newOperation(http.MethodGet, pattern, summary, []option{fresh})
	o.in, o.out, o.lines = reflect.TypeFor[exportAsked](), reflect.TypeFor[T](), true
	o.Handler = func(r *web.Request) (web.Answer, error) {
		var in exportAsked
		if err := read(r, &in); err != nil {
			return web.Answer{}, err
		}
		at := exportKey{scope(r), in.After}
		return web.Answer{Type: "application/x-ndjson", Stream: func(w http.ResponseWriter) error {
			ctx, cancel := context.WithTimeout(r.Lasting(), exportTime)
			defer cancel()
			for {
				rows, err := readPiece(ctx, func(ctx context.Context) ([]R, error) { return piece(ctx, r.View, at) })
				if err != nil {
					return err
				}
				if err := writeLines(w, rows, tell); err != nil {
					return err
				}
				if len(rows) < pieceRows {
					return nil
				}
				at.after = key(&rows[len(rows)-1])
			}
		}}, nil
	}
	a.operations = append(a.operations, o)
}

func writeLines[R, T any](w io.Writer, rows []R, tell func(*R) T) error {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	for i := range rows {
		if err := encoder.Encode(tell(&rows[i])); err != nil {
			return err
		}
	}
	_, err := w.Write(lines.Bytes())
	return err
}

func readPiece[R any](ctx context.Context, piece func(context.Context) ([]R, error)) ([]R, error) {
	ctx, cancel := context.WithTimeout(ctx, pieceTime)
	defer cancel()
	return piece(ctx)
}
