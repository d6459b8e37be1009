package buildlog

import (
	"cmp"
	"regexp"
	"sync"
)

// A rule knows one kind of error by one line.
type rule struct {
	kind    string
	pattern *regexp.Regexp
	but     *regexp.Regexp // a line that the pattern fits by chance; nil if there is none
	weak    bool           // it says that something went wrong, most often above
	exact   bool           // what the pattern captures is the message as it is: a name
}

// message is what the line says: the first thing that the pattern captures, else
// the line.
func (r *rule) message(line string, m []string) string {
	text := line
	if len(m) > 1 {
		text = cmp.Or(cmp.Or(m[1:]...), line)
	}
	if r.exact && text != line {
		return text
	}
	return masked(text)
}

func strong(kind, pattern string) rule { return rule{kind: kind, pattern: regexp.MustCompile(pattern)} }

func name(kind, pattern string) rule {
	return rule{kind: kind, pattern: regexp.MustCompile(pattern), exact: true}
}

func weak(kind, pattern string) rule {
	return rule{kind: kind, pattern: regexp.MustCompile(pattern), weak: true}
}

func except(r rule, but string) rule {
	r.but = regexp.MustCompile(but)
	return r
}

// rootRules are for what mock and dnf say before rpmbuild begins.
var rootRules = sync.OnceValue(func() []rule {
	return []rule{
		strong("disk.full", `No space left on device|Disk quota exceeded|needs \d+[KMGTB]+ more space on the \S+ filesystem`),
		strong("net.download", `Failed to download (?:metadata|packages|files)|Librepo error:|Curl error \(\d+\)|Status code: \d{3} for `),
		strong("gpg.check", `OpenPGP check for package .* has failed|Signature verification failed|GPG check FAILED`),
		name("dep.nothing-provides", `nothing provides requested (.+)$`),
		name("dep.nothing-provides", `nothing provides (.+?) needed by \S+`),
		name("dep.no-match", `No match for argument: (.+)$`),
		name("dep.provider-uninstallable", `package \S+ (?:from \S+ )?requires (.+), but none of the providers can be installed`),
		name("dep.conflict", `package (\S+ (?:from \S+ )?(?:conflicts with|obsoletes) .+) provided by \S+`),
		strong("dep.same-name", `cannot install both \S+ .*and \S+`),
		name("rpm.scriptlet", `(?:^|\s)Error in \S+ scriptlet: (\S+)`),
		strong("rpm.unpack", `Unpack error: |cpio: .*(?:failed|rename|open)`),
		weak("dep.other", `^\s*Problem(?: \d+)?: (.+)$|Failed to resolve the transaction|conflicting requests`),
		weak("mock.timeout", `Timeout\(\d+\) expired for command:`),
		weak("mock.command", `^(?:\w+: )?Command failed: (.*)$`),
	}
})

