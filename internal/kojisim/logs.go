package kojisim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// logText writes one of a task's logs. Logs read like mock's: what went wrong
// stands where mock or rpmbuild would have put it, and nowhere else.
func logText(w *System, t *task, name string) string {
	switch name {
	case "build.log":
		return buildLog(w, t)
	case "root.log":
		return rootLog(w, t)
	case "state.log":
		return stateLog(t)
	case "mock_output.log":
		return mockOutput(w, t)
	case "installed_pkgs.log":
		return strings.Join(installedLines(w, t), "\n") + "\n"
	case "hw_info.log":
		return "CPU info:\nArchitecture: " + t.arch + "\nCPU(s): 8\n\nMemory:\nMem: 32768 MiB\nSwap: 0 MiB\n"
	case "mock_config.log":
		return fmt.Sprintf("config_opts['root'] = 'repo-%d'\nconfig_opts['chroot_setup_cmd'] = 'install @build'\n", repoID(t))
	case "checkout.log":
		return checkoutLog(t)
	case "noarch_rpmdiff.json":
		return "{}\n"
	}
	return "task " + strconv.Itoa(t.id) + ": " + name + "\n"
}

func repoID(t *task) int {
	if t.notes.repo == nil {
		return 0
	}
	return t.notes.repo.id
}

func checkoutLog(t *task) string {
	url, _ := t.request[0].(string)
	repo, commit, _ := strings.Cut(url, "#")
	s := "$ git clone -n " + repo + "\nCloning into the working directory...\n$ git reset --hard " + commit + "\n"
	if t.state == taskFailed {
		return s + "fatal: Could not parse object '" + commit + "'.\n"
	}
	return s + "HEAD is now at " + commit + "\n"
}

// logTime is a moment of the task's life; f is 0 at its start, 1 at its end.
func logTime(t *task, f float64) time.Time {
	end := t.completed
	if end.IsZero() {
		end = t.started.Add(10 * time.Minute)
	}
	return t.started.Add(time.Duration(f * float64(end.Sub(t.started))))
}

func stateLog(t *task) string {
	var b strings.Builder
	step := func(f float64, text string) {
		fmt.Fprintf(&b, "%s - %s\n", logTime(t, f).Format("2006-01-02 15:04:05,000"), text)
	}
	step(0.01, "Start: chroot init")
	step(0.2, "Finish: chroot init")
	step(0.21, "Start: build phase for "+nvrOf(t))
	step(0.22, "Start: build setup for "+nvrOf(t))
	if t.state == taskFailed {
		step(1, "Finish: build phase (failed)")
		return b.String()
	}
	step(0.4, "Finish: build setup for "+nvrOf(t))
	step(0.41, "Start: rpmbuild "+nvrOf(t))
	step(1, "Finish: rpmbuild "+nvrOf(t))
	return b.String()
}

func nvrOf(t *task) string {
	if t.notes.source == nil {
		return "unknown"
	}
	return t.notes.source.nvr()
}

// installedLines are the packages that the buildroot's group and the build's
// own requirements name.
func installedLines(w *System, t *task) []string {
	r := t.notes.repo
	if r == nil {
		return nil
	}
	var out []string
	add := func(name string) {
		if evr, ok := w.installedIn(r.tag, name, r.holds); ok {
			out = append(out, fmt.Sprintf("%s-%s.%s", name, evr, t.arch))
		}
	}
	if g := r.tag.groupByName("build"); g != nil {
		for _, m := range g.groupPackages() {
			add(m.name)
		}
	}
	if t.notes.source != nil && t.method == "buildArch" {
		for _, req := range t.notes.source.requires {
			add(req.Name)
		}
	}
	return out
}

func rootLog(w *System, t *task) string {
	var b strings.Builder
	line := func(f float64, level, file, text string) {
		fmt.Fprintf(&b, "%-5s %s:%d:  %s\n", level, file, 100+int(f*800), text)
	}
	line(0.01, "INFO", "buildroot.py", "chroot of repo "+strconv.Itoa(repoID(t)))
	line(0.02, "DEBUG", "util.py", "Executing command: dnf5 install @build")
	if t.fault != nil && t.fault.Code == fault.CodeBuildroot {
		line(0.1, "DEBUG", "util.py", "Error: Failed to download metadata for repo 'build': Cannot download repomd.xml: All mirrors were tried")
		line(0.11, "DEBUG", "util.py", "child return code was: 1")
		line(0.12, "ERROR", "util.py", "Command failed: dnf5 install @build")
		return b.String()
	}
	for _, p := range installedLines(w, t) {
		line(0.2, "DEBUG", "util.py", "  Installing       : "+p)
	}
	if t.method != "buildArch" {
		line(0.9, "DEBUG", "util.py", "child return code was: 0")
		return b.String()
	}
	line(0.3, "DEBUG", "util.py", "Executing command: dnf5 builddep "+nvrOf(t)+".src.rpm")
	if o := t.notes.outcome; o != nil && o.Cause == CauseUnresolvable {
		line(0.31, "DEBUG", "util.py", "Failed to resolve the transaction:")
		line(0.31, "DEBUG", "util.py", unmetText(w, t))
		line(0.32, "DEBUG", "util.py", "child return code was: 1")
		return b.String()
	}
	line(0.4, "DEBUG", "util.py", "Complete!")
	line(0.41, "DEBUG", "util.py", "child return code was: 0")
	return b.String()
}

// unmetText says what cannot be installed and who needs it.
func unmetText(w *System, t *task) string {
	r := t.notes.repo
	l := w.look(r.tag, r.holds)
	bad, _ := l.unmet(t.notes.source.requires)
	candidates := l.candidates(bad)
	if len(candidates) == 0 {
		return "No match for argument: " + bad.String()
	}
	return "Problem: package " + candidates[0].pkg.String() + " requires " +
		deepest(w, r, candidates[0].pkg) + ", but none of the providers can be installed"
}

