// Package badge draws a small picture of a package's state, to be shown on
// other sites.
package badge

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

//go:embed *.svg
var files embed.FS

type pages struct {
	picture html.Page[content]
}

// Routes are the addresses of badges.
func Routes(t *html.Templates) []web.Route {
	folder := t.Folder("badge", files)
	p := &pages{html.Bare[content](folder, "badge.svg")}
	return []web.Route{{
		Method: http.MethodGet, Pattern: "/badge/{collection}/{file}", Handler: p.show,
		Access: web.Public, Cache: web.FewMinutes, Errors: web.HTML, Label: "badge",
	}}
}

// A content is a state in the colours that such badges have everywhere. Its
// numbers are lengths in the picture.
type content struct {
	State       koschei.State
	Colour      string
	Width       int
	Label       int // width of the left part
	Value       int // width of the right part
	LabelMiddle int
	ValueMiddle int
}

func (p *pages) show(r *web.Request) (web.Answer, error) {
	if name, ok := strings.CutSuffix(r.PathValue("file"), ".png"); ok { // who shows one shows the other
		return web.Redirect("/badge/" + url.PathEscape(r.PathValue("collection")) + "/" + url.PathEscape(name) + ".svg"), nil
	}
	name, ok := strings.CutSuffix(r.PathValue("file"), ".svg")
	if !ok {
		return web.Answer{}, fmt.Errorf("badges are pictures of type svg or png: %w", koschei.ErrNotFound)
	}
	collection := r.PathValue("collection")
	c, err := r.View.Collection(r.Context(), collection)
	if errors.Is(err, koschei.ErrNotFound) {
		return web.Answer{}, fmt.Errorf("there is no collection named %q: %w", collection, koschei.ErrNotFound)
	}
	if err != nil {
		return web.Answer{}, err
	}
	state, err := r.View.Packages.State(r.Context(), name, c.ID)
	if errors.Is(err, koschei.ErrNotFound) {
		return web.Answer{}, fmt.Errorf("there is no package named %q in %s: %w", name, collection, koschei.ErrNotFound)
	}
	if err != nil {
		return web.Answer{}, err
	}
	picture, err := p.picture.Execute(draw(state))
	return web.Answer{Type: "image/svg+xml", Body: picture}, err
}

func draw(state koschei.State) *content {
	v := content{State: state, Colour: "#6b7280", Label: 56, Value: 70}
	switch state {
	case koschei.StateOK:
		v.Colour, v.Value = "#2e7d32", 28
	case koschei.StateFailing, koschei.StateUnresolved:
		v.Colour = "#c62828"
	case koschei.StateBlocked:
		v.Colour = "#b45309"
	case koschei.StateUntracked:
		v.Colour = "#8a6d00"
	}
	v.Width, v.LabelMiddle, v.ValueMiddle = v.Label+v.Value, v.Label/2, v.Label+v.Value/2
	return &v
}
