package cluster

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What our children find at these descriptors. A child cannot go to the data
// directory by its path: nobody may be kept out of a directory above it, and
// a socket's path may be too long.
const (
	dataFD = "/proc/self/fd/3"
	runFD  = "/proc/self/fd/4"
)

// settings of the server, weakest first. Durable as PostgreSQL comes; for the
// rest a machine that also runs the program and its solver.
func defaultSettings() []string {
	return []string{
		"listen_addresses=",
		"unix_socket_directories=" + runFD,
		"unix_socket_permissions=0700",
		"max_connections=100",
		"shared_buffers=256MB",
		"effective_cache_size=1GB",
		"work_mem=16MB",
		"maintenance_work_mem=128MB",
		"max_wal_size=2GB",
		"wal_compression=on",
		"random_page_cost=1.1",
		"jit=off",
		// One core of a query is enough, and needs no room in /dev/shm, of which
		// containers have little.
		"max_parallel_workers_per_gather=0",
		"max_parallel_maintenance_workers=0",
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		"log_destination=stderr",
		"log_line_prefix=",
		"log_min_messages=log", // errors of statements are told to who sent them
		"log_min_error_statement=panic",
		"log_checkpoints=off",
		"log_autovacuum_min_duration=-1",
	}
}

// initialize makes the data directory unless there is one. It is complete or
// not there: a half made one of a killed process has another name.
func (h *home) initialize(ctx context.Context, inst installation, a account, settings []string) error {
	if version, err := h.dataVersion(); err != nil || version != "" {
		return err
	}
	const unfinished = "data.new"
	if err := h.root.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("removing a half made data directory: %w", err)
	}
	if err := h.makeDir(unfinished, a); err != nil {
		return err
	}
	if err := h.initdb(ctx, unfinished, inst, a, settings); err != nil {
		return err
	}
	if err := h.writeAccess(unfinished, a.clients); err != nil {
		return fmt.Errorf("writing who may connect: %w", err)
	}
	return h.root.Rename(unfinished, "data")
}

func (h *home) initdb(ctx context.Context, dir string, inst installation, a account, settings []string) error {
	data, err := h.root.Open(dir)
	if err != nil {
		return err
	}
	defer data.Close() //nolint:errcheck // read only
	cmd := command(ctx, inst, a, "initdb", "--pgdata="+dataFD, "--username="+superuser,
		"--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
		"--auth-local=peer", "--auth-host=reject", "--no-instructions")
	if slices.Contains(settings, "fsync=off") {
		cmd.Args = append(cmd.Args, "--no-sync")
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.ExtraFiles = []*os.File{data}
	out, err := onOneThread(cmd.CombinedOutput)
	if err != nil {
		return fmt.Errorf("initdb in %s: %w: %s", h.path(dir), err, reason(string(out)))
	}
	return nil
}

// onOneThread keeps f's thread alive until f is done: Linux sends a child its
// parent-death signal when the thread that made it ends.
func onOneThread(f func() ([]byte, error)) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return f()
}

// writeAccess lets in the given operating system users, whom the kernel names
// on the socket, and nobody else.
func (h *home) writeAccess(dir string, clients []string) error {
	root, err := h.root.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // read only
	var ident strings.Builder
	for _, client := range clients {
		fmt.Fprintf(&ident, "clients %q %s\nclients %q %s\n", client, owner, client, superuser)
	}
	return errors.Join(
		root.WriteFile("pg_hba.conf", []byte("local all all peer map=clients\n"), 0o600),
		root.WriteFile("pg_ident.conf", []byte(ident.String()), 0o600),
	)
}

// command prepares one of PostgreSQL's programs: as the server's user, in a
// directory that everyone may enter, away from our terminal's signals, and
// with nothing of our environment.
func command(ctx context.Context, inst installation, a account, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(inst.bin, name), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + inst.bin + ":/usr/bin:/bin", "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: a.become}
	return cmd
}

// A server is the postmaster that this process started.
type server struct {
	cmd  *exec.Cmd
	log  *serverLog
	done chan struct{}
	err  error // how it ended; read after done
}

func startServer(ctx context.Context, h *home, run *os.File, inst installation, a account, log *slog.Logger, settings []string) (*server, error) {
	data, err := h.root.Open("data")
	if err != nil {
		return nil, err
	}
	defer data.Close() //nolint:errcheck // read only
	args := []string{"-D", dataFD}
	for _, setting := range append(defaultSettings(), settings...) {
		args = append(args, "-c", setting)
	}
	// The server's life is not that of ctx, but ends with Stop or this process.
	cmd := command(context.WithoutCancel(ctx), inst, a, "postgres", args...)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	cmd.ExtraFiles = []*os.File{data, run, h.server}
	s := &server{cmd: cmd, log: &serverLog{log: log}, done: make(chan struct{})}
	cmd.Stderr = s.log
	started := make(chan error)
	go s.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	return s, nil
}

// run is the server's life. Its thread must live as long: when it ended,
// Linux would take us for dead and shut the server down.
func (s *server) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := s.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	s.err = s.cmd.Wait()
	close(s.done)
}

// failure says why a server ended that was not asked to.
func (s *server) failure() error {
	return fmt.Errorf("PostgreSQL ended: %w: %s", s.err, s.log.last())
}

// stop asks for a fast shutdown and, when ctx ends before it is done, for an
// immediate one.
func (s *server) stop(ctx context.Context) error {
	s.log.stopping.Store(true)
	s.signal(syscall.SIGINT)
	select {
	case <-s.done:
		if s.err != nil {
			return s.failure()
		}
		return nil
	case <-ctx.Done():
	}
	return errors.Join(fmt.Errorf("shutting PostgreSQL down: %w", ctx.Err()), s.kill())
}

// kill ends the server at once, in an orderly way if that is possible.
func (s *server) kill() error {
	s.signal(syscall.SIGQUIT)
	select {
	case <-s.done:
		return nil
	case <-time.After(10 * time.Second): // the postmaster kills its children after 5
	}
	s.signal(syscall.SIGKILL)
	<-s.done
	return errors.New("PostgreSQL did not end by itself and was killed")
}

func (s *server) signal(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig) // it may have ended already
}

// startingUp is how the server turns clients away until it is ready.
const startingUp = "the database system is starting up"

// A serverLog passes the server's lines on and remembers the last complaint.
type serverLog struct {
	log      *slog.Logger
	stopping atomic.Bool // clients are being turned away

	mu      sync.Mutex
	partial []byte
	fatal   string // the last complaint
	line    string // the last line
}

// Write takes a piece of the server's standard error.
func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.pass(string(line))
		l.partial = rest
	}
}

func (l *serverLog) pass(line string) {
	l.line = line
	severity, message, _ := strings.Cut(line, ":  ")
	switch severity {
	case "FATAL", "PANIC":
		if message == startingUp || l.stopping.Load() {
			return // a client was too early, most likely await, or is too late
		}
		l.fatal = message
		l.log.Warn("postgresql", "severity", severity, "message", message)
	default:
		l.log.Debug("postgresql", "message", line)
	}
}

func (l *serverLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmp.Or(l.fatal, l.line, "it gave no reason")
}

// reason finds, in what one of PostgreSQL's programs said, why it failed: the
// first complaint, or else the last line.
func reason(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	for _, line := range lines {
		for _, complaint := range []string{"FATAL:  ", "PANIC:  ", "error: "} {
			if _, why, found := strings.Cut(line, complaint); found {
				return why
			}
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
