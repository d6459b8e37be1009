package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const installPage = "../../docs/operations/install.md"

// foreign are commands of the page that are not ours. That the units they name are
// there is looked at; package deploy tries them.
var foreign = []string{"dnf", "postgresql-setup", "systemctl", "runuser", "rm", "chgrp"}

// TestAfternoon runs the commands of the handbook's page for a new installation, as
// they stand there, against a simulated hub that speaks TLS; and then packages are
// resolved. Package deploy does the same on a machine of its own, with units and proxy.
func TestAfternoon(t *testing.T) {
	page, err := os.ReadFile(installPage)
	if err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer(
		"/etc/koschei/", "etc/", "/etc/koschei", "etc", `"`, "'",
		"https://koji.example.org/", "$HUB/", "https://kojipkgs.example.org", "$HUB/kojifiles",
		"postgres:///koschei?host=/run/postgresql", "$KOSCHEI_DATABASE_URL",
	)
	script := []string{"database empty", "securehub world", "address", "mkdir etc", "cp hub-password etc/hub-password", "cp hub-ca.pem etc/hub-ca.pem"}
	ours := 0
	for _, command := range commandsOf(string(page)) {
		program, _, _ := strings.Cut(command, " ")
		switch {
		case strings.HasPrefix(program, "koschei"):
			ours++
			script = append(script, "exec "+here.Replace(command))
		case !slices.Contains(foreign, program):
			t.Errorf("%s: nobody has tried %q", installPage, command)
		case program == "systemctl":
			checkUnits(t, command)
			if strings.HasSuffix(command, "koschei.target") {
				script = append(script, "exec koschei all --config etc --listen $ADDRESS &services&", "page '/package/foo?collection=f27' foo")
			}
		}
	}
	if ours < 8 {
		t.Errorf("the page has only %d commands of ours: has the way we write them changed?", ours)
	}
	script = append(script,
		`page '/api/v1/packages?collection=f27' '"foo","collection":"f27","state":"ok"' '"bar","collection":"f27","state":"ok"'`,
		"kill -INT services", "wait services", "",
	)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "afternoon.txtar"), strings.Join(script, "\n")+afternoonWorld)
	runScripts(t, dir)
}

// commandsOf are the lines of the blocks that a page shows, but for those of files.
func commandsOf(page string) (commands []string) {
	for line := range strings.Lines(page) {
		command, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if indented && regexp.MustCompile(`^[a-z]`).MatchString(command) {
			commands = append(commands, command)
		}
	}
	return commands
}

// checkUnits wants the units of ours that a command names.
func checkUnits(t *testing.T, command string) {
	t.Helper()
	for _, unit := range regexp.MustCompile(`koschei[a-z-]*[.@][a-z]*`).FindAllString(command, -1) {
		if template, _, instance := strings.Cut(unit, "@"); instance {
			unit = template + "@.service"
		}
		if _, err := os.Stat(filepath.Join("../../deploy/systemd", unit)); err != nil {
			t.Errorf("%s: %v", command, err)
		}
	}
}

const afternoonWorld = `
-- world --
start 2018-02-20T12:00:00Z
user koschei password=secret
channel default
host builder1 arches=x86_64 capacity=8 channels=default
tag f27
tag f27-build arches=x86_64 parents=f27
target f27 build=f27-build dest=f27
group f27-build build
member f27-build build mandatory foo
package foo tag=f27
package bar tag=f27
build foo-1-1 tag=f27
 binary foo
build bar-1-1 tag=f27
 requires foo
 binary bar
repo f27-build
`
