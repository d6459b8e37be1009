package pgtest_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// watchRemoval returns a channel that is closed once dir has become empty.
func watchRemoval(t *testing.T, dir string) <-chan struct{} {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer unix.Close(fd) //nolint:errcheck // read only
		events := make([]byte, 4096)
		for {
			if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
				return
			}
			if _, err := unix.Read(fd, events); err != nil {
				return
			}
		}
	}()
	return gone
}
