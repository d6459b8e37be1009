package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

func (a *console) addPackages() *cobra.Command {
	var which manyPackages
	cmd := &cobra.Command{
		Use:   "add-pkg [NAME...]",
		Short: "Start to track packages in a collection",
		Long: "Tracks the packages that are named, or those that --all, --group or --from-file stand for.\n" +
			"What many packages make start is told before, and asked for unless --yes is given.",
		Example: "  koschei-admin add-pkg --collection f28 bash coreutils\n" +
			"  koschei-admin add-pkg --collection f28 --group haskell\n" +
			"  koschei-admin add-pkg --collection f28 --all --yes",
		Args: func(cmd *cobra.Command, names []string) error {
			if which.given() {
				return which.check(names)
			}
			return atLeast(1, "package names")(cmd, names)
		},
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := a.needCollection(); err != nil {
				return err
			}
			if which.given() {
				return a.addMany(cmd, &which)
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.TrackPackages(ctx, act, a.collection, names, false)
			})
		},
	}
	cmd.Flags().BoolVar(&which.all, "all", false, "track all packages that the collection lists")
	cmd.Flags().StringVar(&which.group, "group", "", "track the packages of this group")
	cmd.Flags().StringVar(&which.file, "from-file", "", "track the packages named in this file, one a line; - is standard input")
	return cmd
}

// manyPackages are packages that nobody names one by one.
type manyPackages struct {
	all   bool
	group string
	file  string
}

func (m *manyPackages) given() bool { return m.all || m.group != "" || m.file != "" }

func (m *manyPackages) check(names []string) error {
	n := 0
	for _, given := range []bool{m.all, m.group != "", m.file != "", len(names) > 0} {
		if given {
			n++
		}
	}
	if n > 1 {
		return badInput(fmt.Errorf("give one of package names, --all, --group and --from-file"))
	}
	return nil
}

// names are those of the packages; with all they are not needed.
func (m *manyPackages) names(ctx context.Context, cmd *cobra.Command, db *store, collection string) ([]string, error) {
	switch {
	case m.group != "":
		return db.View.GroupMembersIn(ctx, m.group, collection)
	case m.file != "":
		return readNames(cmd, m.file)
	}
	return nil, nil
}

// addMany tracks packages when it was told what that makes start, and agreed to.
func (a *console) addMany(cmd *cobra.Command, which *manyPackages) error {
	return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
		names, err := which.names(ctx, cmd, db, a.collection)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 && !which.all {
			return nil, &exitError{exitNo, fmt.Errorf("there is no package to track")}
		}
		trial := act
		trial.DryRun = true
		changes, err := db.Edit.TrackPackages(ctx, trial, a.collection, names, which.all)
		if err != nil || act.DryRun || len(changes) == 0 {
			return changes, err
		}
		c, err := a.config()
		if err != nil {
			return nil, err
		}
		if err := a.confirm(cmd, whatStarts(len(changes), a.collection, c.Koji.MaxBuilds, c.Koji.Login)); err != nil {
			return nil, err
		}
		return db.Edit.TrackPackages(ctx, act, a.collection, names, which.all)
	})
}

// whatStarts tells what it means to track more packages, and asks.
func whatStarts(packages int, collection string, maxBuilds int, login string) string {
	tracked := fmt.Sprintf("%d packages will be tracked in %s", packages, collection)
	if packages == 1 {
		tracked = "1 package will be tracked in " + collection
	}
	switch {
	case login == "none":
		return tracked + ". Nothing is built, as there is no login at Koji. Go on?"
	case packages > maxBuilds:
		return fmt.Sprintf("%s. As soon as they are resolved %d builds may start at once, and one more whenever one ends. Go on?", tracked, maxBuilds)
	}
	return fmt.Sprintf("%s. As soon as they are resolved as many builds may start at once. Go on?", tracked)
}

