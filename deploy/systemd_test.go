package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// units are what systemd is asked about: a template is by its instances.
var units = map[string]string{
	"koschei@frontend.service": "koschei@.service",
	"koschei@polling.service":  "koschei@.service",
	"koschei.target":           "koschei.target",
	"koschei-cleanup.service":  "koschei-cleanup.service",
	"koschei-cleanup.timer":    "koschei-cleanup.timer",
}

// unitDir is a directory with all units, whose program exists here.
func unitDir(t *testing.T) string {
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"koschei@.service", "koschei.target", "koschei-cleanup.service", "koschei-cleanup.timer"} {
		text, err := os.ReadFile(filepath.Join("systemd", file))
		if err != nil {
			t.Fatal(err)
		}
		here := strings.NewReplacer("/usr/bin/koschei-admin", program, "/usr/bin/koschei", program).Replace(string(text))
		if err := os.WriteFile(filepath.Join(dir, file), []byte(here), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// systemd has nothing to say about the units. It exits with 0 even for a key that
// it does not know, so it must say nothing at all.
func TestUnits(t *testing.T) {
	t.Parallel()
	dir := unitDir(t)
	args := []string{"verify", "--man=no"}
	for unit := range units {
		args = append(args, filepath.Join(dir, unit))
	}
	cmd := exec.CommandContext(t.Context(), "systemd-analyze", args...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// A service may do little: its score is 2 or less, of 10.
func TestUnitsAreConfined(t *testing.T) {
	t.Parallel()
	dir := unitDir(t)
	for unit := range units {
		if !strings.HasSuffix(unit, ".service") {
			continue
		}
		cmd := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", filepath.Join(dir, unit))
		if out, err := cmd.CombinedOutput(); err != nil {
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			t.Errorf("%s: %v: %s", unit, err, lines[len(lines)-1])
		}
	}
}
