package cluster

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// parentOf makes this test binary a process that starts the cluster in the
// directory the variable names, says so, and waits to be killed.
const parentOf = "KOSCHEI_TEST_CLUSTER_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentOf); dir != "" {
		os.Exit(beParent(dir))
	}
	os.Exit(m.Run())
}

func beParent(dir string) int {
	c, err := Start(context.Background(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready", c.server.cmd.Process.Pid)
	_, _ = io.Copy(io.Discard, os.Stdin) // until we are killed or told to end
	if err := c.Stop(context.Background()); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// A parent is another process that runs a cluster.
type parent struct {
	cmd        *exec.Cmd
	stdin      io.Closer
	postmaster int
}

func startParent(t *testing.T, dir string) *parent {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), parentOf+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("parent said %q: %v", line, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "ready ")))
	if err != nil {
		t.Fatalf("parent said %q, want ready and a process id", line)
	}
	return &parent{cmd: cmd, stdin: stdin, postmaster: pid}
}

func (p *parent) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err == nil {
		t.Fatal("a killed parent ended well")
	}
}
