package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// useDatabase is the command "database": the program works on a fresh database
// from now on; "database empty" leaves it without any tables.
func useDatabase(t *testing.T, ts *testscript.TestScript, args []string) {
	fresh := pgtest.Database
	if len(args) > 0 {
		fresh = pgtest.Empty
	}
	c := fresh(t).ConnConfig
	ts.Setenv("KOSCHEI_DATABASE_URL", fmt.Sprintf("postgres:///%s?host=%s&user=%s", c.Database, pgtest.SocketDir(t), c.User))
}

func connect(t *testing.T, ts *testscript.TestScript) *pgxpool.Pool {
	cfg, err := pgxpool.ParseConfig(ts.Getenv("KOSCHEI_DATABASE_URL"))
	ts.Check(err)
	return pgtest.Connect(t, cfg)
}

// runSQL is the command "sql STATEMENTS".
func runSQL(t *testing.T, ts *testscript.TestScript, sql string) {
	_, err := connect(t, ts).Exec(t.Context(), sql)
	ts.Check(err)
}

// awaitSQL is the command "await QUERY": it asks until the answer is true.
func awaitSQL(t *testing.T, ts *testscript.TestScript, query string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	pool := connect(t, ts)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var answer bool
		ts.Check(pool.QueryRow(ctx, query).Scan(&answer))
		if answer {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%s: still not", query)
		}
	}
}

// takeSnapshot is the command "snapshot FILE": it writes every row of every
// table to a file. Sequences are not looked at: they go on in a transaction
// that is taken back.
func takeSnapshot(t *testing.T, ts *testscript.TestScript, file string) {
	pool := connect(t, ts)
	strs := func(sql string) []string {
		rows, err := pool.Query(t.Context(), sql)
		ts.Check(err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		ts.Check(err)
		return lines
	}
	var all []string
	for _, table := range strs(`SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`) {
		all = append(all, "-- "+table)
		all = append(all, strs(`SELECT r::text FROM `+pgx.Identifier{table}.Sanitize()+` AS r ORDER BY 1`)...)
	}
	ts.Check(writeLines(ts.MkAbs(file), all))
}

// refuse is the command "refused N COMMAND ARGUMENTS...": it runs a command that
// must exit with N and say why in one line.
func refuse(ts *testscript.TestScript, _ bool, args []string) {
	checkExitCode(ts, false, args)
	if lines := strings.Split(strings.TrimSpace(ts.ReadFile("stderr")), "\n"); len(lines) != 1 || lines[0] == "" {
		ts.Fatalf("it took %d lines to say:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}

// startHub is the command "hub WORLD": a hub of the world in a file (see
// package worldtext; one part, without its head), which
// becomes the configured one. Its time is the program's.
func startHub(ts *testscript.TestScript, file string) {
	url := runHub(ts, file, (*httptest.Server).Start)
	for name, value := range map[string]string{
		"SERVER": url + "/kojihub", "TOPURL": url + "/kojifiles", "WEBURL": url + "/koji",
		"LOGIN": "password", "USER": "koschei", "PASSWORD_FILE": ts.MkAbs("hub-password"), "BUILD_ARCHES": "[x86_64]",
	} {
		ts.Setenv("KOSCHEI_KOJI_"+name, value)
	}
}

// startSecureHub is the command "securehub WORLD": a hub that speaks TLS, whose
// authority is in hub-ca.pem. $HUB is its address; nothing is configured but the time.
func startSecureHub(ts *testscript.TestScript, file string) {
	ts.Setenv("HUB", runHub(ts, file, func(server *httptest.Server) {
		server.StartTLS()
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		ts.Check(os.WriteFile(ts.MkAbs("hub-ca.pem"), text, 0o600))
	}))
}

// runHub returns the address of a hub.
func runHub(ts *testscript.TestScript, file string, start func(*httptest.Server)) (url string) {
	world, err := worldtext.Parse([]byte("-- "+file+" --\n"+ts.ReadFile(file)), 1)
	ts.Check(err)
	epoch := time.Now()
	hub := kojihub.New(world, kojisim.NewClock(world.Now(), epoch, 60), slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- hub.Run(ctx) }()
	server := httptest.NewUnstartedServer(hub)
	start(server)
	ts.Defer(func() {
		server.Close()
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			ts.Logf("the hub ended: %v", err)
		}
	})
	ts.Check(writeLines(ts.MkAbs("hub-password"), []string{"secret"}))
	for name, value := range map[string]string{
		"START": world.Now().Format(time.RFC3339Nano), "EPOCH": epoch.Format(time.RFC3339Nano), "SPEED": "60",
	} {
		ts.Setenv("KOSCHEI_CLOCK_"+name, value)
	}
	return server.URL
}

// submitTask is the command "task NVR": the hub gets a scratch build of a source
// that it has; $TASK is its id and $TASK_MADE when it was made.
func submitTask(ts *testscript.TestScript, nvr string) {
	ctx := context.Background()
	client, err := koji.New(koji.Config{
		Server: ts.Getenv("KOSCHEI_KOJI_SERVER"), Login: koji.Login{User: "koschei", Password: "secret"},
	})
	ts.Check(err)
	defer func() { ts.Check(client.Close(ctx)) }()
	builds, err := client.FindBuilds(ctx, []string{nvr})
	ts.Check(err)
	build := builds[0]
	srpm, err := client.SRPM(ctx, build.ID)
	ts.Check(err)
	id, err := client.Build(ctx, koji.ScratchBuild{Key: nvr, Source: koji.SourcePath("../packages", build, srpm.NEVRA()), Target: "f27"})
	ts.Check(err)
	task, err := client.Task(ctx, id)
	ts.Check(err)
	ts.Setenv("TASK", strconv.FormatInt(id, 10))
	ts.Setenv("TASK_MADE", task.Created.UTC().Format("2006-01-02 15:04:05.999999"))
}

// makeOriginal is the command "original SQL": $ORIGINAL is a fresh database with
// the tables of the original Koschei and what statements in a file fill in,
// where variables are replaced.
func makeOriginal(t *testing.T, ts *testscript.TestScript, file string) {
	ours := ts.Getenv("KOSCHEI_DATABASE_URL")
	useDatabase(t, ts, []string{"empty"})
	schema, err := os.ReadFile("../../internal/postgres/upstream/testdata/original.sql")
	ts.Check(err)
	runSQL(t, ts, string(schema)+os.Expand(ts.ReadFile(file), ts.Getenv))
	ts.Setenv("ORIGINAL", ts.Getenv("KOSCHEI_DATABASE_URL"))
	ts.Setenv("KOSCHEI_DATABASE_URL", ours)
}

// serveFiles is the command "files DIRECTORY": it serves the directory's files
// at $FILES.
func serveFiles(ts *testscript.TestScript, dir string) {
	server := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(dir))))
	ts.Defer(server.Close)
	ts.Setenv("FILES", server.URL)
}

