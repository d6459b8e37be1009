package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rpmlint has nothing to say about the spec file but what rpmlint.toml explains.
func TestSpec(t *testing.T) {
	t.Parallel()
	out, err := tryIn(t.Context(), "rpm", "rpmlint", "-c", "rpmlint.toml", "koschei.spec")
	if err != nil || !strings.Contains(out, "0 errors, 0 warnings") {
		t.Errorf("rpmlint: %v\n%s", err, out)
	}
}

// buildRPM builds the package of the commit.
func buildRPM(t *testing.T) string {
	cmd := exec.CommandContext(t.Context(), "rpm/build", t.TempDir())
	cmd.Env = append(os.Environ(), "VERSION=1.2.3", "SOURCE_DATE_EPOCH=1790000000")
	out, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil {
		t.Fatalf("rpm/build: %v\n%s", err, out)
	}
	return lines[len(lines)-1]
}

// TestRPM builds the package twice, installs it into an empty root and lets rpm
// verify it. "make rpm" runs it.
func TestRPM(t *testing.T) {
	if os.Getenv("KOSCHEI_RPM") == "" {
		t.Skip("set KOSCHEI_RPM=1, or run make rpm")
	}
	file := buildRPM(t)
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(buildRPM(t))
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("the package built twice differs: %v", err)
	}
	if out, err := tryIn(t.Context(), "rpm", "rpmlint", "-c", "rpmlint.toml", file); err != nil || !strings.Contains(out, "0 errors, 0 warnings") {
		t.Errorf("rpmlint: %v\n%s", err, out)
	}
	root := t.TempDir()
	runIn(t, "", "rpm", "--root", root, "--install", "--nodeps", "--noscripts", file)
	for _, want := range []string{"usr/bin/koschei-admin", "usr/share/man/man1/koschei.1.gz", "usr/share/man/man1/koschei-admin.1.gz", "usr/share/man/man1/koschei-admin-add-pkg.1.gz", "etc/koschei/koschei.yaml", "usr/lib/systemd/system/koschei@.service"} {
		if _, err := os.Lstat(filepath.Join(root, want)); err != nil {
			t.Error(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "chroot", root, "/usr/bin/koschei", "version").Output(); err != nil || string(out) != "koschei 1.2.3\n" {
		t.Errorf("koschei version: %q %v", out, err)
	}
}
