package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

// needPostgres skips, or in CI fails, a test on a machine without PostgreSQL.
func needPostgres(t *testing.T) {
	t.Helper()
	if len(installations()) > 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(notInstalled(""))
	}
	t.Skip(notInstalled(""))
}

// dataDir returns an empty directory, in memory if there is room: a cluster is
// a thousand files, which some file systems take long to make.
func dataDir(t *testing.T) string {
	t.Helper()
	const memory, room = "/dev/shm", 4 << 30
	var fs unix.Statfs_t
	if os.Getenv("TMPDIR") != "" || unix.Statfs(memory, &fs) != nil || fs.Bavail*uint64(fs.Bsize) < room {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "koschei-cluster-") //nolint:usetesting // not below the temporary directory
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func start(t *testing.T, dir string) *Cluster {
	t.Helper()
	needPostgres(t)
	c, err := Start(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	return c
}

func stop(t *testing.T, c *Cluster) {
	t.Helper()
	if err := c.Stop(context.Background()); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

// query runs one statement on a connection of its own and returns its value as text.
func query(t *testing.T, c *Cluster, sql string) string {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), c.ConnConfig())
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	value := ""
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func TestStart(t *testing.T) {
	t.Parallel()
	c := start(t, dataDir(t))
	defer stop(t, c)
	for _, test := range []struct{ setting, want string }{
		{"server_encoding", "UTF8"},
		{"listen_addresses", ""},
		{"fsync", "on"},
		{"synchronous_commit", "on"},
		{"full_page_writes", "on"},
		{"data_checksums", "on"},
		{"TimeZone", "UTC"},
		{"is_superuser", "off"},
	} {
		got := query(t, c, `SELECT current_setting('`+test.setting+`')`)
		if got != test.want {
			t.Errorf("%s is %q, want %q", test.setting, got, test.want)
		}
	}
	got := query(t, c, `SELECT datcollate || ' ' || datctype FROM pg_database WHERE datname = current_database()`)
	if want := "C.UTF-8 C.UTF-8"; got != want {
		t.Errorf("locale is %q, want %q", got, want)
	}
}

func TestDataSurvives(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	c := start(t, dir)
	query(t, c, `CREATE TABLE kept AS SELECT 'yes'::text AS value`)
	stop(t, c)
	select {
	case <-c.Done():
	default:
		t.Error("Done is open after Stop")
	}
	c = start(t, dir)
	defer stop(t, c)
	if got := query(t, c, `SELECT value FROM kept`); got != "yes" {
		t.Errorf("after a restart the table holds %q, want yes", got)
	}
}

// The path is far longer than a socket's, and below a directory that only its
// owner may enter; as root, that is not the server's user.
func TestLongPathBelowPrivateDirectory(t *testing.T) {
	t.Parallel()
	private := filepath.Join(dataDir(t), "private")
	dir := filepath.Join(private, strings.Repeat("long/", 30), strings.Repeat("x", 100))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir)
	defer stop(t, c)
	joined, err := Join(t.Context(), dir)
	if err != nil {
		t.Fatalf("Join: %v", err)
	}
	defer stop(t, joined)
	if got := query(t, joined, `SELECT 'here'`); got != "here" {
		t.Errorf("got %q", got)
	}
}

func TestProcessesAreNobody(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root's cluster is run by another user")
	}
	c := start(t, dataDir(t))
	defer stop(t, c)
	uid, gid, err := lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.server.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("\nUid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", uid),
		fmt.Sprintf("\nGid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", gid),
		"\nGroups:\t \n",
		"\nCapEff:\t0000000000000000\n",
	} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the server's status lacks %q:\n%s", want, status)
		}
	}
}

// Another user cannot enter the home, and is refused even with the socket in hand.
func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs a second user")
	}
	dir := dataDir(t)
	c := start(t, dir)
	defer stop(t, c)
	info, err := os.Stat(filepath.Join(dir, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("the cluster's directory has mode %o, want 700", got)
	}
	psql := filepath.Join(installations()[0].bin, "psql")
	cmd := exec.CommandContext(t.Context(), psql, "-h", runFD, "-U", owner, "-d", Database, "-c", "SELECT 1")
	uid, gid, err := lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{c.run, c.run} // the second is what runFD names
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), `Peer authentication failed for user "koschei"`) {
		t.Errorf("psql as nobody: %v: %s, want a failed peer authentication", err, out)
	}
}

func TestNothingLeftAfterKill(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := dataDir(t)
	p := startParent(t, dir)
	joined, err := Join(t.Context(), dir)
	if err != nil {
		t.Fatalf("Join: %v", err)
	}
	query(t, joined, `CREATE TABLE kept AS SELECT 'committed'::text AS value`)
	conn, err := pgx.ConnectConfig(t.Context(), joined.ConnConfig()) // a backend that is in use
	if err != nil {
		t.Fatal(err)
	}
	p.kill(t)
	stop(t, joined)
	awaitNoServer(t, dir)
	// A zombie, which is for whoever inherited it to collect, has no command line.
	if args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.postmaster)); err == nil && len(args) > 0 {
		t.Errorf("postmaster %d still runs: %q", p.postmaster, args)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a connection survived its server")
	}
	if _, err := Join(t.Context(), dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Join: %v, want ErrNotRunning", err)
	}
	c := start(t, dir)
	defer stop(t, c)
	if got := query(t, c, `SELECT value FROM kept`); got != "committed" {
		t.Errorf("after the recovery the table holds %q", got)
	}
}

