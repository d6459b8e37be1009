package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// A setsFile takes the buildroots of all goals. It gets its name only when it
// is complete. A nil one takes nothing.
type setsFile struct {
	file      *os.File
	name      string
	temporary string // "" if the file is no regular one, or done with
}

func createSets(o resolveOptions) (*setsFile, error) {
	if o.sets == "" {
		return nil, nil //nolint:nilnil // a nil setsFile is one that takes nothing
	}
	s := &setsFile{name: o.sets}
	var err error
	if info, statErr := os.Stat(o.sets); statErr == nil && !info.Mode().IsRegular() {
		// A device or a pipe cannot be replaced.
		s.file, err = os.OpenFile(o.sets, os.O_WRONLY, 0)
	} else {
		s.temporary = filepath.Join(filepath.Dir(o.sets), fmt.Sprintf(".%s.%d", filepath.Base(o.sets), os.Getpid()))
		s.file, err = os.OpenFile(s.temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if err != nil {
		return nil, fmt.Errorf("writing the sets: %w", err)
	}
	return s, nil
}

// Write adds some lines.
func (s *setsFile) Write(lines []byte) (int, error) {
	n, err := s.file.Write(lines)
	if err != nil {
		err = fmt.Errorf("writing the sets: %w", err)
	}
	return n, err
}

// commit gives the complete file its name.
func (s *setsFile) commit() error {
	if s == nil {
		return nil
	}
	err := s.file.Close()
	if err == nil && s.temporary != "" {
		err = os.Rename(s.temporary, s.name)
	}
	if err != nil {
		return fmt.Errorf("writing the sets: %w", err)
	}
	s.temporary = ""
	return nil
}

// discard removes a file that has not been committed.
func (s *setsFile) discard() {
	if s != nil && s.temporary != "" {
		_ = s.file.Close()
		_ = os.Remove(s.temporary)
	}
}
