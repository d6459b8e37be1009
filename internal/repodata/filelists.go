package repodata

import (
	"io"
	"strings"
)

// ScanFilelists calls f for each file in a filelists.xml whose path want asks
// for. Both get strings that are valid until they return. An error of f ends
// the scan and is returned as it is.
//
// It verifies no checksum; [Repo.Files] does.
func ScanFilelists(r io.Reader, want func(path string) bool, f func(pkgID, path string) error) error {
	s := newScanner(r)
	if err := s.root("filelists"); err != nil {
		return err
	}
	for count := 0; ; {
		more, err := s.child()
		if err != nil {
			return err
		}
		if !more {
			return s.finish()
		}
		if string(s.name) != "package" {
			if err := s.skip(); err != nil {
				return err
			}
			continue
		}
		if count++; count > maxPackages {
			return s.errorf(s.pos, "more than the %d packages allowed", maxPackages)
		}
		if err := scanFiles(s, want, f); err != nil {
			return err
		}
	}
}

// scanFiles reads what follows <package>. It holds no more than one file's
// path at a time: some packages list a hundred thousand files.
func scanFiles(s *scanner, want func(string) bool, f func(pkgID, path string) error) error {
	id := strings.Clone(pkgID(s.attr("pkgid")))
	for {
		more, err := s.child()
		if err != nil || !more {
			return err
		}
		if string(s.name) != "file" {
			if err := s.skip(); err != nil {
				return err
			}
			continue
		}
		s.hold()
		path, err := s.content()
		if err != nil {
			return err
		}
		if want(path) {
			if err := f(id, path); err != nil {
				return err
			}
		}
		s.release()
	}
}
