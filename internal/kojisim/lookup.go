package kojisim

import (
	"slices"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// PackageByName finds a package; nil if there is none.
func (w *System) PackageByName(name string) *Package {
	if id, ok := w.pkgIDs[name]; ok {
		return w.Packages[id-1]
	}
	return nil
}

// BuildByNVR finds a build; nil if there is none.
func (w *System) BuildByNVR(nvr string) *Build {
	if id, ok := w.buildIDs[nvr]; ok {
		return w.Builds[id-1]
	}
	return nil
}

// buildOfSource finds the build that has a source package: one that is no draft
// if there is one, else the newest; nil if there is none.
func (w *System) buildOfSource(n rpm.NEVRA) *Build {
	if b := w.BuildByNVR(n.Name + "-" + n.Version + "-" + n.Release); b != nil && !b.IsDraft() {
		return b
	}
	p := w.PackageByName(n.Name)
	if p == nil {
		return nil
	}
	for _, b := range slices.Backward(p.Builds) {
		if b.NEVRA().Version == n.Version && b.NEVRA().Release == n.Release {
			return b
		}
	}
	return nil
}

// Promote makes a draft build one that is none: it gets another release, and no
// tagging changes.
func (w *System) Promote(b *Build) {
	delete(w.buildIDs, b.NVR())
	b.EVR = RPMEVR(b.EVR)
	w.buildIDs[b.NVR()] = b.ID
	event := w.NewEvent()
	for _, t := range w.Tags {
		for _, g := range t.Taggings {
			if g.Build == b && g.Revoked == 0 {
				t.touches = append(t.touches, event)
				break
			}
		}
	}
}

// BuildByID finds a build; nil if there is none.
func (w *System) BuildByID(id int) *Build {
	if id < 1 || id > len(w.Builds) {
		return nil
	}
	return w.Builds[id-1]
}

// ChannelByName finds a channel; nil if there is none.
func (w *System) ChannelByName(name string) *Channel {
	for _, c := range w.Channels {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// RepoByID finds a repo; nil if there is none.
func (w *System) RepoByID(id int) *Repo {
	if id < 1 || id > len(w.Repos) {
		return nil
	}
	return w.Repos[id-1]
}

// NewestRepo is the tag's youngest repo that is ready, nil without one.
func (w *System) NewestRepo(t *Tag) *Repo {
	for i := len(w.Repos) - 1; i >= 0; i-- {
		if r := w.Repos[i]; r.Tag == t && r.State == RepoReady && !r.Dist {
			return r
		}
	}
	return nil
}

// Current is a READY repo that meets a wish, nil if none does.
func (w *System) Current(t *Tag, minEvent, atEvent int) *Repo {
	for i := len(w.Repos) - 1; i >= 0; i-- {
		r := w.Repos[i]
		if r.Tag != t || r.Dist || r.State != RepoReady {
			continue
		}
		if atEvent != 0 && r.Event == atEvent || atEvent == 0 && r.Event >= minEvent {
			return r
		}
	}
	return nil
}

// UserByName finds a user; nil if there is none.
func (w *System) UserByName(name string) *User {
	for _, u := range w.Users {
		if u.Name == name {
			return u
		}
	}
	return nil
}

// UserByPrincipal finds a user by a Kerberos principal; nil if there is none.
func (w *System) UserByPrincipal(principal string) *User {
	for _, u := range w.Users {
		for _, p := range u.Principals {
			if p == principal {
				return u
			}
		}
	}
	return nil
}

// TagByName finds a tag; nil if there is none.
func (w *System) TagByName(name string) *Tag {
	if id, ok := w.tagIDs[name]; ok {
		return w.Tags[id-1]
	}
	return nil
}

// TargetByName finds a target; nil if there is none.
func (w *System) TargetByName(name string) *Target {
	for _, t := range w.Targets {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// ExternalOf finds an external repo by name or id; nil if there is none.
func (w *System) ExternalOf(info any) *ExternalRepo {
	for _, r := range w.External {
		if info == r.Name || info == int64(r.ID) {
			return r
		}
	}
	return nil
}

// TaskByID finds a task; nil if there is none.
func (w *System) TaskByID(id int) *Task {
	if id < 1 || id > len(w.Tasks) {
		return nil
	}
	return w.Tasks[id-1]
}
