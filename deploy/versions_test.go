package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// While frontends are replaced by those of a later version, whose schema has more, both
// serve from one database, and nobody who reads pages sees a request fail. "make
// kubernetes" runs it, which compiles such versions anyway; it needs no cluster.
func TestTwoVersions(t *testing.T) {
	if os.Getenv("KOSCHEI_KUBERNETES") == "" {
		t.Skip("run make kubernetes")
	}
	config := pgtest.Database(t)
	w := pgtest.WorldOf(t, config)
	w.Collection("f44")
	w.Distribution(1, 200, time.Now())
	c := config.ConnConfig
	d := duo{t: t, dir: t.TempDir(), database: fmt.Sprintf("postgres:///%s?host=%s&user=%s", c.Database, pgtest.SocketDir(t), c.User)}
	older, later := d.build("1.0"), d.build("2.0", adds)

	first := d.start(older)
	await(t, "the older version serves", first.ready)
	var serving atomicList
	serving.set(first.address)
	end := startLoad(t, serving.get)
	second := d.start(later)
	await(t, "the later version waits for the migration", func() bool { return second.said("waiting for a migration") })
	if second.ready() {
		t.Error("the later version serves on the older schema")
	}
	d.run(later, "migrate")
	await(t, "the later version serves", second.ready)
	serving.set(first.address, second.address)
	d.run(older, "admin", "set-notice", "both are here")
	await(t, "pages of both show what the older version wrote", func() bool {
		return strings.Contains(body("http://"+first.address+"/"), "both are here") && strings.Contains(body("http://"+second.address+"/"), "both are here")
	})
	d.run(later, "admin", "clear-notice")
	// A proxy hears a moment later of who ends.
	began := time.Now()
	first.end()
	await(t, "the proxy knows", func() bool { return time.Since(began) > time.Second })
	serving.set(second.address)
	first.wait()
	l := end()
	t.Log(l)
	if l.failures() > 0 || l.versions["1.0"] == 0 || l.versions["2.0"] == 0 {
		t.Errorf("requests failed, or not both versions answered: %v", l)
	}
}

// A duo is two versions of the program on one database.
type duo struct {
	t             *testing.T
	dir, database string
}

// build builds a version of the program with more migrations.
func (d duo) build(version string, migrations ...string) (program string) {
	root := filepath.Join(d.dir, version)
	makeImageRoot(d.t, root, version, migrations...)
	return filepath.Join(root, "usr/bin/koschei")
}

func (d duo) environment() []string {
	return append(os.Environ(), "KOSCHEI_DATABASE_URL="+d.database, "KOSCHEI_DATA_DIR="+d.dir, "KOSCHEI_FRONTEND_LINGER=3s",
		"KOSCHEI_KOJI_SERVER=http://127.0.0.1:1/kojihub", "KOSCHEI_KOJI_TOPURL=http://127.0.0.1:1/kojifiles", "KOSCHEI_KOJI_WEBURL=http://127.0.0.1:1/koji")
}

func (d duo) run(program string, args ...string) {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), program, args...)
	cmd.Env = d.environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// A served is a frontend that was started.
type served struct {
	t            *testing.T
	cmd          *exec.Cmd
	address, log string
}

func (d duo) start(program string) *served {
	s := &served{t: d.t, address: freeAddress(d.t), log: program + ".log"}
	log, err := os.Create(s.log)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command(program, "frontend", "--listen", s.address)
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = d.environment(), log, log
	background(d.t, s.cmd)
	return s
}

func (s *served) ready() bool { return status("http://"+s.address+"/readyz") == 200 }

func (s *served) said(what string) bool { return strings.Contains(read(s.t, s.log), what) }

func (s *served) end() {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
}

func (s *served) wait() {
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("a frontend ended: %v\n%s", err, read(s.t, s.log))
	}
}
