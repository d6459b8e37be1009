package pgtest_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// Two tests' databases have nothing in common.
func TestNew(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := pgtest.Database(t)
			if err := pgtest.Open(t, cfg).Ready(t.Context()); err != nil {
				t.Error(err)
			}
			pool := pgtest.Connect(t, cfg)
			if _, err := pool.Exec(t.Context(), `INSERT INTO users (name) VALUES ('somebody')`); err != nil {
				t.Error(err)
			}
			var users int
			if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM users`).Scan(&users); err != nil || users != 1 {
				t.Errorf("%d users (%v), want 1", users, err)
			}
		})
	}
}

// left names the variable that makes TestNothingLeft's child of this binary.
const left = "KOSCHEI_TEST_LEFT"

// However a test binary ends, its server and its files go away.
func TestNothingLeft(t *testing.T) {
	t.Parallel()
	if os.Getenv(left) != "" {
		pgtest.New(t)
		fmt.Println("\nhere")
		_, _ = io.Copy(io.Discard, os.Stdin) // until we are killed
	}
	pgtest.New(t) // skips where there is no PostgreSQL
	tmp := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingLeft$")
	cmd.Env = append(os.Environ(), left+"=1", "TMPDIR="+tmp)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "here"; {
	}
	made, err := os.ReadDir(tmp)
	if err != nil || len(made) != 1 {
		t.Fatalf("%d directories (%v), want one cluster's", len(made), err)
	}
	gone := watchRemoval(t, tmp)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	<-gone
}

func BenchmarkNew(b *testing.B) {
	pgtest.Database(b)
	for b.Loop() {
		pgtest.Database(b)
	}
}
