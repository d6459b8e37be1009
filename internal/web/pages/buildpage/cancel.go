package buildpage

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/web"
)

// Acts are the addresses where builds are changed.
func Acts() []web.Route {
	return []web.Route{{
		Method: http.MethodPost, Pattern: "/build/{id}/cancel", Handler: cancel, Access: web.SignedIn, CSRF: web.SameOrigin, Errors: web.HTML, Label: "build cancel", Frame: true,
	}}
}

func cancel(r *web.Request) (web.Answer, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return web.Answer{}, fmt.Errorf("there is no build %q: %w", r.PathValue("id"), koschei.ErrNotFound)
	}
	changes, err := r.Edit.RequestCancel(r.Context(), r.Act(), id)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(fmt.Sprint("/build/", id), changes), nil
}
