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
var foreign = []string{"dnf", "postgresql-setup", "systemctl", "runuser", "rm", "chgrp", "setsebool"}

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
				script = append(script, "exec koschei all --config etc --listen $ADDRESS --metrics-listen 127.0.0.1:0 &services&", "page '/package/foo?collection=f27' foo")
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
	world, err := os.ReadFile("../../deploy/testdata/afternoon.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "afternoon.txtar"), strings.Join(script, "\n")+string(world))
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
