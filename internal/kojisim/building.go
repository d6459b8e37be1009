package kojisim

import (
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
)

// A buildRun is what a build task knows of itself.
type buildRun struct {
	w       *System
	source  string // as submitted
	target  string // "" if none was given
	opts    Options
	checked bool

	tag      *Tag // of the buildroot
	dest     *Tag
	repo     *Repo
	src      *Build // whose SRPM is built; nil if there is none
	product  *Build // of a real build
	next     *Update
	arches   []string
	outcome  outcome
	scratch  bool
	override []string
}

// SubmitBuild makes a build task as the hub does: nearly nothing is checked.
func (w *System) SubmitBuild(owner *User, source, target string, opts Options, request []any, priority int) *Task {
	run := &buildRun{w: w, source: source, target: target, opts: opts}
	run.scratch, _ = opts.Get("scratch").(bool)
	if s, ok := opts.Get("arch_override").(string); ok {
		run.override = strings.Fields(s)
	}
	t := w.submit("build", owner, priority, request, run.work)
	t.Options = opts
	if !run.scratch {
		if src := w.sourceOf(source, nil); src != nil {
			t.Channel = src.Package.channel(t.Channel)
		}
	}
	return t
}

// SubmitUpdate makes the build task of a packager.
func (w *System) SubmitUpdate(owner *User, target string, u *Update) *Task {
	url := "git+https://src.example.test/rpms/" + u.Package.Name + "#" + commitOf(u)
	run := &buildRun{w: w, source: url, target: target, next: u}
	t := w.submit("build", owner, 0, []any{url, target, Options{}}, run.work)
	t.Channel = u.Package.channel(t.Channel)
	return t
}

// commitOf makes up the commit of an update.
func commitOf(u *Update) string {
	const hex = "0123456789abcdef"
	d := draw.From(0, "commit", u.Package.Name, u.EVR.String())
	b := make([]byte, 40)
	for i := range b {
		b[i] = hex[d.Below(16)]
	}
	return string(b)
}

// work takes the build one step further.
func (r *buildRun) work(t *Task) {
	if !r.checked {
		r.w.then(t, t.luck.Between(200*time.Millisecond, 2*time.Second), func() { r.start(t) })
		return
	}
	if c := t.failedChild(); c != nil {
		if c.Method != "buildArch" || !r.w.Rules.Siblings || t.childrenEnded() {
			r.fail(t, childFault(c))
		}
		return
	}
	switch {
	case r.repo == nil:
		r.afterWait(t)
	case t.child(r.srpmMethod(), "srpm") == nil:
		r.startSRPM(t)
	case !t.childrenClosed(r.srpmMethod()):
	case r.arches == nil:
		r.startArches(t)
	case t.childrenClosed("buildArch"):
		r.finish(t)
	}
}

// start checks what was submitted; its faults are those of a builder.
func (r *buildRun) start(t *Task) {
	r.checked = true
	f := r.check(t)
	t.Notes.Repo = r.repo
	if f != nil {
		r.fail(t, f)
		return
	}
	r.src = r.w.sourceOf(r.source, r.next)
	if r.repo == nil {
		r.repo = r.w.NewestRepo(r.tag)
	}
	t.Notes.Source, t.Notes.Repo = r.src, r.repo
	if r.repo == nil {
		r.w.subtask(t, "waitrepo", "", "noarch", 0.1, []any{r.tag.Name, nil, []any{}, r.tag.ChangedAt(r.w.LastEvent())}, r.waitForRepo)
		return
	}
	r.work(t)
}

// check finds the tags and the repo, or what is wrong with the request.
func (r *buildRun) check(t *Task) *fault.Fault {
	if r.target != "" {
		g := r.w.TargetByName(r.target)
		if g == nil {
			return fault.Generic("unknown build target: %s", r.target)
		}
		r.tag, r.dest = g.Build, g.Dest
	}
	if f := r.checkRepo(t); f != nil {
		return f
	}
	if r.tag == nil {
		return fault.New(fault.CodeBuild, "no build target and no repo given")
	}
	if r.override != nil && !r.scratch {
		return fault.New(fault.CodeBuild, "arch_override is only allowed for scratch builds")
	}
	if r.w.Policy.RefuseSRPM && !isSCM(r.source) && !r.scratch {
		return fault.NotAllowed("policy violation (build_from_srpm): no SRPM builds here")
	}
	return nil
}

func (r *buildRun) checkRepo(t *Task) *fault.Fault {
	given := r.opts.Get("repo_id")
	if given == nil {
		return nil
	}
	id := Whole(given)
	if r.repo = r.w.RepoByID(id); r.repo == nil {
		return fault.New(fault.CodeBuild, "No such repo: %d", id)
	}
	if !r.repo.Usable() {
		return fault.New(fault.CodeBuild, "Bad repo: %d (%s)", id, repoStateName(r.repo.State))
	}
	if !r.w.Policy.BuildFromRepoID && !t.Owner.Has("admin") {
		return fault.NotAllowed("policy violation (build_from_repo_id): access denied by policy")
	}
	if r.tag != nil && r.tag != r.repo.Tag {
		return fault.New(fault.CodeBuild, "Repo does not match build tag: %s != %s", r.repo.Tag.Name, r.tag.Name)
	}
	r.tag = r.repo.Tag
	return nil
}

