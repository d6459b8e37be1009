// Package static serves what pages load besides themselves, and tells robots
// what to leave alone.
package static

import (
	"net/http"

	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

const robots = "User-agent: *\nCrawl-delay: 1\nDisallow: /search\nDisallow: /status\nDisallow: /affected-by\nDisallow: /*?*order_by="

// Routes are the addresses of the style sheet, the script, the icon and robots.txt.
func Routes() []web.Route {
	route := func(pattern string, cache web.Cache, answer web.Answer) web.Route {
		return web.Route{
			Method: http.MethodGet, Pattern: pattern, Handler: func(*web.Request) (web.Answer, error) { return answer, nil },
			Access: web.Public, Cache: cache, Errors: web.HTML, Label: "static",
		}
	}
	return []web.Route{
		route(html.StylePath(), web.ForEver, web.Answer{Type: "text/css; charset=utf-8", Body: []byte(html.Style())}),
		route(html.ScriptPath(), web.ForEver, web.Answer{Type: "text/javascript; charset=utf-8", Body: []byte(html.Script())}),
		route("/static/icon.svg", web.OneDay, web.Answer{Type: "image/svg+xml", Body: []byte(html.Icon())}),
		route("/robots.txt", "", web.Line(robots)),
	}
}
