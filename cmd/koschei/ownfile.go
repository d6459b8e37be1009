package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// writeOwn writes a file of that name in a directory. It is a new one: what had
// the name, such as a link that somebody else has laid there, goes.
func writeOwn(dir, name string, content []byte) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// trusted refuses a file that was only found, and that somebody else wrote: a
// configuration says whom passwords are sent to.
func trusted(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user: name it with --config if it is to be read", file)
	}
	return nil
}
