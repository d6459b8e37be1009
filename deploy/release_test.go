package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What a release consists of is the same, byte for byte, when it is built again. "make
// image" runs it.
func TestRelease(t *testing.T) {
	if os.Getenv("KOSCHEI_IMAGE") == "" {
		t.Skip("run make image")
	}
	if changes := runIn(t, "..", "git", "status", "--porcelain"); changes != "" {
		t.Skipf("a release is of a commit, and this is not committed:\n%s", changes)
	}
	var sums []string
	for range 2 {
		dir := filepath.Join(t.TempDir(), "dist")
		cmd := exec.CommandContext(t.Context(), "./release", dir)
		cmd.Env = append(os.Environ(), "VERSION=0.0.release")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("release: %v\n%s", err, out)
		}
		sums = append(sums, read(t, filepath.Join(dir, "SHA256SUMS")))
	}
	if sums[0] != sums[1] {
		t.Errorf("built twice:\n%s\n%s", sums[0], sums[1])
	}
	for _, part := range []string{"-linux-", ".cdx.json", ".image-id", ".oci.tar", ".rpm", "-chart-"} {
		if !strings.Contains(sums[0], part) {
			t.Errorf("a release has no %s:\n%s", part, sums[0])
		}
	}
}
