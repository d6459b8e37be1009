package cluster

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// homeAt is the home in a directory, without locks.
func homeAt(t *testing.T, dir string) *home {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return &home{dir: dir, root: root}
}

// Somebody else's data directory may hold links to our files, for us to write
// over them.
func TestLinksOutOfTheDirectory(t *testing.T) {
	t.Parallel()
	const content = "precious content"
	for _, test := range []struct {
		name string
		lay  func(t *testing.T, home, precious string) error
	}{
		{"the lock is a symbolic link", func(_ *testing.T, home, precious string) error {
			return os.Symlink(precious, filepath.Join(home, "lock"))
		}},
		{"the lock is a link", func(_ *testing.T, home, precious string) error {
			return os.Link(precious, filepath.Join(home, "lock"))
		}},
		{"the home is a symbolic link", func(t *testing.T, home, precious string) error {
			t.Helper()
			lock := filepath.Join(filepath.Dir(precious), "lock")
			if err := os.Rename(precious, lock); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(lock, precious); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(home); err != nil {
				t.Fatal(err)
			}
			return os.Symlink(filepath.Dir(precious), home)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data, precious := t.TempDir(), filepath.Join(t.TempDir(), "precious")
			home := filepath.Join(data, "postgres")
			if err := os.WriteFile(precious, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(home, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := test.lay(t, home, precious); err != nil {
				t.Fatal(err)
			}
			if c, err := Start(t.Context(), data, slog.New(slog.DiscardHandler)); err == nil {
				t.Error("a cluster was started")
				_ = c.Stop(t.Context())
			}
			if c, err := Join(t.Context(), data); err == nil {
				t.Error("a cluster was joined")
				_ = c.Stop(t.Context())
			}
			if text, err := os.ReadFile(precious); err != nil || string(text) != content {
				t.Errorf("the file is now %q (%v)", text, err)
			}
		})
	}
}
