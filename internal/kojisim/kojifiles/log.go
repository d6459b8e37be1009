package kojifiles

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/draw"
	"github.com/koschei-ci/koschei/internal/kojisim/fault"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// logText writes one of a task's logs. Logs read like mock's: what went wrong
// stands where mock or rpmbuild would have put it, and nowhere else.
func logText(w *kojisim.System, t *kojisim.Task, name string) string {
	if text, written := w.WrittenLog(t, name); written {
		return text
	}
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
		return "CPU info:\nArchitecture: " + t.Arch + "\nCPU(s): 8\n\nMemory:\nMem: 32768 MiB\nSwap: 0 MiB\n"
	case "mock_config.log":
		return fmt.Sprintf("config_opts['root'] = 'repo-%d'\nconfig_opts['chroot_setup_cmd'] = 'install @build'\n", repoID(t))
	case "checkout.log":
		return checkoutLog(t)
	case "noarch_rpmdiff.json":
		return "{}\n"
	}
	return "task " + strconv.Itoa(t.ID) + ": " + name + "\n"
}

func repoID(t *kojisim.Task) int {
	if t.Notes.Repo == nil {
		return 0
	}
	return t.Notes.Repo.ID
}

func checkoutLog(t *kojisim.Task) string {
	url, _ := t.Request[0].(string)
	repo, commit, _ := strings.Cut(url, "#")
	s := "$ git clone -n " + repo + "\nCloning into the working directory...\n$ git reset --hard " + commit + "\n"
	if t.State == kojisim.TaskFailed {
		return s + "fatal: Could not parse object '" + commit + "'.\n"
	}
	return s + "HEAD is now at " + commit + "\n"
}

// LogTime is a moment of the task's life; f is 0 at its start, 1 at its end.
func LogTime(t *kojisim.Task, f float64) time.Time {
	end := t.Completed
	if end.IsZero() {
		end = t.Started.Add(10 * time.Minute)
	}
	return t.Started.Add(time.Duration(f * float64(end.Sub(t.Started))))
}

func stateLog(t *kojisim.Task) string {
	var b strings.Builder
	step := func(f float64, text string) {
		fmt.Fprintf(&b, "%s - %s\n", LogTime(t, f).Format("2006-01-02 15:04:05,000"), text)
	}
	step(0.01, "Start: chroot init")
	step(0.2, "Finish: chroot init")
	step(0.21, "Start: build phase for "+nvrOf(t))
	step(0.22, "Start: build setup for "+nvrOf(t))
	if t.State == kojisim.TaskFailed {
		step(1, "Finish: build phase (failed)")
		return b.String()
	}
	step(0.4, "Finish: build setup for "+nvrOf(t))
	step(0.41, "Start: rpmbuild "+nvrOf(t))
	step(1, "Finish: rpmbuild "+nvrOf(t))
	return b.String()
}

func nvrOf(t *kojisim.Task) string {
	if t.Notes.Source == nil {
		return "unknown"
	}
	return t.Notes.Source.NVR()
}

// installedLines are the packages that the buildroot's group and the build's
// own requirements name.
func installedLines(w *kojisim.System, t *kojisim.Task) []string {
	r := t.Notes.Repo
	if r == nil {
		return nil
	}
	var out []string
	add := func(name string) {
		if evr, ok := w.InstalledIn(r.Tag, name, r.Holds); ok {
			out = append(out, fmt.Sprintf("%s-%s.%s", name, evr, t.Arch))
		}
	}
	if g := r.Tag.GroupByName("build"); g != nil {
		for _, m := range g.AllMembers() {
			add(m.Name)
		}
	}
	if t.Notes.Source != nil && t.Method == "buildArch" {
		for _, req := range t.Notes.Source.Requires {
			add(req.Name)
		}
	}
	return out
}

