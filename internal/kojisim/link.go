package kojisim

import (
	"slices"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// Link lets the world use another one, whose files are served below url: an
// external repo with an address there holds what the other world's repo held when
// this one's repo was made of it, and where this world has no source package of
// a name, builds take the other's, as if both kept their packages in one place.
// The packages of external repos count for how builds end; the metadata of this
// world's repos do not list them.
//
// Links lead one way: the other world, or one that it is linked to, must not be
// linked to this one.
func (world *World) Link(url string, other *World) {
	w := world.Lock()
	defer world.Unlock()
	w.links = append(w.links, link{strings.TrimSuffix(url, "/") + "/", other})
}

// borrow returns the repos of other worlds that are external repos of a tag now.
func (w *System) borrow(t *Tag) []borrowed {
	var out []borrowed
	for _, a := range t.Order() {
		for _, u := range a.External {
			for _, l := range w.links {
				if r := l.repoAt(u.Repo.URL); r != nil {
					out = append(out, borrowed{l.world, r})
				}
			}
		}
	}
	return out
}

// repoAt returns the repo at an address of the form url/repos/tag/id/$arch/, nil
// if there is none.
func (l link) repoAt(address string) *Repo {
	path, below := strings.CutPrefix(address, l.url+"repos/")
	parts := strings.Split(path, "/")
	if !below || len(parts) < 3 {
		return nil
	}
	id, err := strconv.Atoi(parts[1])
	if err != nil {
		return nil
	}
	w := l.world.Lock()
	defer l.world.Unlock()
	if r := w.RepoByID(id); r != nil && r.Tag.Name == parts[0] && r.Usable() {
		return r
	}
	return nil
}

// lookAt is a look that goes on where the last one at the same repo ended: a repo
// does not change, and many builds begin in one.
func (w *System) lookAt(t *Tag, event int) *Look {
	if l := w.looked; l != nil && l.tag == t && l.event == event && slices.Equal(l.order, t.Order()) {
		return l
	}
	w.looked = w.Look(t, event)
	return w.looked
}

// lookIn is a look at a repo together with the repos that it was merged of.
// The worlds of those are locked until release is called.
func (w *System) lookIn(r *Repo) (l *Look, release func()) {
	if len(w.borrowed[r]) == 0 {
		return w.lookAt(r.Tag, r.Holds), func() {}
	}
	l = w.Look(r.Tag, r.Holds)
	all := []*Look{l}
	locked := map[*World]*System{}
	for _, b := range w.borrowed[r] {
		if locked[b.world] == nil {
			locked[b.world] = b.world.Lock()
		}
		all = append(all, locked[b.world].Look(b.repo.Tag, b.repo.Holds))
	}
	for _, one := range all {
		one.merged = all
	}
	return l, func() {
		for o := range locked {
			o.Unlock()
		}
	}
}

// installedInRepo returns the EVR of the binary package name in a repo.
func (w *System) installedInRepo(r *Repo, name string) (rpm.EVR, bool) {
	if evr, ok := w.InstalledIn(r.Tag, name, r.Holds); ok {
		return evr, true
	}
	for _, b := range w.borrowed[r] {
		evr, ok := b.world.Lock().InstalledIn(b.repo.Tag, name, b.repo.Holds)
		b.world.Unlock()
		if ok {
			return evr, true
		}
	}
	return rpm.EVR{}, false
}
