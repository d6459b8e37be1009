package pages

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/koschei-ci/koschei"
)

// Badge serves a small picture of a package's state, to be shown elsewhere.
func (s *Site) Badge(w http.ResponseWriter, r *http.Request) error {
	collection := r.PathValue("collection")
	name, ok := strings.CutSuffix(r.PathValue("file"), ".svg")
	if !ok {
		return fmt.Errorf("badges are pictures of type svg: %w", koschei.ErrNotFound)
	}
	c, err := s.db.Collection(r.Context(), collection)
	if errors.Is(err, koschei.ErrNotFound) {
		return fmt.Errorf("there is no collection named %q: %w", collection, koschei.ErrNotFound)
	}
	if err != nil {
		return err
	}
	state, err := s.db.PackageState(r.Context(), name, c.ID)
	if errors.Is(err, koschei.ErrNotFound) {
		return fmt.Errorf("there is no package named %q in %s: %w", name, collection, koschei.ErrNotFound)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "max-age=300")
	return asset(w, "image/svg+xml", badge(state))
}

// badge draws a state in the colours that such badges have everywhere.
func badge(state koschei.State) string {
	colour, width := "#6b7280", 70
	switch state {
	case koschei.StateOK:
		colour, width = "#2e7d32", 28
	case koschei.StateFailing, koschei.StateUnresolved:
		colour = "#c62828"
	case koschei.StateBlocked:
		colour = "#b45309"
	case koschei.StateUntracked:
		colour = "#8a6d00"
	}
	const label = 56
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="20" role="img" aria-label="koschei: %[4]s">`+
		`<title>koschei: %[4]s</title><clipPath id="r"><rect width="%[1]d" height="20" rx="3"/></clipPath>`+
		`<g clip-path="url(#r)"><rect width="%[2]d" height="20" fill="#444c56"/><rect x="%[2]d" width="%[3]d" height="20" fill="%[5]s"/></g>`+
		`<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">`+
		`<text x="%[6]d" y="14">koschei</text><text x="%[7]d" y="14">%[4]s</text></g></svg>`,
		label+width, label, width, state, colour, label/2, label+width/2)
}
