package main

import (
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

// statusText is the whole page; it has no parts that others use.
const statusText = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>kojisim</title>
<style>body{font:1rem sans-serif;max-width:50rem;margin:2rem auto}td,th{text-align:left;padding:.1rem 1rem .1rem 0}</style></head>
<body><h1>kojisim</h1>
<p>It is {{.Status.Now.Format "2006-01-02 15:04"}}; time runs {{.Speed}} times as fast as yours. Seed {{.Status.Seed}}.</p>
<table>
<tr><th>Packages</th><td>{{.Status.Packages}}</td></tr>
<tr><th>Builds</th><td>{{.Status.Builds}}</td></tr>
<tr><th>Events</th><td>{{.Status.Events}}</td></tr>
<tr><th>Tasks</th><td>{{.Status.Tasks}}, {{.Status.FreeTasks}} free, {{.Status.OpenTasks}} on hosts</td></tr>
<tr><th>Hosts</th><td>{{.Status.Hosts}}, load {{printf "%.1f" .Status.Load}} of {{printf "%.0f" .Status.Capacity}}</td></tr>
</table>
<h2>Repositories</h2>
<table><tr><th>Id</th><th>Tag</th><th>State</th><th>Event</th></tr>
{{range .Status.Repos}}<tr><td>{{.ID}}</td><td>{{.Tag}}</td><td>{{.State}}</td><td>{{.Event}}</td></tr>
{{end}}</table>
</body></html>
`

// statusPage tells what a stranger may know of the world.
func statusPage(world *kojisim.World, clock *kojisim.Clock) http.Handler {
	page := template.Must(template.New("status").Parse(statusText))
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/" {
			http.NotFound(rw, req)
			return
		}
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := page.Execute(rw, struct {
			Status kojisim.Status
			Speed  float64
		}{world.Status(), clock.Speed()}); err != nil {
			return // the client left
		}
	})
}

// truthPage tells why builds failed, as JSON by task id.
func truthPage(world *kojisim.World) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		out := json.NewEncoder(rw)
		out.SetIndent("", "  ")
		if err := out.Encode(map[string]any{"verdicts": world.Verdicts(), "breakages": world.Breakages()}); err != nil {
			return // the client left
		}
	})
}
