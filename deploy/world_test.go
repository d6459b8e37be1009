package deploy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// A world is what an installation needs around it: a PostgreSQL that everybody on
// this machine may use, and a simulated hub whose minute is a second.
type world struct {
	database string // its address
	config   string // a configuration for it
	bin      string // directory with koschei and kojisim of this source
}

func newWorld(t *testing.T) world { return newWorldAt(t, "127.0.0.1") }

// newWorldAt makes one that listens on an address of this machine.
func newWorldAt(t *testing.T, host string) world {
	if os.Geteuid() != 0 {
		t.Fatal("only root can try an installation")
	}
	w := world{bin: t.TempDir()}
	runIn(t, "..", "go", "build", "-o", w.bin, "./cmd/...")
	w.database = startPostgres(t, host)
	hub, clock := startHub(t, filepath.Join(w.bin, "kojisim"), host)
	w.config = fmt.Sprintf(`database: {url: %q}
koji:
  server: %s/kojihub
  topurl: %s/kojifiles
  weburl: %s
  login: password
  user: koschei
  password_file: hub-password
  build_arches: [x86_64, aarch64]
polling: {interval: 30m}
%s
`, w.database, hub, hub, hub, clock)
	return w
}

// runIn runs a command in a directory and returns what it says.
func runIn(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out, err := tryIn(t.Context(), dir, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func tryIn(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// await asks until the answer is true.
func await(t *testing.T, what string, true_ func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !true_() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// freeAddress is one where nobody listens at the moment.
func freeAddress(t *testing.T) string { return freeAddressOf(t, "127.0.0.1") }

func freeAddressOf(t *testing.T, host string) string {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// status is that of the answer at a URL, 0 without one.
func status(url string) int {
	res, err := http.Get(url)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// body is the answer at a URL, "" without one.
func body(url string) string {
	res, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return ""
	}
	return string(text)
}

// background starts a program that ends with the test.
func background(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
	})
}

// startPostgres trusts everybody in the network of its host.
func startPostgres(t *testing.T, host string) string {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(programs) == 0 {
		t.Fatal("PostgreSQL is not installed")
	}
	bin := filepath.Dir(slices.Max(programs))
	dir, err := os.MkdirTemp("", "koschei-deploy") //nolint:usetesting // another user must reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const nobody = 65534
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	as := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return cmd
	}
	if out, err := as(exec.Command(filepath.Join(bin, "initdb"), "--auth=trust", "--username=koschei", "--no-sync", "data")).CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "data/pg_hba.conf"), []byte("host all all samenet trust\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(freeAddressOf(t, host))
	background(t, as(exec.Command(filepath.Join(bin, "postgres"), "-D", "data", "-p", port, "-c", "listen_addresses="+host, "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=300"))) // several installations are in it
	url := "postgres://koschei@" + host + ":" + port + "/koschei?sslmode=disable"
	await(t, "PostgreSQL starts", func() bool {
		_, err := tryIn(t.Context(), "", filepath.Join(bin, "createdb"), "--host="+host, "--port="+port, "--username=koschei", "koschei")
		return err == nil
	})
	return url
}

// startHub returns the hub's address and what the configuration must say of its
// time.
func startHub(t *testing.T, program, host string) (address, clock string) {
	cmd := exec.Command(program, "-listen", host+":0", "-packages", "100", "-speed", "60")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	background(t, cmd)
	lines := bufio.NewScanner(out)
	for _, line := range []*string{&address, &clock} {
		if !lines.Scan() {
			t.Fatalf("the hub said too little: %v", lines.Err())
		}
		*line = lines.Text()
	}
	return strings.TrimSuffix(address, "/kojihub"), clock
}
