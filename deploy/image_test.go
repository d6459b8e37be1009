package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A user whom no passwd file knows, such as OpenShift gives a project.
const strangeUser = 1000660000

// TestImageRoot looks at the image's root and into it.
func TestImageRoot(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "root")
	makeImageRoot(t, root, "1.2.3-test")
	t.Run("files", func(t *testing.T) { testImageFiles(t, root) })
	t.Run("program", func(t *testing.T) { testImageProgram(t, root) })
}

// In the image's root alone, read only, the program does all that needs neither
// database nor hub, as any user.
func testImageProgram(t *testing.T, root string) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change the root")
	}
	inside := func(args ...string) (string, string, int) {
		script := `mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec chroot --userspec=` + fmt.Sprint(strangeUser) + `:0 "$0" "$@"`
		cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"--mount", "sh", "-ec", script, root}, args...)...)
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/var/lib/koschei"}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if _, exited := err.(*exec.ExitError); err != nil && !exited { //nolint:errorlint // exec returns it as it is
			t.Fatal(err)
		}
		return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	}
	if out, stderr, code := inside("/usr/bin/koschei", "version"); code != 0 || out != "koschei 1.2.3-test\n" {
		t.Errorf("version: %d %q %q", code, out, stderr)
	}
	if out, stderr, code := inside("/usr/bin/koschei", "config"); code != 0 || !strings.Contains(out, "data_dir: /var/lib/koschei/") {
		t.Errorf("config: %d %q", code, stderr)
	}
	if _, stderr, code := inside("/usr/bin/koschei-admin", "--help"); code != 0 {
		t.Errorf("koschei-admin: %d %q", code, stderr)
	}
	sbom, _, _ := inside("/usr/bin/koschei", "sbom")
	stored, err := os.ReadFile(filepath.Join(root, "usr/share/koschei/sbom.cdx.json"))
	if err != nil || string(stored) != sbom || !json.Valid(stored) || !strings.Contains(sbom, "pkg:golang/github.com/jackc/pgx/v5@") {
		t.Errorf("the bill of materials is not the program's: %v", err)
	}
	if _, stderr, code := inside("/usr/bin/koschei", "migrate"); code == 0 || strings.Count(stderr, "\n") != 1 {
		t.Errorf("migrate without a database: %d %q", code, stderr)
	}
}

// The image holds what it must and nothing else, and nobody but root can write it,
// but for the places of an installation's own files.
func testImageFiles(t *testing.T, root string) {
	var files, writable []string
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(file)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(file, root)
		if !d.IsDir() {
			files = append(files, name)
		}
		if info.Mode().Type() != fs.ModeSymlink && info.Sys().(*syscall.Stat_t).Mode&0o022 != 0 {
			writable = append(writable, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(files, " "), "/etc/group /etc/passwd /etc/ssl/certs/ca-certificates.crt "+
		"/usr/bin/koschei /usr/bin/koschei-admin /usr/share/koschei/LICENSE /usr/share/koschei/sbom.cdx.json"; got != want {
		t.Errorf("files %s\nwant  %s", got, want)
	}
	if got, want := strings.Join(writable, " "), "/tmp /var/lib/koschei"; got != want {
		t.Errorf("others may write %s, want %s", got, want)
	}
}