func (a *console) setPriority() *cobra.Command {
	var static bool
	cmd := &cobra.Command{
		Use:   "set-priority NAME... VALUE",
		Short: "Set the manual or static priority of packages in a collection",
		Long: "Sets the manual priority of packages, which lasts until their next build, or with --static\n" +
			"the static one, which lasts until it is set again. A negative value holds packages back.",
		Example: "  koschei-admin --collection f27 set-priority --static foo 100\n" +
			"  koschei-admin set-priority --collection f27 foo bar -200",
		Args: atLeast(2, "package names and a value"),
		RunE: func(cmd *cobra.Command, args []string) error {
			names, last := args[:len(args)-1], args[len(args)-1]
			value, err := strconv.ParseInt(last, 10, 32)
			if err != nil {
				return badInput(fmt.Errorf("priority %q: it must be a whole number of at most 32 bits", last))
			}
			if err := koschei.NumberPriority.Check(float64(value)); err != nil {
				return badInput(err)
			}
			if err := a.needCollection(); err != nil {
				return err
			}
			kind := edit.ManualPriority
			if static {
				kind = edit.StaticPriority
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				changes, err := db.Edit.SetPriority(ctx, act, a.collection, names, kind, int(value))
				if err != nil {
					return nil, err
				}
				held, err := heldOf(ctx, db, a.collection, names, act.Now)
				return append(changes, held...), err
			})
		},
	}
	cmd.Flags().BoolVar(&static, "static", false, "set the static priority instead of the manual one")
	return cmd
}

// heldOf says which packages no priority helps for now.
func heldOf(ctx context.Context, db *store, collection string, names []string, now time.Time) (sentences []string, err error) {
	packages, err := db.View.Packages.Named(ctx, collection, names)
	for i := range packages {
		if p := &packages[i]; p.HeldAt(now) {
			sentences = append(sentences, fmt.Sprintf("package %s is held until %s whatever its priority: %s; \"koschei-admin retry\" ends that",
				p.Name, p.HoldUntil.UTC().Format("2006-01-02 15:04Z"), p.HoldReason))
		}
	}
	return sentences, err
}

func (a *console) setArchOverride() *cobra.Command {
	var group string
	cmd := &cobra.Command{
		Use:   "set-arch-override [NAME...] ARCHES",
		Short: "Say for which architectures packages are built",
		Long: "ARCHES replaces the architectures a package would be built for; beginning with ^ it lists\n" +
			"architectures to leave out; empty it takes an override away.",
		Example: "  koschei-admin set-arch-override --collection f28 foo 'x86_64 aarch64'\n" +
			"  koschei-admin set-arch-override --collection f28 --group haskell ^s390x",
		Args: atLeast(1, "package names and architectures"),
		RunE: func(cmd *cobra.Command, args []string) error {
			names, override := args[:len(args)-1], args[len(args)-1]
			if (len(names) == 0) == (group == "") {
				return badInput(fmt.Errorf("name either packages or a --group"))
			}
			if err := a.needCollection(); err != nil {
				return err
			}
			c, err := a.config()
			if err != nil {
				return err
			}
			if err := koschei.ValidateArchOverride(override, c.Koji.BuildArches); err != nil {
				return badInput(err)
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				if group != "" {
					if names, err = db.View.GroupMembersIn(ctx, group, a.collection); err != nil {
						return nil, err
					}
				}
				return db.Edit.SetArchOverride(ctx, act, a.collection, names, override)
			})
		},
	}
	cmd.Flags().StringVar(&group, "group", "", "set it for the packages of this group")
	return cmd
}

func (a *console) removePackages() *cobra.Command {
	return &cobra.Command{
		Use:     "remove-pkg NAME...",
		Short:   "Stop to track packages in a collection",
		Example: "  koschei-admin remove-pkg --collection f28 bash",
		Args:    atLeast(1, "package names"),
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := a.needCollection(); err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.UntrackPackages(ctx, act, a.collection, names)
			})
		},
	}
}

func (a *console) skipResolution() *cobra.Command {
	var end bool
	cmd := &cobra.Command{
		Use:   "skip-resolution NAME...",
		Short: "Build packages without looking whether their dependencies can be installed",
		Long: "Packages whose resolution is skipped are built when their time comes, whatever the repo has.\n" +
			"With --end they are resolved again.",
		Example: "  koschei-admin skip-resolution --collection f28 bash\n  koschei-admin skip-resolution --collection f28 --end bash",
		Args:    atLeast(1, "package names"),
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := a.needCollection(); err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.SkipResolution(ctx, act, a.collection, names, !end)
			})
		},
	}
	cmd.Flags().BoolVar(&end, "end", false, "resolve them again")
	return cmd
}
