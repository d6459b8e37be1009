package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Files of ours take the place of what has their name; nothing is written
// through a link.
func TestWriteOwn(t *testing.T) {
	t.Parallel()
	for name, lay := range map[string]func(from, to string) error{"nothing": nil, "symbolic link": os.Symlink, "link": os.Link} {
		dir, precious := t.TempDir(), filepath.Join(t.TempDir(), "precious")
		write(t, precious, "precious")
		if lay != nil {
			if err := lay(precious, filepath.Join(dir, demoMarker)); err != nil {
				t.Fatal(err)
			}
		}
		if err := writeOwn(dir, demoMarker, []byte("ours")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for file, want := range map[string]string{precious: "precious", filepath.Join(dir, demoMarker): "ours"} {
			if text, err := os.ReadFile(file); err != nil || string(text) != want {
				t.Errorf("%s: %s holds %q (%v), want %q", name, file, text, err, want)
			}
		}
	}
}

// A configuration that lies in a data directory is read if it is ours or root's.
func TestTrusted(t *testing.T) {
	t.Parallel()
	file := ownConfig(t.TempDir())
	write(t, file, "")
	if err := trusted(file); err != nil {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	if err := os.Chown(file, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := trusted(file); err == nil {
		t.Error("somebody else's configuration was taken")
	}
}
