package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run the program under both of its names.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"koschei": main, "koschei-admin": main})
}

// TestScripts runs the stories in testdata/script: command lines, what they
// print and how they end.
func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// runScripts runs the stories in a directory.
func runScripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:           dir,
		UpdateScripts: os.Getenv("UPDATE_GOLDEN") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("KOSCHEI_DATA_DIR", env.WorkDir+"/data")
			env.Setenv("SUDO_USER", "operator")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"database":  func(ts *testscript.TestScript, _ bool, args []string) { useDatabase(t, ts, args) },
			"snapshot":  func(ts *testscript.TestScript, _ bool, args []string) { takeSnapshot(t, ts, args[0]) },
			"sql":       func(ts *testscript.TestScript, _ bool, args []string) { runSQL(t, ts, args[0]) },
			"await":     func(ts *testscript.TestScript, _ bool, args []string) { awaitSQL(t, ts, args[0]) },
			"securehub": func(ts *testscript.TestScript, _ bool, args []string) { startSecureHub(ts, args[0]) },
			"hub":       func(ts *testscript.TestScript, _ bool, args []string) { startHub(ts, args[0]) },
			"files":     func(ts *testscript.TestScript, _ bool, args []string) { serveFiles(ts, args[0]) },
			"refused":   refuse,
			"task":      func(ts *testscript.TestScript, _ bool, args []string) { submitTask(ts, args[0]) },
			"original":  func(ts *testscript.TestScript, _ bool, args []string) { makeOriginal(t, ts, args[0]) },
			"address":   chooseAddress,
			"page":      readPage,
			"unready":   awaitUnready,
		},
	})
}
