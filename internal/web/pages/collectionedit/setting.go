package collectionedit

import (
	"fmt"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// A field is a setting of a collection in a form of its own.
type field struct {
	Name  string
	Label string
	Kind  string // "text", "number" or "choice"
	Value string
	Note  string
	Yes   string // what the choice is called, and its contrary
	No    string
}

// fieldsOf are the settings that a form shows, in its order.
func fieldsOf(c *koschei.Collection) []field {
	fields := []field{
		{Name: "display_name", Label: "Name people see", Kind: "text"},
		{Name: "name", Label: "Name in addresses", Kind: "text", Note: "Links with the old name lead nowhere then."},
		{Name: "order", Label: "Order", Kind: "number", Note: "Pages show the highest first."},
		{Name: "target", Label: "Target", Kind: "text", Note: "Scratch builds are submitted to it. Change its tags too."},
		{Name: "build_tag", Label: "Build tag", Kind: "text", Note: "Its repos are what packages are resolved in."},
		{Name: "dest_tag", Label: "Destination tag", Kind: "text", Note: "It lists packages and their builds."},
		{Name: "build_group", Label: "Build group", Kind: "text", Note: "It makes the base buildroot."},
		{Name: "priority_coefficient", Label: "Priority coefficient", Kind: "number", Note: "It weighs what is computed of a priority."},
		{Name: "weight", Label: "Weight", Kind: "number", Note: "The share of builds when collections compete."},
		{Name: "max_builds", Label: "Builds at once", Kind: "number", Note: "0 is no limit of its own."},
		{Name: "paused", Label: "Scratch builds", Kind: "choice", Yes: "paused", No: "submitted"},
		{Name: "poll_untracked", Label: "Builds of untracked packages", Kind: "choice", Yes: "recorded", No: "passed over"},
		{Name: "weak_deps", Label: "Weak dependencies", Kind: "choice", Yes: "followed", No: "not followed, as in mock"},
		{Name: "lenient", Label: "Unmet boolean BuildRequires, BuildConflicts", Kind: "choice", Yes: "passed over", No: "leave a package unresolved, as in mock"},
		{Name: "secondary_mode", Label: "Sources and repos", Kind: "choice", Yes: "of the secondary hub", No: "of the primary hub"},
		{Name: "bugzilla_product", Label: "Bugzilla product", Kind: "text", Note: "Empty for no link."},
		{Name: "bugzilla_version", Label: "Bugzilla version", Kind: "text"},
	}
	for i := range fields {
		if s, ok := schema.CollectionSetting(fields[i].Name); ok {
			fields[i].Value = fmt.Sprint(s.Value(c))
		}
	}
	return fields
}

func fieldOf(c *koschei.Collection, setting string) field {
	for _, f := range fieldsOf(c) {
		if f.Name == setting {
			return f
		}
	}
	return field{Name: setting, Label: setting}
}

// in is a value in a sentence.
func (f field) in(value string) string {
	switch {
	case value == "":
		return "nothing"
	case f.Kind == "choice" && value == "true":
		return f.Yes
	case f.Kind == "choice":
		return f.No
	}
	return value
}

// effects is what becomes of a collection, and what of what was found out about it
// does not hold then, in sentences.
func (p *pages) effects(r *web.Request, c *view.FrameCollection, f *changeForm) (changed koschei.Collection, sentences []string, err error) {
	changed = c.Collection
	s, ok := schema.CollectionSetting(f.Setting)
	if !ok {
		return changed, nil, fmt.Errorf("a collection has no setting %.60q: %w", f.Setting, koschei.ErrInvalid)
	}
	if err := s.Set(&changed, f.Value); err != nil {
		return changed, nil, err
	}
	if err := changed.Validate(); err != nil {
		return changed, nil, err
	}
	if changed.Name != c.Name {
		sentences = append(sentences, fmt.Sprintf("Links, bookmarks and programs that name %s find nothing any more.", c.Name))
	}
	if changed.Target != c.Target {
		sentences = append(sentences, "Builds under way stay at the old target. Whether the hub has the new one, and with which tags, is not looked up here.")
	}
	if changed.DestTag != c.DestTag {
		sentences = append(sentences, "Packages that the new tag does not list are no longer built.")
	}
	if changed.SameRepos(&c.Collection) {
		return changed, sentences, nil
	}
	packages, repos, err := r.View.CollectionSize(r.Context(), c.ID)
	if err != nil {
		return changed, nil, err
	}
	sentences = append(sentences, fmt.Sprintf("What was found out in repo %d does not hold any more: %s are resolved anew in the next repo. Until then nothing is built.",
		c.LatestRepoID, html.Plural(packages, "package")))
	if changed.SourceHub() != c.SourceHub() {
		sentences = append(sentences, fmt.Sprintf("%s of the other hub are forgotten. Real builds and sources are looked for at the new one.", html.Plural(repos, "repo")))
	}
	return changed, sentences, nil
}
