package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

//go:embed templates/*.html
var templateFiles embed.FS

// A Site serves pages. Its methods may be called at once.
type Site struct {
	db        *postgres.DB
	now       func() time.Time
	rules     koschei.PriorityRules
	config    Config
	templates map[string]*template.Template
	totals    totals
}

// Config is what pages depend on besides the record.
type Config struct {
	Koji            map[koschei.Hub]Koji
	PackagesPerPage int // 100 if 0
	BuildsPerPage   int // 15 if 0
	Version         string
	Clock           koschei.Clock // only its speed counts
}

// Koji has the addresses of a Koji system's pages and files, without a slash
// at the end. Where one is empty there are no such links.
type Koji struct {
	WebURL string
	TopURL string
}

// New returns a Site that shows db. now is domain time.
func New(db *postgres.DB, now func() time.Time, rules koschei.PriorityRules, config Config) (*Site, error) {
	if config.PackagesPerPage == 0 {
		config.PackagesPerPage = 100
	}
	if config.BuildsPerPage == 0 {
		config.BuildsPerPage = 15
	}
	s := &Site{db: db, now: now, rules: rules, config: config}
	var err error
	s.templates, err = s.parseTemplates()
	return s, err
}

// pageTemplates are the templates that are whole pages. Each is parsed on its
// own with those in shared, for all of them define "content".
func pageTemplates() (pages, shared []string) {
	return []string{"packages", "unified", "package", "build", "collections", "collection", "groups", "status", "error"},
		[]string{"layout", "parts"}
}

func (s *Site) parseTemplates() (map[string]*template.Template, error) {
	names, shared := pageTemplates()
	parsed := map[string]*template.Template{}
	for _, name := range names {
		t := template.New("layout.html").Funcs(s.funcs())
		for _, file := range append(shared, name) {
			if _, err := t.ParseFS(templateFiles, "templates/"+file+".html"); err != nil {
				return nil, fmt.Errorf("reading the page templates: %w", err)
			}
		}
		parsed[name] = t
	}
	return parsed, nil
}

// render writes a whole page, or nothing if it returns an error.
func (s *Site) render(w http.ResponseWriter, status int, name string, view any) error {
	var page bytes.Buffer
	if err := s.templates[name].Execute(&page, view); err != nil {
		return fmt.Errorf("writing page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // the reader has gone: nobody to tell
	return nil
}

// A layout is what all pages have in common; every view embeds one.
type layout struct {
	Title      string
	Tab        string // of navigation: "collections", "packages", "groups" or ""
	Query      string // what was searched for
	Notice     string
	Broken     []postgres.FrameCollection // current collections whose base buildroot cannot be installed
	Scope      string                     // the names of the current collections, "" for all
	ScopeQuery string                     // "?collection=" and Scope, or ""; put behind a link it keeps them current
	Version    string
}

// A frame is a request's surroundings: all collections, and which are current.
type frame struct {
	layout
	All     []postgres.FrameCollection
	Current []postgres.FrameCollection
}

// frame reads what every page needs and decides which collections are current:
// those that the request names, or else all.
func (s *Site) frame(r *http.Request, tab, title string) (*frame, error) {
	read, err := s.db.Frame(r.Context())
	if err != nil {
		return nil, err
	}
	f := &frame{All: read.Collections, Current: read.Collections}
	f.layout = layout{Title: title, Tab: tab, Notice: read.Notice, Version: s.config.Version}
	if named := namedCollections(r.URL.Query()); len(named) > 0 {
		f.Current = nil
		f.Scope = strings.Join(named, ",")
		f.ScopeQuery = "?collection=" + url.QueryEscape(f.Scope)
		for _, name := range named {
			c := f.collection(name)
			if c == nil {
				return nil, fmt.Errorf("there is no collection named %q: %w", name, koschei.ErrNotFound)
			}
			f.Current = append(f.Current, *c)
		}
	}
	f.focus(f.Current...)
	return f, nil
}

// focus makes the page tell what is wrong with these collections.
func (f *frame) focus(collections ...postgres.FrameCollection) {
	f.Broken = nil
	for _, c := range collections {
		if c.State() == koschei.StateUnresolved {
			f.Broken = append(f.Broken, c)
		}
	}
}

func (f *frame) collection(name string) *postgres.FrameCollection {
	for i := range f.All {
		if f.All[i].Name == name {
			return &f.All[i]
		}
	}
	return nil
}

func (f *frame) collectionByID(id int64) *postgres.FrameCollection {
	for i := range f.All {
		if f.All[i].ID == id {
			return &f.All[i]
		}
	}
	return nil
}

// namedCollections reads collection=a,b, which may stand there several times.
func namedCollections(query url.Values) []string {
	var names []string
	seen := map[string]bool{}
	for _, list := range query["collection"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// An errorView tells why there is no page.
type errorView struct {
	layout
	Heading  string
	Sentence string
}

// Error writes a page that says why there is no other. When the fault is ours
// it asks the record for nothing, which may be the very thing that is broken.
func (s *Site) Error(w http.ResponseWriter, r *http.Request, status int, sentence string) error {
	heading := http.StatusText(status)
	view := errorView{layout{Title: heading, Version: s.config.Version}, heading, sentence}
	if status < http.StatusInternalServerError {
		if read, err := s.db.Frame(r.Context()); err == nil {
			view.Notice = read.Notice
		}
	}
	return s.render(w, status, "error", &view)
}

// NotFound is what is served where there is nothing.
func (s *Site) NotFound(http.ResponseWriter, *http.Request) error { return noSuchPage() }

func noSuchPage() error {
	return fmt.Errorf("there is no page at this address: %w", koschei.ErrNotFound)
}
