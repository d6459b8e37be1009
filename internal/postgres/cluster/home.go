package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A home is the directory of a cluster. Its lock file has two locks, held by
// two open file descriptions: byte 0 says that a parent has the cluster, byte
// 1 is inherited by the server's processes and says that one of them lives. So
// a parent that died is told from one that runs, and a new parent can wait for
// the old server's last process.
//
// Nothing below a home is reached through a link that leads out of it: the
// directory may belong to somebody else than who runs this process.
type home struct {
	dir    string
	root   *os.Root // of dir
	parent *os.File
	server *os.File
}

const (
	parentByte = 0
	serverByte = 1

	homeName = "postgres" // below the data directory
	lockName = "lock"
)

// openHome makes the home below a data directory if there is none, and opens it.
func openHome(dataDir string) (*home, error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	return openLocks(dataDir, os.O_RDWR|os.O_CREATE)
}

// findHome opens the home below a data directory, if there is one.
func findHome(dataDir string) (*home, error) {
	h, err := openLocks(dataDir, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNotRunning, dataDir)
	}
	return h, err
}

// openLocks opens a home and its locks, with O_CREATE what is missing of them.
func openLocks(dataDir string, flags int) (_ *home, err error) {
	dataDir, err = filepath.Abs(dataDir)
	if err != nil {
		return nil, err
	}
	data, err := os.OpenRoot(dataDir)
	if err != nil {
		return nil, fmt.Errorf("opening the data directory: %w", err)
	}
	defer func() { _ = data.Close() }()
	if flags&os.O_CREATE != 0 {
		if err := data.Mkdir(homeName, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("making the cluster's directory: %w", err)
		}
	}
	h := &home{dir: filepath.Join(dataDir, homeName)}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if h.root, err = data.OpenRoot(homeName); err != nil {
		return nil, fmt.Errorf("opening the cluster's directory: %w", err)
	}
	if h.parent, err = h.openLock(flags); err != nil {
		return nil, err
	}
	h.server, err = h.openLock(flags)
	return h, err
}

// openLock opens the lock file. What it holds is written over, so it must not be
// another file under that name.
func (h *home) openLock(flags int) (*os.File, error) {
	f, err := h.root.OpenFile(lockName, flags|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the cluster's lock: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.Mode().IsRegular() || stat.Nlink > 1 {
			err = errors.New("it is no file of its own")
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("the cluster's lock, %s: %w", h.path(lockName), err)
	}
	return f, nil
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

// close gives the locks back; the server's is held on by its processes.
func (h *home) close() {
	_ = h.parent.Close() // only ever used for locks and a process id
	_ = h.server.Close()
	if h.root != nil {
		_ = h.root.Close()
	}
}

// lock makes this process the cluster's parent, and waits for what is left of
// a server whose parent died.
func (h *home) lock(ctx context.Context) error {
	free, err := take(h.parent, parentByte)
	if err != nil {
		return err
	}
	if !free {
		by := "another process"
		if pid := h.parentPID(); pid > 0 {
			by = fmt.Sprintf("process %d", pid)
		}
		return fmt.Errorf("%w in %s, started by %s: stop that, or choose another data directory", ErrRunning, filepath.Dir(h.dir), by)
	}
	if err := h.parent.Truncate(0); err != nil {
		return fmt.Errorf("writing the cluster's lock: %w", err)
	}
	if _, err := h.parent.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return fmt.Errorf("writing the cluster's lock: %w", err)
	}
	for {
		free, err := take(h.server, serverByte)
		if err != nil || free {
			return err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for the server of an earlier parent in %s to end: %w", h.dir, err)
		}
	}
}

// take tries to lock one byte of a lock file for f's open file description.
func take(f *os.File, at int64) (bool, error) {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lk)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return true, nil
}

// parentPID returns the process that has the cluster, 0 if there is none and
// -1 if it has not written its number yet.
func (h *home) parentPID() int {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Start: parentByte, Len: 1}
	if err := unix.FcntlFlock(h.server.Fd(), unix.F_OFD_GETLK, &lk); err != nil || lk.Type == unix.F_UNLCK {
		return 0
	}
	text, err := h.root.ReadFile(lockName)
	pid, convErr := strconv.Atoi(string(text))
	if err != nil || convErr != nil {
		return -1
	}
	return pid
}

