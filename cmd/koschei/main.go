// Command koschei is every service of Koschei and every tool its operators
// need, one subcommand each. It wires the services by hand; what they do is in
// the packages below internal. Called as koschei-admin it is "koschei admin".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
)

// Exit codes, part of the command line's contract.
const (
	exitDone    = 0
	exitNo      = 1 // the answer is no: unresolved, not found, failed
	exitUsage   = 2 // bad input or usage
	exitMissing = 3 // a needed outside system is missing
)

// An exitError ends the program with its code. Without an err nothing more is
// printed: the command has already said what there is to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// badInput marks err as the caller's to mend.
func badInput(err error) error { return &exitError{exitUsage, err} }

// missing marks err as due to an outside system that is not there.
func missing(err error) error { return &exitError{exitMissing, err} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args)
	stop()
	os.Exit(code)
}

// run runs one command line and returns its exit code. An error costs one line
// on stderr.
func run(ctx context.Context, args []string) int {
	root := newRootCommand()
	root.SetArgs(commandArgs(args))
	started := false // whether arguments were accepted and a command runs
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
			return err // cobra looks at these after this
		}
		started = true
		return nil
	}
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	code := exitNo
	if !started {
		code = exitUsage
	}
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		code, err = exit.code, exit.err
	case errors.Is(err, koschei.ErrInvalid):
		code = exitUsage
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "koschei: %s\n", oneLine(err.Error()))
	}
	return code
}

// oneLine makes an error of several lines, such as of a database that is tried
// in several ways, one. What is said twice is said once.
func oneLine(text string) string {
	var said []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

// commandArgs makes "koschei-admin x" the same as "koschei admin x", also when
// a shell asks how x may go on.
func commandArgs(args []string) []string {
	rest := args[1:]
	if filepath.Base(args[0]) == "koschei-admin" {
		at := 0
		if len(rest) > 0 && (rest[0] == cobra.ShellCompRequestCmd || rest[0] == cobra.ShellCompNoDescRequestCmd) {
			at = 1
		}
		rest = slices.Concat(rest[:at], []string{"admin"}, rest[at:])
	}
	return negativeLast(rest)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "koschei",
		Short:         "Continuous integration for a whole RPM distribution",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var g globals
	g.register(root)
	root.AddCommand(newServiceCommands(&g)...)
	root.AddCommand(newClientCommands()...)
	root.AddCommand(
		newAdminCommand(&g),
		newAllCommand(&g),
		newConfigCommand(&g),
		newDemoCommand(&g),
		newIdleCommand(),
		newInitCommand(),
		newManCommand(),
		newMigrateCommand(&g),
		newResolveCommand(),
		newSBOMCommand(),
		newVersionCommand(),
	)
	return root
}