// awaitNoServer returns when no process of the cluster's server lives.
func awaitNoServer(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "postgres", "lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only used for its lock
	lk := unix.Flock_t{Type: unix.F_WRLCK, Start: serverByte, Len: 1}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLKW, &lk); err != nil {
		t.Fatal(err)
	}
}

// A new parent waits for the old one's server: killed and started at once.
func TestStartRightAfterKill(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := dataDir(t)
	startParent(t, dir).kill(t)
	stop(t, start(t, dir))
}

// The number in a killed server's postmaster.pid may be another process's by now.
func TestStalePidOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	stop(t, start(t, dir))
	sleeper := exec.CommandContext(t.Context(), "sleep", "60")
	a, err := homeAt(t, filepath.Join(dir, "postgres")).account()
	if err != nil {
		t.Fatal(err)
	}
	sleeper.SysProcAttr = &syscall.SysProcAttr{Credential: a.become}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() }()
	stale := fmt.Sprintf("%d\n/proc/self/fd/3\n1\n5432\n/proc/self/fd/4\n\n  0 0\nready   \n", sleeper.Process.Pid)
	for _, name := range []string{"data/postmaster.pid", "run/" + socket + ".lock"} {
		path := filepath.Join(dir, "postgres", name)
		if err := os.WriteFile(path, []byte(stale), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stop(t, start(t, dir))
}

func TestSecondParent(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := dataDir(t)
	p := startParent(t, dir)
	_, err := Start(t.Context(), dir, slog.New(slog.DiscardHandler))
	if !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), fmt.Sprintf("started by process %d", p.cmd.Process.Pid)) {
		t.Errorf("a second Start: %v, want ErrRunning naming process %d", err, p.cmd.Process.Pid)
	}
	joined, err := Join(t.Context(), dir)
	if err != nil {
		t.Fatalf("Join: %v", err)
	}
	if got := query(t, joined, `SELECT 'joined'`); got != "joined" {
		t.Errorf("got %q", got)
	}
	left := make(chan struct{})
	go func() { joined.AwaitParent(t.Context()); close(left) }()
	select {
	case <-left:
		t.Error("the parent is said to have ended while it runs")
	case <-time.After(50 * time.Millisecond):
	}
	if err := p.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-left:
	case <-time.After(20 * time.Second):
		t.Error("nobody noticed that the parent has ended")
	}
	stop(t, joined)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the parent ended with %v", err)
	}
	stop(t, start(t, dir))
}

// Of two that start at the same moment one does, and the other is told.
func TestTwoParentsAtOnce(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := dataDir(t)
	clusters, refused := make(chan *Cluster, 2), make(chan error, 2)
	for range 2 {
		go func() {
			c, err := Start(t.Context(), dir, slog.New(slog.DiscardHandler))
			if err != nil {
				refused <- err
			} else {
				clusters <- c
			}
		}()
	}
	if err := <-refused; !errors.Is(err, ErrRunning) || strings.Contains(err.Error(), "process -1") {
		t.Errorf("the second: %v, want ErrRunning", err)
	}
	stop(t, <-clusters)
}

// Whoever joins while the first parent is still making the cluster waits for it.
func TestJoinWhileStarting(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := dataDir(t)
	h, err := openHome(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.lock(t.Context()); err != nil { // as Start begins
		t.Fatal(err)
	}
	joined := make(chan error)
	go func() {
		c, err := Join(t.Context(), dir)
		if err == nil {
			err = c.Stop(t.Context())
		}
		joined <- err
	}()
	c, err := startIn(t.Context(), h, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, c)
	if err := <-joined; err != nil {
		t.Errorf("Join: %v", err)
	}
}

func TestJoinNothing(t *testing.T) {
	t.Parallel()
	empty := dataDir(t)
	if _, err := Join(t.Context(), empty); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Join in an empty directory: %v, want ErrNotRunning", err)
	}
	if entries, err := os.ReadDir(empty); err != nil || len(entries) > 0 {
		t.Errorf("Join left %v (%v) in an empty directory", entries, err)
	}
}

func TestOtherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	stop(t, start(t, dir))
	path := filepath.Join(dir, "postgres", "data", "PG_VERSION")
	if err := os.WriteFile(path, []byte("14\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	_, err := Start(t.Context(), dir, slog.New(slog.DiscardHandler))
	if !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "written by PostgreSQL 14") {
		t.Errorf("Start: %v, want ErrVersion naming 14", err)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("Start touched the data:\n%s\nbefore:\n%s", after, before)
	}
}

// listing describes every file below the data directory.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	data := filepath.Join(dir, "postgres", "data")
	err := filepath.Walk(data, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().Format(time.RFC3339Nano))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHalfMadeDataDirectory(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	half := filepath.Join(dir, "postgres", "data.new", "base")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	stop(t, start(t, dir))
	if _, err := os.Stat(filepath.Dir(half)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half made directory is still there: %v", err)
	}
}

func TestNotAServerSetting(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	_, err := Start(t.Context(), dataDir(t), slog.New(slog.DiscardHandler), "no_such_setting=1")
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) {
		t.Errorf("Start: %v, want PostgreSQL's own reason", err)
	}
}
