package frontend

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/koschei-ci/koschei/internal/frontend/api"
	"github.com/koschei-ci/koschei/internal/frontend/pages"
)

// Handler returns everything there is to serve.
func (s *Server) Handler() (http.Handler, error) {
	site, err := pages.New(s.DB, s.Now, s.Rules, s.Config)
	if err != nil {
		return nil, err
	}
	took, err := requestMetrics(s.Registry)
	if err != nil {
		return nil, err
	}
	a := &answerer{log: s.Log, site: site, took: took}
	v1 := api.New(s.DB)

	mux := http.NewServeMux()
	for pattern, handle := range map[string]handlerFunc{
		"GET /{$}":                             site.Packages,
		"GET /packages":                        site.Packages,
		"GET /package/{name}":                  site.Package,
		"GET /build/{id}":                      site.Build,
		"GET /collections":                     site.Collections,
		"GET /collection/{name}":               site.Collection,
		"GET /groups":                          site.Groups,
		"GET /groups/{name}":                   site.Group,
		"GET /groups/{namespace}/{name}":       site.Group,
		"GET /search":                          site.Search,
		"GET /status":                          site.Status,
		"GET /badge/{collection}/{file}":       site.Badge,
		"GET /static/{file}":                   site.Static,
		"GET /robots.txt":                      robots,
		"GET /api/v1/packages":                 v1.Packages,
		"GET /api/v1/collections/diff/{a}/{b}": v1.CollectionDiff,
		"GET /livez":                           alive,
		"GET /readyz":                          s.ready,
		"/":                                    nothing,
	} {
		mux.Handle(pattern, a.answer(pattern, handle))
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{ErrorLog: nil}))
	return secure(compress(mux)), nil
}

// alive says that the process serves.
func alive(w http.ResponseWriter, _ *http.Request) error { return text(w, "ok") }

// ready says that pages can be served: the database answers and has a schema
// they can be read from. A process that is there for its services is ready only
// if they do their work. Which do not is told in any case.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	if err := s.DB.Ready(r.Context()); err != nil {
		return &notReadyError{err}
	}
	body := "ok"
	if s.Failing != nil {
		if failing := s.Failing(); len(failing) > 0 {
			if s.OnlyServices {
				body = "not ready"
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			body += "\n" + strings.Join(failing, "\n")
		}
	}
	return text(w, body)
}

func robots(w http.ResponseWriter, _ *http.Request) error {
	return text(w, "User-agent: *\nCrawl-delay: 1\nDisallow: /search\nDisallow: /status\nDisallow: /*?*order_by=")
}

func text(w http.ResponseWriter, body string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(body + "\n")) // the reader has gone: nobody to tell
	return nil
}
