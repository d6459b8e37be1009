package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestCommands holds every command to what its reader needs: what it does in a
// line, an example, and for operators the form of the result and a place in
// their handbook.
func TestCommands(t *testing.T) {
	t.Parallel()
	handbook, err := os.ReadFile("../../docs/operations/admin.md")
	if err != nil {
		t.Fatal(err)
	}
	root := newRootCommand()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		path := cmd.CommandPath()
		switch {
		case cmd == root || cmd.Name() == "help" || strings.HasPrefix(path, "koschei completion"):
			return
		case cmd.Short == "" || strings.HasSuffix(cmd.Short, "."):
			t.Errorf("%s: Short is %q: it must be a line without a full stop", path, cmd.Short)
		case !strings.Contains(cmd.Example, "koschei"):
			t.Errorf("%s: there is no example of a command line", path)
		}
		if cmd.Parent().Name() != "admin" {
			return
		}
		if !strings.Contains(cmd.Example, "koschei-admin ") || !strings.Contains(cmd.Example, cmd.Name()) {
			t.Errorf("%s: the example does not show koschei-admin %s", path, cmd.Name())
		}
		if cmd.InheritedFlags().Lookup("output") == nil {
			t.Errorf("%s: it has no --output", path)
		}
		if !strings.Contains(string(handbook), "koschei-admin "+cmd.Name()) && !strings.Contains(string(handbook), cmd.Example) {
			t.Errorf("%s: docs/operations/admin.md does not show it", path)
		}
	}
	walk(root)
}

// TestIdle ends when told to, and not before.
func TestIdle(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"koschei", "idle"}) }()
	select {
	case code := <-ended:
		t.Fatalf("it ended by itself, with %d", code)
	default:
	}
	end()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}