// deepest follows what is unmet below p to a relation that nothing in the repo
// provides.
func deepest(w *System, r *repo, p *rpm.Package) string {
	l := w.look(r.tag, r.holds)
	text := ""
	for depth := 0; depth < 50; depth++ {
		bad, unmet := w.look(r.tag, r.holds).unmet(p.Requires)
		if !unmet {
			break
		}
		text = bad.String()
		next := l.candidates(bad)
		if len(next) == 0 {
			break
		}
		p = next[0].pkg
	}
	return text
}

func mockOutput(w *System, t *task) string {
	var b strings.Builder
	b.WriteString("INFO: Start(" + nvrOf(t) + ".src.rpm)  Config(repo-" + strconv.Itoa(repoID(t)) + ")\nStart: chroot init\n")
	if t.fault != nil && t.fault.Code == fault.CodeBuildroot {
		return b.String() + "ERROR: Command failed: dnf5 install @build\n"
	}
	b.WriteString("Finish: chroot init\nStart: build phase for " + nvrOf(t) + "\n")
	if o := t.notes.outcome; o != nil && o.Cause == CauseUnresolvable {
		return b.String() + "ERROR: Command failed: dnf5 builddep\n" + unmetText(w, t) + "\n"
	}
	if t.fault != nil {
		return b.String() + "ERROR: Exception(" + nvrOf(t) + ".src.rpm) Config(repo-" + strconv.Itoa(repoID(t)) + ")\nERROR: Command failed: rpmbuild -bb\n"
	}
	return b.String() + "Finish: build phase for " + nvrOf(t) + "\nINFO: Done\n"
}

func objectWord(d *draw.Draw) string {
	return draw.Pick(d, []string{"main", "util", "parse", "io", "list", "hash", "config", "net", "test", "print", "string", "array", "file", "cache", "lexer"})
}

func buildLog(w *System, t *task) string {
	b := t.notes.source
	if b == nil {
		return ""
	}
	var s strings.Builder
	name := b.pkg.name
	fmt.Fprintf(&s, "Building target platforms: %s\nBuilding for target %s\nsetting SOURCE_DATE_EPOCH=1700000000\n", t.label, t.label)
	if t.isSRPM() {
		fmt.Fprintf(&s, "Wrote: /builddir/build/SRPMS/%s\n", b.sourceFile())
		return s.String()
	}
	section := func(title string) {
		fmt.Fprintf(&s, "Executing(%s): /bin/sh -e /var/tmp/rpm-tmp.%06d\n+ umask 022\n+ cd /builddir/build/BUILD/%s-%s\n", title, t.id%1000000, name, b.evr.Version)
	}
	section("%prep")
	fmt.Fprintf(&s, "+ rpmuncompress -x /builddir/build/SOURCES/%s-%s.tar.gz\n+ exit 0\n", name, b.evr.Version)
	section("%build")
	d := draw.From(w.seed, "log", b.nevra().String())
	n := 40 + d.Below(160)
	failAt := n + 1
	if o := t.notes.outcome; o != nil {
		failAt = n/2 + int(o.luck%draw.Draw(n/2))
	}
	for i := range n {
		if i == failAt {
			return s.String() + failureText(t, b, &d)
		}
		compileLine(&s, &d, i)
	}
	s.WriteString("+ exit 0\n")
	section("%install")
	s.WriteString("+ make install DESTDIR=/builddir/build/BUILDROOT\n+ exit 0\n")
	section("%check")
	fmt.Fprintf(&s, "%d tests passed, 0 failed\n+ exit 0\n", 10+d.Below(300))
	rpms, _ := taskRPMs(t)
	for _, r := range rpms {
		fmt.Fprintf(&s, "Wrote: /builddir/build/RPMS/%s\n", r)
	}
	return s.String()
}

func compileLine(s *strings.Builder, d *draw.Draw, i int) {
	word := objectWord(d)
	fmt.Fprintf(s, "[%3d] gcc -O2 -g -Wall -fexceptions -Isrc -c src/%s_%d.c -o src/%s_%d.o\n", i, word, i, word, i)
	if d.Chance(0.06) {
		fmt.Fprintf(s, "src/%s_%d.c:%d:%d: warning: unused variable 'tmp' [-Wunused-variable]\n", word, i, 10+d.Below(800), 1+d.Below(40))
	}
}

// failureText is the end of a build log of a build that failed.
func failureText(t *task, b *build, d *draw.Draw) string {
	o := t.notes.outcome
	if o.Cause == CauseInfrastructure {
		return "" // the builder went away in the middle of it
	}
	section := "%build"
	lines := fmt.Sprintf("src/%s_%d.c:%d:%d: error: %s\nmake: *** [Makefile:%d: all] Error 1\n",
		objectWord(d), d.Below(90), 10+d.Below(800), 1+d.Below(40), o.message, 20+d.Below(400))
	if o.Cause == CauseFlake || strings.Contains(o.message, "test") {
		section = "%check"
		lines = fmt.Sprintf("FAIL: test_%s (%s)\n1 test failed of %d\nmake: *** [Makefile:%d: check] Error 1\n",
			objectWord(d), o.message, 10+d.Below(300), 20+d.Below(400))
	}
	status := fmt.Sprintf("error: Bad exit status from /var/tmp/rpm-tmp.%06d (%s)\n", t.id%1000000, section)
	return lines + status + "\nRPM build errors:\n    " + strings.Replace(status, "error: ", "", 1) +
		"Child return code was: 1\nEXCEPTION: command failed, see logs of " + b.nvr() + "\n"
}
