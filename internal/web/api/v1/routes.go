package v1

import (
	_ "embed"
	"net/http"

	"github.com/koschei-ci/koschei/internal/web"
)

//go:embed openapi.json
var description []byte

// Routes are the addresses of the API.
func Routes() []web.Route {
	route := func(pattern, label string, handler web.Handler) web.Route {
		return web.Route{
			Method: http.MethodGet, Pattern: "/api/v1" + pattern, Handler: handler, Access: web.Public, Errors: web.JSON, Label: "api v1 " + label,
		}
	}
	describe := func(*web.Request) (web.Answer, error) {
		return web.Answer{Type: "application/json", Body: description}, nil
	}
	l := newLister()
	return []web.Route{
		route("/packages", "packages", l.packages),
		route("/collections/diff/{a}/{b}", "diff", l.collectionDiff),
		route("/openapi.json", "description", describe),
	}
}
