package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/koschei-ci/koschei/internal/repodata"
	"github.com/koschei-ci/koschei/internal/whatif"
)

// resolveOptions are the flags of "koschei resolve".
type resolveOptions struct {
	binary, source string
	with           string
	without        []string
	group          string
	output         string
	sets           string
	setsFormat     string
	arch           string
	weakDeps       bool
	lenient        bool
	allReasons     bool
	jobs           int

	redirectHosts []string
}

// whatIf reports whether packages are changed.
func (o *resolveOptions) whatIf() bool { return o.with != "" || len(o.without) > 0 }

func newResolveCommand() *cobra.Command {
	var o resolveOptions
	cmd := &cobra.Command{
		Use:   "resolve --binary DIR|URL --source DIR|URL",
		Short: "Resolve the BuildRequires of all source packages of a repository",
		Long: `Resolves each source package of one repository against the binary packages of
another, as a buildroot would be, and prints how many resolve, which fail and
why. It needs no database and no server. DIR and URL hold repodata/.

A BuildRequires that nothing provides fails, also a boolean one, and so does a
BuildConflicts with something that is needed: no build would start. --lenient takes
both as the original Koschei did. What the metadata say that nobody can read, as
a boolean dependency with two operators, is left out and mentioned; libsolv and
dnf leave out the same. Packages for i686 beside those for x86_64 are installed as
dnf installs them, and so are those of other pairs of architectures.

For each package that fails there is a paragraph for each cause: which of its
BuildRequires leads there, by what packages, what is missing, and what there is
instead.

It exits with 1 if any source package fails, with 2 on bad input.

With --with or --without it answers what a change would do: which source
packages fail that have resolved before (newly broken), which resolve that have
failed (newly fixed), and whose buildroot has other packages or other versions
(changed). All versions of a package that --with has replace all those that
--binary has; the group is that of --binary. Only what the change can touch is
solved again. --sets writes the buildroots after the change, --output json has
all that fail then. It exits with 1 if the change breaks any source package,
with 0 if none, however many fail anyway.`,
		Example: "  koschei resolve --binary f43/x86_64 --source f43/src\n" +
			"  koschei resolve --binary f43/x86_64 --source f43/src --output json --sets sets.tsv\n\n" +
			"  # Would this side tag break anything, with perl-Foo retired?\n" +
			"  koschei resolve --binary f43/x86_64 --source f43/src --with side-tag/x86_64 --without perl-Foo",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return badInput(err)
			}
			if o.with == "" && cmd.Flags().Changed("with") {
				return badInput(errors.New("--with is empty"))
			}
			return resolveAll(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	o.register(cmd)
	return cmd
}

func (o *resolveOptions) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.binary, "binary", "", "repository of binary packages")
	flags.StringVar(&o.source, "source", "", "repository of source packages")
	flags.StringVar(&o.with, "with", "", "repository of binary packages to put over those of --binary")
	flags.StringArrayVar(&o.without, "without", nil, "name of a package of --binary to take away; can be repeated")
	flags.StringVar(&o.group, "group", "build", "group of the binary repository that is in every buildroot")
	flags.StringVar(&o.output, "output", "text", "what to print: text or json")
	flags.StringVar(&o.sets, "sets", "", "file to write each source package's buildroot to")
	flags.StringVar(&o.setsFormat, "sets-format", "nevra", "how it names packages: nevra or name-distance")
	flags.StringVar(&o.arch, "arch", "x86_64", "architecture of the buildroot")
	flags.BoolVar(&o.weakDeps, "weak-deps", false, "install weak dependencies too")
	flags.BoolVar(&o.lenient, "lenient", false, "skip boolean BuildRequires that nothing provides, and all BuildConflicts")
	flags.BoolVar(&o.allReasons, "all-reasons", false, "say all that makes a package fail, as dnf does, not the way to each cause")
	flags.StringArrayVar(&o.redirectHosts, "redirect-host", nil, "host that the servers of repositories may redirect to, * for any; can be repeated")
	flags.IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "goals solved at once")
}

