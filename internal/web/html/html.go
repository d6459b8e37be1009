// Package html is what pages are made of: the layout that surrounds them,
// components such as the mark of a state, a time, a list of dependency changes
// or a pagination, the style sheet and the script. Pages and package web use it.
//
// A component is a type, made from the root package's types, and a template of
// the same name that shows it. No Go code here or in pages writes HTML. The
// package knows neither requests nor the record.
package html

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/koschei-ci/koschei"
)

//go:embed *.html
var components embed.FS

// Templates are all templates of a server, parsed once. They may be executed
// at once when all are declared.
type Templates struct {
	base     *template.Template // layout and components
	clock    koschei.Clock
	declared []declared
	folders  []*Folder
	errs     []error
	failure  Page[Failure]
}

type declared struct {
	name string
	tmpl *template.Template
	view any // a zero one
}

// New parses the layout and the components. clock tells domain time, of which
// ages are told.
func New(clock koschei.Clock) *Templates {
	t := &Templates{clock: clock}
	base := template.New("layout.html").Funcs(t.funcs())
	var err error
	if t.base, err = base.ParseFS(components, "layout.html", "parts.html", "mark.html", "sprite.html"); err != nil {
		t.base = base
		t.errs = append(t.errs, fmt.Errorf("components: %w", err))
	}
	t.failure = declare[Failure](t, "layout.html", components, "error.html")
	return t
}

// A Folder has the templates of one package of pages.
type Folder struct {
	templates *Templates
	name      string
	files     fs.FS
	used      []string
}

// Folder declares that files has templates. Check misses those of its files
// that are not used.
func (t *Templates) Folder(name string, files fs.FS) *Folder {
	f := &Folder{templates: t, name: name, files: files}
	t.folders = append(t.folders, f)
	return f
}

// A Page is a template that is given a V.
type Page[V any] struct {
	name string
	tmpl *template.Template
	plan *plan // nil if there is none
	size *atomic.Int64
}

// Whole declares file as a page: it defines "content", and layout surrounds it.
// parts are files with templates that it uses. V embeds Layout.
func Whole[V any](f *Folder, file string, parts ...string) Page[V] {
	f.used = append(append(f.used, file), parts...)
	return declare[V](f.templates, "layout.html", f.files, file, parts...)
}

// Bare declares file as something that nothing surrounds.
func Bare[V any](f *Folder, file string) Page[V] {
	f.used = append(f.used, file)
	return declare[V](f.templates, file, f.files, file)
}

// unused returns which files of the folder no declaration names.
func (f *Folder) unused() (errs []error) {
	files, err := fs.Glob(f.files, "*")
	if err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", f.name, err))
	}
	for _, file := range files {
		if !slices.Contains(f.used, file) {
			errs = append(errs, fmt.Errorf("%s/%s is not declared", f.name, file))
		}
	}
	return errs
}

// declare parses file and its parts beside the components. start is the
// template that is executed.
func declare[V any](t *Templates, start string, files fs.FS, file string, parts ...string) Page[V] {
	tmpl, err := t.base.Clone()
	if err == nil {
		tmpl, err = tmpl.ParseFS(files, append([]string{file}, parts...)...)
	}
	if err != nil {
		t.errs = append(t.errs, fmt.Errorf("%s: %w", file, err))
		return Page[V]{name: file}
	}
	tmpl = tmpl.Lookup(start)
	t.declared = append(t.declared, declared{file, tmpl, new(V)})
	page := Page[V]{name: file, tmpl: tmpl, size: new(atomic.Int64)}
	if page.plan, err = newPlan(tmpl, t.funcs(), new(V)); err != nil {
		page.plan = nil
		t.errs = append(t.errs, fmt.Errorf("%s cannot be planned: %w", file, err))
	}
	return page
}

// Execute returns what shows view.
func (p Page[V]) Execute(view *V) ([]byte, error) {
	if p.plan != nil {
		const more = 1 << 10 // than the last page had
		out, err := p.plan.execute(reflect.ValueOf(view), int(p.size.Load())+more)
		if err == nil {
			p.size.Store(int64(len(out)))
			return out, nil
		}
	}
	var out bytes.Buffer
	if err := p.tmpl.Execute(&out, view); err != nil {
		return nil, fmt.Errorf("writing page %s: %w", p.name, err)
	}
	return out.Bytes(), nil
}

// Check returns what is wrong with the declarations: what could not be parsed,
// files that are not declared, pages without content.
func (t *Templates) Check() error {
	errs := slices.Clone(t.errs)
	for _, f := range t.folders {
		errs = append(errs, f.unused()...)
	}
	t.Each(func(name string, tmpl *template.Template, _ any) {
		if tmpl.Name() == "layout.html" && tmpl.Lookup("content") == nil {
			errs = append(errs, fmt.Errorf("%s does not define content", name))
		}
	})
	return errors.Join(errs...)
}

// Each calls yield for every template with a zero view of its own.
func (t *Templates) Each(yield func(name string, tmpl *template.Template, view any)) {
	for _, d := range t.declared {
		yield(d.name, d.tmpl, d.view)
	}
}

// funcs are what templates may call.
func (t *Templates) funcs() template.FuncMap {
	return template.FuncMap{
		"ago":      func(at time.Time) Time { return relativeTime(at, t.clock.Now()) },
		"due":      func(at time.Time) Time { return expectedTime(at, t.clock.Now()) },
		"age":      func(at time.Time) Time { return timeOf(at, Span(max(0, t.clock.Now().Sub(at)))) },
		"day":      func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") },
		"count":    Count,
		"plural":   Plural,
		"plural64": func(n int64, noun string) string { return Plural(int(n), noun) },
		"rest":     func(n, shown int) int { return n - shown },
		"mark":     func(word any) Mark { return MarkOf(fmt.Sprint(word)) },
		"distance": distanceSign,
		"css":      StylePath,
		"js":       ScriptPath,
		"now":      func() string { return t.clock.Now().Format(time.RFC3339) },
		"themes":   themes,
		"speed":    func() float64 { return cmp.Or(t.clock.Speed, 1) },

		"packageURL": PackageURL,
		"segment":    Segment,
		"linked":     Linked,
	}
}
