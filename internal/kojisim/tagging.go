package kojisim

import (
	"slices"
	"strings"
	"time"
)

// AddTag makes a tag.
func (w *System) AddTag(name string, arches []string, parents ...*Tag) *Tag {
	t := &Tag{
		ID: len(w.Tags) + 1, Name: name, Arches: arches, Parents: parents,
		Listed: map[int]*ListedPackage{}, ByPkg: map[int][]*Tagging{},
	}
	t.Created = w.NewEvent()
	t.touch(t.Created)
	w.Tags = append(w.Tags, t)
	w.tagIDs[name] = t.ID
	return t
}

// AddTarget makes a target.
func (w *System) AddTarget(name string, build, dest *Tag) {
	t := &Target{ID: 1, Name: name, Build: build, Dest: dest}
	if n := len(w.Targets); n > 0 {
		t.ID = w.Targets[n-1].ID + 1
	}
	w.Targets = append(w.Targets, t)
	w.NewEvent()
}

// RemoveTarget removes a target and reports whether there was one.
func (w *System) RemoveTarget(name string) bool {
	i := slices.IndexFunc(w.Targets, func(t *Target) bool { return t.Name == name })
	if i < 0 {
		return false
	}
	w.Targets = slices.Delete(slices.Clone(w.Targets), i, i+1)
	w.NewEvent()
	return true
}

// AddPackage lists a package in a tag.
func (w *System) AddPackage(t *Tag, p *Package, owner *User) *ListedPackage {
	l := &ListedPackage{Package: p, Owner: owner, Created: w.NewEvent()}
	l.Changed, t.listed = l.Created, l.Created
	w.looked = nil
	t.Listed[p.ID] = l
	t.PkgOrder = append(t.PkgOrder, p.ID)
	w.tell(ListChange{t, l, "add"})
	return l
}

// BlockPackage retires a package from a tag, or takes it back.
func (w *System) BlockPackage(t *Tag, p *Package, blocked bool) {
	l := t.Listed[p.ID]
	if l == nil || l.Blocked == blocked {
		return
	}
	w.looked = nil // blocking has no history
	l.Blocked, l.Changed = blocked, w.NewEvent()
	t.listed = l.Changed
	t.touch(l.Changed)
	action := "unblock"
	if blocked {
		action = "block"
	}
	w.tell(ListChange{t, l, action})
}

// TagBuild puts a build into a tag; a build that is there moves to the top.
func (w *System) TagBuild(t *Tag, b *Build, by *User) {
	event := w.NewEvent()
	for _, old := range t.ByPkg[b.Package.ID] {
		if old.Build == b && old.Revoked == 0 {
			old.Revoked, old.Ending = event, by
		}
	}
	g := &Tagging{Build: b, Tag: t, Created: event, Creator: by}
	t.Taggings = append(t.Taggings, g)
	t.ByPkg[b.Package.ID] = append(t.ByPkg[b.Package.ID], g)
	t.touch(event)
	w.provide(b)
	w.tell(TagChange{Tagging: g, By: by})
}

// UntagBuild takes a build out of a tag and reports whether it was there.
func (w *System) UntagBuild(t *Tag, b *Build, by *User) bool {
	for _, g := range t.ByPkg[b.Package.ID] {
		if g.Build == b && g.Revoked == 0 {
			g.Revoked, g.Ending = w.NewEvent(), by
			t.touch(g.Revoked)
			w.tell(TagChange{Tagging: g, By: by, Left: true})
			return true
		}
	}
	return false
}

// A TagQuery selects taggings of a tag.
type TagQuery struct {
	Event   int // 0: now
	Inherit bool
	Latest  bool
	Package *Package // nil: all
}

// Listing returns the taggings that q selects: package by package in the order
// of their names as Koji has it, the newest tagging first.
func (w *System) Listing(t *Tag, q TagQuery) []*Tagging {
	event := q.Event
	if event == 0 {
		event = w.LastEvent()
	}
	tags := []*Tag{t}
	if q.Inherit {
		tags = t.Order()
	}
	var out []*Tagging
	if q.Package != nil {
		return appendListing(out, tags, q.Package, event, q.Latest)
	}
	for i := len(w.Packages) - 1; i >= 0; i-- {
		out = appendListing(out, tags, w.Packages[i], event, q.Latest)
	}
	return out
}

// NewTagBuildTask starts a task that puts a build into a tag.
func (w *System) NewTagBuildTask(t *Tag, b *Build, owner *User) *Task {
	return w.submit("tagBuild", owner, 0, []any{t.ID, b.ID, false, nil}, func(k *Task) {
		w.then(k, k.luck.Between(time.Second, 10*time.Second), func() {
			w.TagBuild(t, b, owner)
			w.closeTask(k, nil)
		})
	})
}

// AddMember adds a package to a group of a tag.
func (w *System) AddMember(t *Tag, g *Group, m GroupMember) {
	g.Members = append(g.Members, m)
	t.touch(w.NewEvent())
}

// UseExternalRepo has the repos of a tag merged with an external one.
func (w *System) UseExternalRepo(t *Tag, use *ExternalUse) {
	t.External = append(t.External, use)
	t.touch(w.NewEvent())
}

// DropExternalRepo ends the use of an external repo and reports whether there
// was one.
func (w *System) DropExternalRepo(t *Tag, r *ExternalRepo) bool {
	i := slices.IndexFunc(t.External, func(u *ExternalUse) bool { return u.Repo == r })
	if i < 0 {
		return false
	}
	t.External = slices.Delete(slices.Clone(t.External), i, i+1)
	t.touch(w.NewEvent())
	return true
}

// AddGroup makes a group of a tag.
func (w *System) AddGroup(t *Tag, name, description string) *Group {
	w.groups++
	g := &Group{ID: w.groups, Name: name, Description: description, Created: w.NewEvent()}
	t.Groups = append(t.Groups, g)
	t.touch(g.Created)
	return g
}

// AddExternalRepo makes an external repo known.
func (w *System) AddExternalRepo(name, url string) *ExternalRepo {
	if !strings.HasSuffix(url, "/") {
		url += "/"
	}
	r := &ExternalRepo{ID: len(w.External) + 1, Name: name, URL: url}
	w.External = append(w.External, r)
	w.NewEvent()
	return r
}