// chooseAddress is the command "address": $ADDRESS is a free one to serve at.
func chooseAddress(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv("ADDRESS", l.Addr().String())
}

// patience is how long "page" and "await" wait for what they are to see.
const patience = time.Minute

// readPage is the command "page PATH PATTERN...": it reads a page at $ADDRESS
// until all patterns are found in it. "! page PATH PATTERN" reads it until the
// pattern is gone: what surrounds a page may be a second old.
func readPage(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	url := "http://" + ts.Getenv("ADDRESS") + args[0]
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		body, err := get(ctx, url)
		present := func(pattern string) bool { return regexp.MustCompile(pattern).MatchString(body) }
		absent := func(pattern string) bool { return !present(pattern) }
		unwanted := absent
		if neg {
			unwanted = present
		}
		if err == nil && !slices.ContainsFunc(args[1:], unwanted) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%s does not show what it should (%v):\n%s", url, err, body)
		}
	}
}

// awaitUnready is the command "unready": it waits until the process at $ADDRESS
// answers that it is not ready.
func awaitUnready(ts *testscript.TestScript, _ bool, _ []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		body, err := get(ctx, "http://"+ts.Getenv("ADDRESS")+"/readyz")
		if strings.HasPrefix(body, "not ready") {
			return
		}
		if err != nil {
			ts.Fatalf("readyz: %v", err)
		}
	}
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	return strings.TrimSpace(string(body)), err
}

func writeLines(file string, lines []string) error {
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}