// repoOption is how child tasks are told their repo.
func repoOption(r *Repo) Options { return Options{{"repo_id", r.ID}} }

// option reports whether a switch of the submission is on.
func (r *buildRun) option(name string) bool {
	return r.opts.Get(name) == true
}

func (r *buildRun) srpmMethod() string {
	if isSCM(r.source) {
		return "buildSRPMFromSCM"
	}
	return "rebuildSRPM"
}

// waitForRepo is the work of a waitrepo task.
func (r *buildRun) waitForRepo(t *Task) {
	if repo := r.w.NewestRepo(r.tag); repo != nil {
		r.w.closeTask(t, repo)
		return
	}
	r.w.then(t, time.Minute, func() { r.waitForRepo(t) })
}

func (r *buildRun) afterWait(t *Task) {
	if t.childrenClosed("waitrepo") {
		r.repo = r.w.NewestRepo(r.tag)
		t.Notes.Repo = r.repo
		r.work(t)
	}
}

// startSRPM begins the first half: making the source package.
func (r *buildRun) startSRPM(t *Task) {
	if r.src != nil {
		r.outcome = r.w.decide(t.ID, r.src, r.repo)
		if r.next != nil && r.outcome.Cause != CauseUnresolvable {
			r.outcome.Cause = CauseNone // packagers build until it works
		}
	}
	if r.outcome.fault != nil && r.outcome.task == "build" {
		r.fail(t, r.outcome.fault)
		return
	}
	opts := append(repoOption(r.repo), Option{"scratch", r.opts.Get("scratch")})
	c := r.w.subtask(t, r.srpmMethod(), "srpm", "noarch", 1, []any{r.source, r.tag.ID, opts}, r.buildSRPM)
	c.Notes.Repo, c.Notes.Source = r.repo, r.src
}

// buildSRPM is the work of the srpm child.
func (r *buildRun) buildSRPM(t *Task) {
	if t.Notes.BrootID == 0 {
		t.Notes.BrootID = t.ID
	}
	r.w.then(t, r.w.scaled(t.luck.Between(30*time.Second, 2*time.Minute)), func() {
		switch {
		case r.src == nil && isSCM(r.source):
			r.w.failTask(t, fault.New(fault.CodeBuild, "Error running GIT command \"git reset --hard\", see checkout.log for details"))
		case r.src == nil:
			r.w.failTask(t, fault.Exception("koji/daemon", "downloadFile",
				"koji.GenericError: download error: no such file: "+r.source))
		case r.outcome.fault != nil && r.outcome.task == "srpm":
			t.Notes.Outcome = &r.outcome
			r.w.failTask(t, r.outcome.fault)
		case r.outcome.noRoot, r.outcome.fault == nil && r.outcome.Cause == CauseInfrastructure && r.outcome.Luck%3 == 0:
			t.Notes.Outcome = &r.outcome
			r.w.failTask(t, fault.New(fault.CodeBuildroot,
				"could not init mock buildroot, mock exited with status 30; see root.log for more information"))
		default:
			r.w.closeTask(t, nil)
		}
	})
}

// startArches begins the second half: building for each architecture.
func (r *buildRun) startArches(t *Task) {
	if f := r.register(t); f != nil {
		r.fail(t, f)
		return
	}
	r.arches = r.archesFor()
	if len(r.arches) == 0 {
		r.fail(t, fault.New(fault.CodeBuild, "No matching arches were found"))
		return
	}
	srpm := t.child(r.srpmMethod(), "srpm").Dir() + "/" + r.src.SourceFile()
	for i, arch := range r.arches {
		c := r.w.subtask(t, "buildArch", arch, canonical(arch), 1.5, // hosts go by canonical names
			[]any{srpm, r.tag.ID, arch, i == 0, repoOption(r.repo)},
			func(c *Task) { r.buildArch(c, arch) })
		c.Notes.Repo, c.Notes.Source = r.repo, r.src
	}
}

