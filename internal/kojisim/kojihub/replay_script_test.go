package kojihub

import (
	"slices"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A scripted breakage makes one build fail as it was recorded to.
type scripted struct {
	task *kojisim.Task
	pkg  string
}

// ensureSource makes the source of a recorded build if the world's description
// does not have it, but the build got as far as being built.
func (r *replay) ensureSource(id int64, source string) {
	n, ok := sourceNEVRA(source)
	if !ok || r.w.BuildByNVR(n.Name+"-"+n.Version+"-"+n.Release) != nil || len(r.recordedArches(id)) == 0 {
		return
	}
	p := r.w.PackageByName(n.Name)
	if p == nil {
		p = r.w.NewPackage(n.Name)
	}
	if len(p.Builds) == 0 {
		r.w.ImportBuild(p, n.EVR, kojisim.Content{}, r.w.Users[0])
	}
}

func sourceNEVRA(source string) (rpm.NEVRA, bool) {
	file := source[strings.LastIndexByte(source, '/')+1:]
	nvr, isSRPM := strings.CutSuffix(file, ".src.rpm")
	n, err := rpm.ParseNEVRA(nvr + ".src")
	return n, isSRPM && err == nil
}

// recordedArches are the buildArch children that were recorded of a task.
func (r *replay) recordedArches(id int64) []xmlrpc.Struct {
	var out []xmlrpc.Struct
	for _, k := range r.known {
		parent, _ := k.Get("parent")
		method, _ := k.Get("method")
		if parent == id && method == "buildArch" {
			out = append(out, k)
		}
	}
	return out
}

// script makes a build fail on one architecture if the recordings show that it
// did while the others were canceled for it.
func (r *replay) script(id int64, t *kojisim.Task) {
	if t.Method != "build" {
		return
	}
	arches := r.recordedArches(id)
	stateIs := func(state int) func(xmlrpc.Struct) bool {
		return func(k xmlrpc.Struct) bool {
			got, _ := k.Get("state")
			return got == int64(state)
		}
	}
	failed := slices.IndexFunc(arches, stateIs(kojisim.TaskFailed))
	if failed < 0 || !slices.ContainsFunc(arches, stateIs(kojisim.TaskCanceled)) {
		return
	}
	source, _ := t.Request[0].(string)
	n, ok := sourceNEVRA(source)
	if !ok {
		return
	}
	label, _ := arches[failed].Get("label")
	r.w.Break(kojisim.Breakage{Package: n.Name, Arch: label.(string), Message: "as recorded"})
	r.scripted = append(r.scripted, scripted{t, n.Name})
}

// unscript forgets breakages whose build has been decided on.
func (r *replay) unscript() {
	r.scripted = slices.DeleteFunc(r.scripted, func(s scripted) bool {
		decided := len(s.task.Children) > 0 || s.task.Ended()
		if decided {
			r.w.Mend(s.pkg) // nothing else is wrong with it
		}
		return decided
	})
}