func (o *resolveOptions) check() error {
	switch {
	case o.binary == "":
		return errors.New("--binary is missing")
	case o.source == "":
		return errors.New("--source is missing")
	case o.output != "text" && o.output != "json":
		return fmt.Errorf("--output %q is neither text nor json", o.output)
	case o.setsFormat != "nevra" && o.setsFormat != "name-distance":
		return fmt.Errorf("--sets-format %q is neither nevra nor name-distance", o.setsFormat)
	case o.arch == "":
		return errors.New("--arch is empty")
	case o.jobs < 1 || o.jobs > 1024:
		return fmt.Errorf("--jobs %d is not between 1 and 1024", o.jobs)
	}
	return nil
}

// resolveAll does what the command says. Nothing is printed or left behind
// before all input has been read to its end and found good.
func resolveAll(ctx context.Context, o resolveOptions, stdout io.Writer) error {
	start := time.Now()
	useHugePages()
	world, announced, err := loadWorld(ctx, o)
	if err != nil {
		return inputExit(err)
	}
	loaded := time.Now()
	sets, err := createSets(o)
	if err != nil {
		return badInput(err)
	}
	defer sets.discard()
	solved, err := solveWorld(ctx, world, o, sets, announced)
	if err == nil {
		err = sets.commit()
	}
	if err != nil {
		return inputExit(err)
	}
	report := resolveReport{
		Counts: solved.Counts, Packages: world.Packages(), LeftOut: world.LeftOut(),
		LoadSeconds: loaded.Sub(start).Seconds(), SolveSeconds: time.Since(loaded).Seconds(),
		Failures: solved.Failures, With: solved.With,
	}
	if err := report.print(stdout, o.output); err != nil {
		return err
	}
	if report.bad() {
		return &exitError{exitNo, nil}
	}
	return nil
}

// loadWorld reads what goals are solved against. It also returns how many there
// may be, if somebody sees a progress bar.
func loadWorld(ctx context.Context, o resolveOptions) (world *whatif.World, announced int, err error) {
	client := repodata.NewClient(o.redirectHosts...)
	in := whatif.Input{Group: o.group, Arch: o.arch}
	if in.Binary, err = repodata.Open(ctx, o.binary, client); err != nil {
		return nil, 0, err
	}
	if in.Source, err = repodata.Open(ctx, o.source, client); err != nil {
		return nil, 0, err
	}
	if o.whatIf() {
		in.Change = &whatif.Change{Without: o.without}
	}
	if o.with != "" {
		if in.Change.With, err = repodata.Open(ctx, o.with, client); err != nil {
			return nil, 0, err
		}
	}
	if world, err = whatif.Load(ctx, in); err != nil {
		return nil, 0, err
	}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		announced = in.Source.Announced(ctx)
	}
	return world, announced, nil
}

func solveWorld(ctx context.Context, w *whatif.World, o resolveOptions, sets *setsFile, announced int) (*whatif.Report, error) {
	bar := newProgressBar(os.Stderr, announced)
	defer bar.clear()
	options := whatif.Options{
		WeakDeps: o.weakDeps, Lenient: o.lenient, Goroutines: o.jobs,
		Explain:    !o.whatIf() || o.output == "json",
		AllReasons: o.allReasons,
		Distances:  o.setsFormat == "name-distance",
		Progress:   bar.show,
	}
	if sets != nil {
		options.Sets = sets
	}
	return w.Solve(ctx, options)
}

// inputExit gives an error of what was given its exit code.
func inputExit(err error) error {
	var (
		input       *repodata.InputError
		noPackage   *whatif.NoPackageError
		unavailable *repodata.UnavailableError
	)
	switch {
	case errors.As(err, &input):
		return badInput(err)
	case errors.As(err, &noPackage):
		return badInput(fmt.Errorf("--without %q: --binary has no such package", noPackage.Name))
	case errors.As(err, &unavailable):
		return missing(err)
	}
	return err
}
