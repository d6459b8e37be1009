package kojisim

import (
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A buildRun is what a build task knows of itself.
type buildRun struct {
	w       *System
	source  string // as submitted
	target  string // "" if none was given
	opts    Options
	checked bool

	tag      *tag // of the buildroot
	dest     *tag
	repo     *repo
	src      *build // whose SRPM is built; nil if there is none
	product  *build // of a real build
	next     *update
	arches   []string
	outcome  outcome
	scratch  bool
	override []string
}

// An update is a new version that a packager builds.
type update struct {
	pkg     *pkg
	evr     rpm.EVR
	content content
	done    func(ok bool) // nil if nobody waits
}

// submitBuild makes a build task as the hub does: nearly nothing is checked.
func (w *System) submitBuild(owner *user, source, target string, opts Options, request []any, priority int) *task {
	run := &buildRun{w: w, source: source, target: target, opts: opts}
	run.scratch, _ = opts.Get("scratch").(bool)
	if s, ok := opts.Get("arch_override").(string); ok {
		run.override = strings.Fields(s)
	}
	t := w.submit("build", owner, priority, request, run.work)
	t.options = opts
	return t
}

// submitUpdate makes the build task of a packager.
func (w *System) submitUpdate(owner *user, target string, u *update) *task {
	url := "git+https://src.example.test/rpms/" + u.pkg.name + "#" + commitOf(u)
	run := &buildRun{w: w, source: url, target: target, next: u}
	return w.submit("build", owner, 0, []any{url, target, Options{}}, run.work)
}

// commitOf makes up the commit of an update.
func commitOf(u *update) string {
	const hex = "0123456789abcdef"
	d := draw.From(0, "commit", u.pkg.name, u.evr.String())
	b := make([]byte, 40)
	for i := range b {
		b[i] = hex[d.Below(16)]
	}
	return string(b)
}

// work takes the build one step further.
func (r *buildRun) work(t *task) {
	if !r.checked {
		r.w.then(t, t.luck.Between(200*time.Millisecond, 2*time.Second), func() { r.start(t) })
		return
	}
	if c := t.failedChild(); c != nil {
		r.fail(t, childFault(c))
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
func (r *buildRun) start(t *task) {
	r.checked = true
	f := r.check(t)
	t.notes.repo = r.repo
	if f != nil {
		r.fail(t, f)
		return
	}
	r.src = r.w.sourceOf(r.source, r.next)
	if r.repo == nil {
		r.repo = r.w.newestRepo(r.tag)
	}
	t.notes.source, t.notes.repo = r.src, r.repo
	if r.repo == nil {
		r.w.subtask(t, "waitrepo", "", "noarch", 0.1, []any{r.tag.name, nil, []any{}, r.tag.changedAt(r.w.lastEvent())}, r.waitForRepo)
		return
	}
	r.work(t)
}

// check finds the tags and the repo, or what is wrong with the request.
func (r *buildRun) check(t *task) *fault.Fault {
	if r.target != "" {
		g := r.w.targetByName(r.target)
		if g == nil {
			return fault.Generic("unknown build target: %s", r.target)
		}
		r.tag, r.dest = g.build, g.dest
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
	if r.w.policy.RefuseSRPM && !isSCM(r.source) && !r.scratch {
		return fault.NotAllowed("policy violation (build_from_srpm): no SRPM builds here")
	}
	return nil
}

func (r *buildRun) checkRepo(t *task) *fault.Fault {
	given := r.opts.Get("repo_id")
	if given == nil {
		return nil
	}
	id := whole(given)
	if r.repo = r.w.repoByID(id); r.repo == nil {
		return fault.New(fault.CodeBuild, "No such repo: %d", id)
	}
	if !r.repo.usable() {
		return fault.New(fault.CodeBuild, "Bad repo: %d (%s)", id, repoStateName(r.repo.state))
	}
	if !r.w.policy.BuildFromRepoID && !t.owner.has("admin") {
		return fault.NotAllowed("policy violation (build_from_repo_id): access denied by policy")
	}
	if r.tag != nil && r.tag != r.repo.tag {
		return fault.New(fault.CodeBuild, "Repo does not match build tag: %s != %s", r.repo.tag.name, r.tag.name)
	}
	r.tag = r.repo.tag
	return nil
}

// repoOption is how child tasks are told their repo.
func repoOption(r *repo) Options { return Options{{"repo_id", r.id}} }

// option reports whether a switch of the submission is on.
func (r *buildRun) option(name string) bool {
	return r.opts.Get(name) == true
}

func isSCM(source string) bool { return strings.Contains(source, "://") }

func (r *buildRun) srpmMethod() string {
	if isSCM(r.source) {
		return "buildSRPMFromSCM"
	}
	return "rebuildSRPM"
}

// sourceOf finds the build whose source a task builds, that of an update if it
// is for one; nil if there is none.
func (w *System) sourceOf(source string, u *update) *build {
	if u != nil {
		return &build{pkg: u.pkg, evr: u.evr, content: u.content}
	}
	name := source[strings.LastIndexByte(source, '/')+1:]
	if nvr, ok := strings.CutSuffix(name, ".src.rpm"); ok {
		if b := w.buildByNVR(nvr); b != nil && b.state != buildDeleted {
			return b
		}
		if strings.HasPrefix(source, "cli-build/") {
			return w.uploaded(nvr)
		}
		return w.linkedSource(nvr)
	}
	name, commit, _ := strings.Cut(name, "#")
	p := w.packageByName(strings.TrimSuffix(name, ".git"))
	if p == nil || len(p.builds) == 0 || strings.Trim(commit, "0") == "" {
		return nil // the commit of zeros is one that no repository has
	}
	return p.builds[len(p.builds)-1]
}

// uploaded is an SRPM that somebody uploaded: a new version of a package that
// is known. What such a package contains is what its newest build contains.
func (w *System) uploaded(nvr string) *build {
	n, err := rpm.ParseNEVRA(nvr + ".src")
	if err != nil {
		return nil
	}
	p := w.packageByName(n.Name)
	if p == nil || len(p.builds) == 0 {
		return nil
	}
	last := p.builds[len(p.builds)-1]
	c := last.content
	c.binaries = make([]*rpm.Package, len(last.binaries))
	for i, old := range last.binaries {
		q := *old
		q.EVR = n.EVR
		c.binaries[i] = &q
	}
	return &build{pkg: p, evr: n.EVR, content: c}
}

// waitForRepo is the work of a waitrepo task.
func (r *buildRun) waitForRepo(t *task) {
	if repo := r.w.newestRepo(r.tag); repo != nil {
		r.w.closeTask(t, repo)
		return
	}
	r.w.then(t, time.Minute, func() { r.waitForRepo(t) })
}

func (r *buildRun) afterWait(t *task) {
	if t.childrenClosed("waitrepo") {
		r.repo = r.w.newestRepo(r.tag)
		t.notes.repo = r.repo
		r.work(t)
	}
}

// startSRPM begins the first half: making the source package.
func (r *buildRun) startSRPM(t *task) {
	if r.src != nil {
		r.outcome = r.w.decide(t.id, r.src, r.repo)
		if r.next != nil && r.outcome.Cause != CauseUnresolvable {
			r.outcome.Cause = CauseNone // packagers build until it works
		}
	}
	opts := append(repoOption(r.repo), Option{"scratch", r.opts.Get("scratch")})
	c := r.w.subtask(t, r.srpmMethod(), "srpm", "noarch", 1, []any{r.source, r.tag.id, opts}, r.buildSRPM)
	c.notes.repo, c.notes.source = r.repo, r.src
}

// buildSRPM is the work of the srpm child.
func (r *buildRun) buildSRPM(t *task) {
	if t.notes.brootID == 0 {
		t.notes.brootID = t.id
	}
	r.w.then(t, r.w.scaled(t.luck.Between(30*time.Second, 2*time.Minute)), func() {
		switch {
		case r.src == nil && isSCM(r.source):
			r.w.failTask(t, fault.New(fault.CodeBuild, "Error running GIT command \"git reset --hard\", see checkout.log for details"))
		case r.src == nil:
			r.w.failTask(t, fault.Exception("koji/daemon", "downloadFile",
				"koji.GenericError: download error: no such file: "+r.source))
		case r.outcome.noRoot, r.outcome.Cause == CauseInfrastructure && r.outcome.luck%3 == 0:
			t.notes.outcome = &r.outcome
			r.w.failTask(t, fault.New(fault.CodeBuildroot,
				"could not init mock buildroot, mock exited with status 30; see root.log for more information"))
		default:
			r.w.closeTask(t, nil)
		}
	})
}

func (w *System) scaled(d time.Duration) time.Duration {
	if w.rules.BuildTime > 0 {
		d = time.Duration(float64(d) * w.rules.BuildTime)
	}
	return d
}

// startArches begins the second half: building for each architecture.
func (r *buildRun) startArches(t *task) {
	if f := r.register(t); f != nil {
		r.fail(t, f)
		return
	}
	r.arches = r.archesFor()
	if len(r.arches) == 0 {
		r.fail(t, fault.New(fault.CodeBuild, "No matching arches were found"))
		return
	}
	srpm := t.child(r.srpmMethod(), "srpm").dir() + "/" + r.src.sourceFile()
	for i, arch := range r.arches {
		c := r.w.subtask(t, "buildArch", arch, canonical(arch), 1.5, // hosts go by canonical names
			[]any{srpm, r.tag.id, arch, i == 0, repoOption(r.repo)},
			func(c *task) { r.buildArch(c, arch) })
		c.notes.repo, c.notes.source = r.repo, r.src
	}
}

// archesFor are the architectures that a builder chooses.
func (r *buildRun) archesFor() []string {
	possible := []string{"noarch"}
	for _, a := range r.tag.ownArches() {
		possible = append(possible, canonical(a))
	}
	wanted := r.tag.ownArches()
	if len(r.src.buildArchs) > 0 {
		wanted = r.src.buildArchs
	}
	var arches []string
	for _, a := range wanted {
		if admits(r.src.content, a) {
			arches = append(arches, a)
		}
	}
	if !slices.Contains(r.src.exclude, "noarch") &&
		(slices.Contains(r.src.buildArchs, "noarch") || slices.Contains(r.src.exclusive, "noarch")) {
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

// canonical is the architecture of the tag that a build for arch belongs to.
func canonical(arch string) string {
	switch {
	case len(arch) == 4 && arch[0] == 'i' && arch[2:] == "86", arch == "athlon":
		return "i386"
	case arch == "ia32e":
		return "x86_64"
	case strings.HasPrefix(arch, "ppc64") && arch != "ppc64le":
		return "ppc64"
	case strings.HasPrefix(arch, "arm") && strings.Contains(arch[3:], "h"):
		return "armhfp"
	case strings.HasPrefix(arch, "arm"):
		return "arm"
	}
	return arch
}

// admits reports whether a source lets itself be built for arch.
func admits(c content, arch string) bool {
	return (len(c.exclusive) == 0 || slices.Contains(c.exclusive, arch)) && !slices.Contains(c.exclude, arch)
}

// register makes the build that a real build task is for.
func (r *buildRun) register(t *task) *fault.Fault {
	if r.scratch || r.product != nil {
		return nil
	}
	if b := r.w.buildByNVR(r.src.nvr()); b != nil && b.state != buildFailed && b.state != buildCanceled {
		return fault.Generic("Build already exists (id=%d, state=%s): {'name': '%s', 'version': '%s', 'release': '%s'}",
			b.id, buildStateName(b.state), b.pkg.name, b.evr.Version, b.evr.Release)
	}
	r.product = r.w.newBuild(r.src.pkg, r.src.evr, r.src.content, t.owner, buildBuilding)
	r.product.taskID, r.product.source = t.id, r.sourceName()
	r.w.tell(BuildChange{r.product, -1, buildBuilding})
	return nil
}

func (r *buildRun) sourceName() string {
	if isSCM(r.source) {
		return r.source
	}
	return r.src.sourceFile()
}

// buildStateName is Koji's word for a state of a build.
func buildStateName(state int) string {
	return [...]string{"BUILDING", "COMPLETE", "DELETED", "FAILED", "CANCELED"}[state]
}

// buildArch is the work of a buildArch child.
func (r *buildRun) buildArch(t *task, arch string) {
	if t.notes.brootID == 0 {
		t.notes.brootID = t.id
	}
	o := &r.outcome
	d := r.w.scaled(time.Duration(float64(r.src.pkg.buildFor) * (0.8 + 0.5*t.luck.Fraction())))
	fails := o.Cause != CauseNone && (o.arch == "" || o.arch == arch)
	if !fails {
		r.w.then(t, d, func() { r.w.closeTask(t, nil) })
		return
	}
	t.notes.outcome = o
	f := fault.New(fault.CodeBuild, "error building package (arch %s), mock exited with status 1; see build.log or root.log for more information", arch)
	switch {
	case o.Cause == CauseUnresolvable:
		// All architectures fail at nearly the same time, before the parent looks.
		d = r.w.scaled(time.Duration(20+o.luck%60)*time.Second) + t.luck.Between(0, 300*time.Millisecond)
		f = fault.New(fault.CodeBuild, "error building package (arch %s), mock exited with status 30; see root.log for more information", arch)
	case o.Cause == CauseInfrastructure && o.luck%3 == 1:
		f = fault.Exception("koji/daemon", "runTask", "OSError: [Errno 28] No space left on device")
	case o.Cause == CauseInfrastructure:
		f = fault.New(fault.CodeBuildroot, "could not init mock buildroot, mock exited with status 30; see root.log for more information")
	default:
		d = time.Duration(float64(d) * (0.2 + 0.7*t.luck.Fraction()))
	}
	r.w.then(t, d, func() { r.w.failTask(t, f) })
}

// finish ends a build whose parts all succeeded.
func (r *buildRun) finish(t *task) {
	if r.scratch || r.product == nil {
		r.close(t)
		return
	}
	if r.product.state == buildBuilding {
		r.w.complete(r.product, r.src.content)
		r.w.tell(BuildChange{r.product, buildBuilding, buildComplete})
	}
	switch tagging := t.child("tagBuild", "tag"); {
	case tagging == nil && r.dest != nil && !r.option("skip_tag"):
		r.w.subtask(t, "tagBuild", "tag", "noarch", 1, []any{r.dest.id, r.product.id, false, nil, true}, r.tagProduct)
	case tagging == nil || tagging.state == taskClosed:
		r.close(t)
	}
}

// tagProduct is the work of the tagBuild child.
func (r *buildRun) tagProduct(t *task) {
	r.w.then(t, t.luck.Between(time.Second, 10*time.Second), func() {
		r.w.tagBuild(r.dest, r.product, t.owner)
		r.w.closeTask(t, nil)
	})
}

func (r *buildRun) close(t *task) {
	r.w.truth.verdicts[t.id] = r.outcome.Verdict
	r.w.closeTask(t, nil)
	if r.next != nil && r.next.done != nil {
		r.next.done(true)
	}
}

func (r *buildRun) fail(t *task, f *fault.Fault) {
	if r.outcome.Task != 0 {
		r.w.truth.verdicts[t.id] = r.outcome.Verdict
	}
	if r.product != nil && r.product.state == buildBuilding {
		r.product.state, r.product.finished = buildFailed, r.w.now
		r.w.tell(BuildChange{r.product, buildBuilding, buildFailed})
	}
	r.w.failTask(t, f)
	if r.next != nil && r.next.done != nil {
		r.next.done(false)
	}
}