// An account is the user that the server's processes run as, and the users
// who may connect.
type account struct {
	uid, gid int
	become   *syscall.Credential // nil: we are it already
	clients  []string
}

// account decides who the server is: the user who runs this process, or, as
// PostgreSQL refuses root, nobody or whom the existing data belongs to.
func (h *home) account() (account, error) {
	me, err := user.Current()
	if err != nil {
		return account{}, fmt.Errorf("PostgreSQL needs a user with a name, and user id %d has no entry in /etc/passwd; add one or configure database.url: %w", os.Getuid(), err)
	}
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid(), clients: []string{me.Username, "root"}}, nil
	}
	uid, gid, err := h.dataOwner()
	if errors.Is(err, fs.ErrNotExist) {
		uid, gid, err = lookup("nobody")
	}
	if err != nil {
		return account{}, err
	}
	return account{
		uid: uid, gid: gid,
		become:  &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
		clients: []string{"root"},
	}, nil
}

func (h *home) dataOwner() (uid, gid int, err error) {
	info, err := h.root.Lstat("data")
	if err != nil {
		return 0, 0, err
	}
	if !info.IsDir() {
		return 0, 0, fmt.Errorf("%s is no directory", h.path("data"))
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		panic("cannot happen: no Stat_t on Linux")
	}
	if stat.Uid == 0 {
		return 0, 0, fmt.Errorf("%s belongs to root, as which PostgreSQL does not run: give it to user nobody", h.path("data"))
	}
	return int(stat.Uid), int(stat.Gid), nil
}

func lookup(name string) (uid, gid int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, fmt.Errorf("PostgreSQL does not run as root, and there is no user %s to run it: %w", name, err)
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	return uid, gid, errors.Join(uidErr, gidErr)
}

// makeDir makes a directory that belongs to the server.
func (h *home) makeDir(name string, a account) error {
	if err := h.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if a.become == nil {
		return nil
	}
	if err := h.root.Lchown(name, a.uid, a.gid); err != nil {
		return fmt.Errorf("giving a directory to the server's user: %w", err)
	}
	return nil
}

func (h *home) openRun(a account) (*os.File, error) {
	if err := h.makeDir("run", a); err != nil {
		return nil, err
	}
	return h.root.Open("run")
}

// dataVersion returns the major version of the existing data, "" if there is none.
func (h *home) dataVersion() (string, error) {
	if _, err := h.root.Lstat("data"); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	text, err := h.root.ReadFile("data/PG_VERSION")
	if err != nil {
		return "", fmt.Errorf("%s is not a PostgreSQL data directory: %w", h.path("data"), err)
	}
	return strings.TrimSpace(string(text)), nil
}

// choose picks the installation for this home: the data's own major version,
// or the newest for a new cluster.
func (h *home) choose(found []installation) (installation, error) {
	version, err := h.dataVersion()
	if err != nil {
		return installation{}, err
	}
	best := installation{}
	for _, inst := range found {
		if version == "" && inst.major > best.major || version == strconv.Itoa(inst.major) {
			best = inst
		}
	}
	switch {
	case len(found) == 0:
		return best, notInstalled(version)
	case best.major != 0 && best.major < oldest:
		return best, fmt.Errorf("PostgreSQL %d in %s is too old, %d or newer is needed: %w", best.major, best.bin, oldest, notInstalled(""))
	case best.major == 0:
		return best, fmt.Errorf("%s holds the %w: it was written by PostgreSQL %s, and this machine has %s; install PostgreSQL %s, or dump the data there and restore it here",
			h.path("data"), ErrVersion, version, versions(found), version)
	}
	return best, nil
}

// removeStale removes the traces of a server that was killed. PostgreSQL
// itself would take an unrelated process for that server when it happens to
// have its number and user. We hold the lock, so no server of ours lives; one
// that somebody started by hand is left for PostgreSQL to refuse.
func (h *home) removeStale() error {
	text, err := h.root.ReadFile("data/postmaster.pid")
	if err == nil {
		pid, _, _ := strings.Cut(string(text), "\n")
		comm, err := os.ReadFile("/proc/" + pid + "/comm")
		if err == nil && strings.HasPrefix(string(comm), "postgres") {
			return nil
		}
	}
	for _, name := range []string{"data/postmaster.pid", "run/" + socket, "run/" + socket + ".lock"} {
		if err := h.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what a killed server left: %w", err)
		}
	}
	return nil
}
