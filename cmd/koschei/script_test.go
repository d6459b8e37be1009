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
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_GOLDEN") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("KOSCHEI_DATA_DIR", env.WorkDir+"/data")
			env.Setenv("SUDO_USER", "operator")
			return nil
		},
	})
}