func rootLog(w *kojisim.System, t *kojisim.Task) string {
	var b strings.Builder
	line := func(f float64, level, file, text string) {
		fmt.Fprintf(&b, "%-5s %s:%d:  %s\n", level, file, 100+int(f*800), text)
	}
	line(0.01, "INFO", "buildroot.py", "chroot of repo "+strconv.Itoa(repoID(t)))
	line(0.02, "DEBUG", "util.py", "Executing command: dnf5 install @build")
	if t.Fault != nil && t.Fault.Code == fault.CodeBuildroot {
		line(0.1, "DEBUG", "util.py", "Error: Failed to download metadata for repo 'build': Cannot download repomd.xml: All mirrors were tried")
		line(0.11, "DEBUG", "util.py", "child return code was: 1")
		line(0.12, "ERROR", "util.py", "Command failed: dnf5 install @build")
		return b.String()
	}
	for _, p := range installedLines(w, t) {
		line(0.2, "DEBUG", "util.py", "  Installing       : "+p)
	}
	if t.Method != "buildArch" {
		line(0.9, "DEBUG", "util.py", "child return code was: 0")
		return b.String()
	}
	line(0.3, "DEBUG", "util.py", "Executing command: dnf5 builddep "+nvrOf(t)+".src.rpm")
	if o := t.Notes.Outcome; o != nil && o.Cause == kojisim.CauseUnresolvable {
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
func unmetText(w *kojisim.System, t *kojisim.Task) string {
	r := t.Notes.Repo
	l := w.Look(r.Tag, r.Holds)
	bad, _ := l.Unmet(t.Notes.Source.Requires)
	candidates := l.Candidates(bad)
	if len(candidates) == 0 {
		return "No match for argument: " + bad.String()
	}
	return "Problem: package " + candidates[0].Package.String() + " requires " +
		deepest(w, r, candidates[0].Package) + ", but none of the providers can be installed"
}

// deepest follows what is unmet below p to a relation that nothing in the repo
// provides.
func deepest(w *kojisim.System, r *kojisim.Repo, p *rpm.Package) string {
	l := w.Look(r.Tag, r.Holds)
	text := ""
	for depth := 0; depth < 50; depth++ {
		bad, unmet := w.Look(r.Tag, r.Holds).Unmet(p.Requires)
		if !unmet {
			break
		}
		text = bad.String()
		next := l.Candidates(bad)
		if len(next) == 0 {
			break
		}
		p = next[0].Package
	}
	return text
}

func mockOutput(w *kojisim.System, t *kojisim.Task) string {
	var b strings.Builder
	b.WriteString("INFO: Start(" + nvrOf(t) + ".src.rpm)  Config(repo-" + strconv.Itoa(repoID(t)) + ")\nStart: chroot init\n")
	if t.Fault != nil && t.Fault.Code == fault.CodeBuildroot {
		return b.String() + "ERROR: Command failed: dnf5 install @build\n"
	}
	b.WriteString("Finish: chroot init\nStart: build phase for " + nvrOf(t) + "\n")
	if o := t.Notes.Outcome; o != nil && o.Cause == kojisim.CauseUnresolvable {
		return b.String() + "ERROR: Command failed: dnf5 builddep\n" + unmetText(w, t) + "\n"
	}
	if t.Fault != nil {
		return b.String() + "ERROR: Exception(" + nvrOf(t) + ".src.rpm) Config(repo-" + strconv.Itoa(repoID(t)) + ")\nERROR: Command failed: rpmbuild -bb\n"
	}
	return b.String() + "Finish: build phase for " + nvrOf(t) + "\nINFO: Done\n"
}

func objectWord(d *draw.Draw) string {
	return draw.Pick(d, []string{"main", "util", "parse", "io", "list", "hash", "config", "net", "test", "print", "string", "array", "file", "cache", "lexer"})
}

func buildLog(w *kojisim.System, t *kojisim.Task) string {
	b := t.Notes.Source
	if b == nil {
		return ""
	}
	var s strings.Builder
	name := b.Package.Name
	fmt.Fprintf(&s, "Building target platforms: %s\nBuilding for target %s\nsetting SOURCE_DATE_EPOCH=1700000000\n", t.Label, t.Label)
	if t.IsSRPM() {
		fmt.Fprintf(&s, "Wrote: /builddir/build/SRPMS/%s\n", b.SourceFile())
		return s.String()
	}
	section := func(title string) {
		fmt.Fprintf(&s, "Executing(%s): /bin/sh -e /var/tmp/rpm-tmp.%06d\n+ umask 022\n+ cd /builddir/build/BUILD/%s-%s\n", title, t.ID%1000000, name, b.EVR.Version)
	}
	section("%prep")
	fmt.Fprintf(&s, "+ rpmuncompress -x /builddir/build/SOURCES/%s-%s.tar.gz\n+ exit 0\n", name, b.EVR.Version)
	section("%build")
	d := draw.From(w.Seed, "log", b.NEVRA().String())
	n := 40 + d.Below(160)
	failAt := n + 1
	if o := t.Notes.Outcome; o != nil {
		failAt = n/2 + int(o.Luck%draw.Draw(n/2))
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
	rpms, _ := TaskRPMs(t)
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
func failureText(t *kojisim.Task, b *kojisim.Build, d *draw.Draw) string {
	o := t.Notes.Outcome
	if o.Cause == kojisim.CauseInfrastructure {
		return "" // the builder went away in the middle of it
	}
	section, begin := "%build", ""
	lines := fmt.Sprintf("src/%s_%d.c:%d:%d: error: %s\nmake: *** [Makefile:%d: all] Error 1\n",
		objectWord(d), d.Below(90), 10+d.Below(800), 1+d.Below(40), o.Message, 20+d.Below(400))
	if o.Cause == kojisim.CauseFlake || strings.Contains(o.Message, "test") {
		section = "%check"
		begin = fmt.Sprintf("+ exit 0\nExecuting(%%check): /bin/sh -e /var/tmp/rpm-tmp.%06d\n+ umask 022\n+ make check\n", t.ID%1000000)
		lines = fmt.Sprintf("FAIL: test_%s (%s)\n1 test failed of %d\nmake: *** [Makefile:%d: check] Error 1\n",
			objectWord(d), o.Message, 10+d.Below(300), 20+d.Below(400))
	}
	status := fmt.Sprintf("error: Bad exit status from /var/tmp/rpm-tmp.%06d (%s)\n", t.ID%1000000, section)
	return begin + lines + status + "\nRPM build errors:\n    " + strings.Replace(status, "error: ", "", 1) +
		"Child return code was: 1\nEXCEPTION: command failed, see logs of " + b.NVR() + "\n"
}