// archesFor are the architectures that a builder chooses.
func (r *buildRun) archesFor() []string {
	possible := []string{"noarch"}
	for _, a := range r.tag.OwnArches() {
		possible = append(possible, canonical(a))
	}
	wanted := r.tag.OwnArches()
	if len(r.src.BuildArchs) > 0 {
		wanted = r.src.BuildArchs
	}
	var arches []string
	for _, a := range wanted {
		if Admits(r.src.Content, a) {
			arches = append(arches, a)
		}
	}
	if !slices.Contains(r.src.Exclude, "noarch") &&
		(slices.Contains(r.src.BuildArchs, "noarch") || slices.Contains(r.src.Exclusive, "noarch")) {
		arches = append(arches, "noarch")
	}
	if r.override != nil {
		arches = r.override
	}
	out := []string{}
	for _, a := range arches {
		if slices.Contains(possible, canonical(a)) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// register makes the build that a real build task is for.
func (r *buildRun) register(t *Task) *fault.Fault {
	if r.scratch || r.product != nil {
		return nil
	}
	if b := r.w.BuildByNVR(r.src.NVR()); b != nil && b.State != buildFailed && b.State != buildCanceled {
		return fault.Generic("Build already exists (id=%d, state=%s): {'name': '%s', 'version': '%s', 'release': '%s'}",
			b.ID, buildStateName(b.State), b.Package.Name, b.EVR.Version, b.EVR.Release)
	}
	r.product = r.w.NewBuild(r.src.Package, r.src.EVR, r.src.Content, t.Owner, buildBuilding)
	r.product.TaskID, r.product.Source = t.ID, r.sourceName()
	r.w.tell(BuildChange{r.product, -1, buildBuilding})
	return nil
}

func (r *buildRun) sourceName() string {
	if isSCM(r.source) {
		return r.source
	}
	return r.src.SourceFile()
}

// buildArch is the work of a buildArch child.
func (r *buildRun) buildArch(t *Task, arch string) {
	if t.Notes.BrootID == 0 {
		t.Notes.BrootID = t.ID
	}
	o := &r.outcome
	d := r.w.scaled(time.Duration(float64(r.src.Package.BuildFor) * (0.8 + 0.5*t.luck.Fraction())))
	fails := o.Cause != CauseNone && (o.arch == "" || o.arch == arch)
	if !fails {
		r.w.then(t, d, func() { r.w.closeTask(t, nil) })
		return
	}
	t.Notes.Outcome = o
	f := fault.New(fault.CodeBuild, "error building package (arch %s), mock exited with status 1; see build.log or root.log for more information", arch)
	switch {
	case o.fault != nil:
		f = o.fault
	case o.Cause == CauseUnresolvable:
		// All architectures fail at nearly the same time, before the parent looks.
		d = r.w.scaled(time.Duration(20+o.Luck%60)*time.Second) + t.luck.Between(0, 300*time.Millisecond)
		f = fault.New(fault.CodeBuild, "error building package (arch %s), mock exited with status 30; see root.log for more information", arch)
	case o.Cause == CauseInfrastructure && o.Luck%3 == 1:
		f = fault.Exception("koji/daemon", "runTask", "OSError: [Errno 28] No space left on device")
	case o.Cause == CauseInfrastructure:
		f = fault.New(fault.CodeBuildroot, "could not init mock buildroot, mock exited with status 30; see root.log for more information")
	default:
		d = time.Duration(float64(d) * (0.2 + 0.7*t.luck.Fraction()))
	}
	r.w.then(t, d, func() { r.w.failTask(t, f) })
}

// finish ends a build whose parts all succeeded.
func (r *buildRun) finish(t *Task) {
	if r.scratch || r.product == nil {
		r.close(t)
		return
	}
	if r.product.State == buildBuilding {
		r.w.complete(r.product, r.src.Content)
		r.w.tell(BuildChange{r.product, buildBuilding, BuildComplete})
	}
	switch tagging := t.child("tagBuild", "tag"); {
	case tagging == nil && r.dest != nil && !r.option("skip_tag"):
		r.w.subtask(t, "tagBuild", "tag", "noarch", 1, []any{r.dest.ID, r.product.ID, false, nil, true}, r.tagProduct)
	case tagging == nil || tagging.State == TaskClosed:
		r.close(t)
	}
}

// tagProduct is the work of the tagBuild child.
func (r *buildRun) tagProduct(t *Task) {
	r.w.then(t, t.luck.Between(time.Second, 10*time.Second), func() {
		r.w.TagBuild(r.dest, r.product, t.Owner)
		r.w.closeTask(t, nil)
	})
}

func (r *buildRun) close(t *Task) {
	r.w.truth.verdicts[t.ID] = r.outcome.Verdict
	r.w.closeTask(t, nil)
	if r.next != nil && r.next.Done != nil {
		r.next.Done(true)
	}
}

func (r *buildRun) fail(t *Task, f *fault.Fault) {
	if r.outcome.Task != 0 {
		r.w.truth.verdicts[t.ID] = r.outcome.Verdict
	}
	if r.product != nil && r.product.State == buildBuilding {
		r.product.State, r.product.Finished = buildFailed, r.w.Now
		r.w.tell(BuildChange{r.product, buildBuilding, buildFailed})
	}
	r.w.failTask(t, f)
	if r.next != nil && r.next.Done != nil {
		r.next.Done(false)
	}
}