// buildRules are for the output of rpmbuild.
var buildRules = sync.OnceValue(func() []rule {
	return []rule{
		strong("disk.full", `No space left on device|Disk quota exceeded`),
		strong("oom", `virtual memory exhausted|Cannot allocate memory|Killed signal terminated program|signal: 9, SIGKILL|java\.lang\.OutOfMemoryError|LLVM ERROR: out of memory`),
		strong("cc.ice", `internal compiler error[:,] ?(.*)`),
		name("cc.header", `fatal error: '?([^ ':]+)'?(?: file not found|: No such file or directory)`),
		strong("cc.werror", `: error: (.+ \[-Werror[^\]]*\])`),
		strong("java.javac", `^\S+\.java:\d+: error: (.+)`),
		strong("cc.error", `^\S+?\.\w+:\d+(?::\d+)?: (?:fatal )?error: (.+)`),
		name("ld.undefined", "undefined (?:reference to(?: symbol)?|symbol:?) [`']?([^`']+)'?"),
		name("ld.no-library", `(?:cannot find|unable to find library) -l(\S+?):?(?:\s|$)`),
		strong("ld.other", "multiple definition of [`']([^']+)'|relocation truncated to fit|DSO missing from command line"),
		name("pkgconfig.missing", `Package requirements \((.+?)\) were not met|No package '([^']+)' found|Package '([^']+)'(?:, required by '[^']+',)? (?:was )?not found|Requested '([^']+)' but version of`),
		strong("autotools.macro", `possibly undefined macro: (\S+)|(?:autoreconf|aclocal|automake)(?:-[\d.]+)?: error: (.+)`),
		strong("autoconf.error", `configure: error: (.+)$`),
		name("cmake.missing", `Could not find a package configuration file provided by "([^"]+)"|Compatibility with CMake < ([\d.]+) has been removed`),
		weak("cmake.error", `^CMake Error(?: at \S+?:\d+)?(?: \(\S+\))?:(.*)`),
		strong("meson.error", `^\S*?meson\.build:\d+:\d+: ERROR: (.+)$`),
		name("py.module", `ModuleNotFoundError: No module named '([^']+)'`),
		strong("py.import", `ImportError: (cannot import name .+?)(?: \(|$)`),
		strong("py.pip", `ERROR: (?:Could not find a version that satisfies the requirement|No matching distribution found for) (.+?)(?: \(from|$)`),
		strong("go.build", `^\S+\.go:\d+:\d+: (.+)`),
		name("go.module", `no required module provides package (\S+?)[;:]|cannot find package "([^"]+)"|package (\S+) is not in (?:std|GOROOT)`),
		name("go.test", `^\s*--- FAIL: (\S+)`),
		strong("rust.compile", `^error\[(E\d{4}\]: .+)`),
		name("rust.resolve", "^error: (?:failed to select a version for (?:the requirement )?`([^`]+)`|no matching package(?: named)? `([^`]+)` found|failed to get `([^`]+)` as a dependency)"),
		name("rust.test", `^test (\S+) \.\.\. FAILED`),
		weak("rust.crate", "^error: could not compile `([^`]+)`"),
		name("java.artifact", `Cannot access \S+ \(\S+\) in offline mode and the artifact (\S+) has not been downloaded|Could not resolve dependencies for project ([^:]+:[^:]+)`),
		weak("java.maven", `^\[ERROR\] Failed to execute goal (\S+?)(?: \([^)]*\))? on project `),
		name("perl.module", `Can't locate (\S+)\.pm in @INC`),
		name("ruby.gem", `cannot load such file -- (\S+)|Could not find gem '([^']+)'`),
		name("r.package", `there is no package called [‘']([^’']+)[’']`),
		name("js.module", `Cannot find (?:module|package) '([^']+)'`),
		name("doc.tex", "^! LaTeX Error: File [`']([^']+)' not found"),
		strong("doc.sphinx", `^(?:Extension|Configuration|Theme|Sphinx) error(?: \([^)]*\))?:(.*)|Could not import extension (\S+)`),
		strong("env.network", `(Could not resolve host|Network is unreachable|Temporary failure in name resolution|dial tcp: lookup)`),
		name("shell.command", `(?:line \d+: |^(?:make(?:\[\d+\])?|/usr/bin/env|env|bash|sh): (?:line \d+: )?)[‘']?([^\s:’']+)[’']?: (?:[Cc]ommand not found|No such file or directory)`),
		strong("rpm.patch", `^\d+ out of \d+ hunks? (?:FAILED|failed)|(can't find file to patch at input line)`),
		strong("rpm.unpackaged", `(Installed \(but unpackaged\) file\(s\) found):`),
		name("rpm.file-missing", `(?:File|Directory) not found(?: by glob)?: (\S+)`),
		strong("rpm.spec", `^error: (?:\S+: )?line \d+: (.+)$`),
		name("rpm.source-missing", `Bad (?:file|source): (\S+): `),
		name("dep.rpmbuild", `^\s+(.+) is needed by \S+$`),
		strong("test.pytest", `^FAILED (\S+?\.py(?:::\S+)?)`),
		except(strong("test.unittest", `^(?:FAIL|ERROR): (\S+ \(\S+?\))`), `^FAIL: \S+ \(exit status`),
		except(strong("test.tap", `^not ok \d+(?: - (.+))?`), `# (?:TODO|SKIP)`),
		strong("test.ctest", `^\s*\d+ - (\S+) \((?:Failed|Timeout|SEGFAULT|Subprocess aborted)\)`),
		strong("test.meson", `^\s*\d+/\d+ (\S+(?:[ /]\S+)*?)\s+(?:FAIL|TIMEOUT)\b`),
		strong("test.automake", `^(?:FAIL|XPASS): (.+)$`),
		strong("crash", `(Segmentation fault|double free or corruption|Illegal instruction|stack smashing detected)`),
		weak("test.failed", `\b(?:[1-9]\d*) (?:tests?|examples?) failed|FAILED \((?:failures|errors)=\d+|^Result: FAIL|^=+ .*[1-9]\d* failed`),
		weak("ninja.stop", `^FAILED: (?:\[code=\d+\] )?(.+)`),
		weak("make.stop", `^g?make(?:\[\d+\])?: \*\*\* (.+)`),
		except(weak("rpm.error", `^error: (.+)`), `Bad exit status from`),
	}
})
