package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A groupsView is the list of global groups.
type groupsView struct {
	layout
	Groups []groupRow
}

type groupRow struct {
	koschei.Group
	URL string
}

// Groups shows all global groups.
func (s *Site) Groups(w http.ResponseWriter, r *http.Request) error {
	f, err := s.frame(r, "groups", "Groups")
	if err != nil {
		return err
	}
	groups, err := s.db.GlobalGroups(r.Context())
	if err != nil {
		return err
	}
	view := groupsView{layout: f.layout}
	for _, g := range groups {
		view.Groups = append(view.Groups, groupRow{g, "/groups/" + url.PathEscape(g.Name) + f.ScopeQuery})
	}
	return s.render(w, http.StatusOK, "groups", &view)
}

// Group shows the packages of a group and who looks after it.
func (s *Site) Group(w http.ResponseWriter, r *http.Request) error {
	wanted := koschei.Group{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}
	f, err := s.frame(r, "groups", "Group "+wanted.FullName())
	if err != nil {
		return err
	}
	g, maintainers, err := s.db.GroupPage(r.Context(), wanted.Namespace, wanted.Name)
	if errors.Is(err, koschei.ErrNotFound) {
		return fmt.Errorf("there is no group named %q: %w", wanted.FullName(), koschei.ErrNotFound)
	}
	if err != nil {
		return err
	}
	l := listing{Heading: "Group " + g.FullName(), Facts: []string{
		"It has " + plural(g.Packages, "package") + " that are not blocked everywhere.",
		"Nobody is named as its maintainer.",
	}}
	if len(maintainers) > 0 {
		l.Facts[1] = "Maintained by " + strings.Join(maintainers, ", ") + "."
	}
	return s.list(w, r, f, l, postgres.PackageFilter{GroupID: g.ID})
}
