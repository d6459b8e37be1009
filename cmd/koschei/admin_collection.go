package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// collectionFlags are the options by which a collection is described.
type collectionFlags struct {
	displayName, target, destTag, mode string
	coefficient, weight                float64
	order, maxBuilds                   int
	buildGroup, newName                string
	pollUntracked, weakDeps, lenient   string
	bugzillaProduct, bugzillaVersion   string
}

func (f *collectionFlags) register(cmd *cobra.Command, required ...string) {
	flags := cmd.Flags()
	flags.StringVarP(&f.displayName, "display-name", "d", "", "name that people see")
	flags.StringVarP(&f.target, "target", "t", "", "Koji target to build for")
	flags.StringVar(&f.destTag, "dest-tag", "", "tag with the packages and their builds (default the target's build tag)")
	flags.StringVarP(&f.mode, "mode", "m", "primary", "hub to read from: primary or secondary")
	flags.Float64VarP(&f.coefficient, "priority-coefficient", "p", 1, "weight of the computed priorities")
	flags.Float64Var(&f.weight, "weight", 1, "share of the builds when collections compete")
	flags.IntVar(&f.maxBuilds, "max-builds", 0, "scratch builds of it running at once; 0 is no limit of its own")
	flags.IntVarP(&f.order, "order", "o", koschei.DefaultOrder, "place on pages, the highest first")
	flags.StringVar(&f.buildGroup, "build-group", koschei.DefaultBuildGroup, "group that makes the base buildroot")
	flags.StringVar(&f.pollUntracked, "poll-untracked", "true", "record real builds of untracked packages: true or false")
	flags.StringVar(&f.weakDeps, "weak-deps", "false", "install weak dependencies, which mock does not: true or false")
	flags.StringVar(&f.lenient, "lenient", "false", "pass over unmet boolean BuildRequires, and BuildConflicts: true or false")
	flags.StringVar(&f.bugzillaProduct, "bugzilla-product", "", "product for bug reports")
	flags.StringVar(&f.bugzillaVersion, "bugzilla-version", "", "version for bug reports")
	for _, name := range required {
		_ = cmd.MarkFlagRequired(name)
	}
}

// apply sets the fields of c whose options were given; all of them if all is set.
func (f *collectionFlags) apply(cmd *cobra.Command, c *koschei.Collection, all bool) error {
	given := func(name string) bool { return all || cmd.Flags().Changed(name) }
	if given("mode") {
		if f.mode != "primary" && f.mode != "secondary" {
			return badInput(fmt.Errorf("--mode %s: it must be primary or secondary", f.mode))
		}
		c.SecondaryMode = f.mode == "secondary"
	}
	for _, s := range []struct {
		name, value string
		field       *bool
	}{
		{"poll-untracked", f.pollUntracked, &c.PollUntracked},
		{"weak-deps", f.weakDeps, &c.WeakDeps},
		{"lenient", f.lenient, &c.Lenient},
	} {
		if !given(s.name) {
			continue
		}
		on, err := strconv.ParseBool(s.value)
		if err != nil {
			return badInput(fmt.Errorf("--%s %s: it must be true or false", s.name, s.value))
		}
		*s.field = on
	}
	set := func(name string, field *string, value string) {
		if given(name) {
			*field = value
		}
	}
	set("display-name", &c.DisplayName, f.displayName)
	set("build-group", &c.BuildGroup, f.buildGroup)
	set("bugzilla-product", &c.BugzillaProduct, f.bugzillaProduct)
	set("bugzilla-version", &c.BugzillaVersion, f.bugzillaVersion)
	if given("priority-coefficient") {
		c.PriorityCoefficient = f.coefficient
	}
	if given("weight") {
		c.Weight = f.weight
	}
	if given("max-builds") {
		c.MaxBuilds = f.maxBuilds
	}
	if given("order") {
		c.Order = f.order
	}
	return nil
}

// resolveTarget asks the hub for the tags of the target in c.
func (a *console) resolveTarget(ctx context.Context, c *koschei.Collection, destTag string) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	var target *koji.Target
	err = withHubs(ctx, cfg, func(hubs koji.Hubs) error {
		hub, err := hubs.Source(c)
		if err != nil {
			return badInput(err)
		}
		target, err = hub.BuildTarget(ctx, c.Target)
		if errors.Is(err, koschei.ErrNotFound) {
			return &exitError{exitNo, fmt.Errorf("target %s does not exist at the hub", c.Target)}
		}
		if err != nil {
			return missing(fmt.Errorf("looking up target %s: %w", c.Target, err))
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.BuildTag, c.DestTag = target.BuildTag, target.BuildTag
	if destTag != "" {
		c.DestTag = destTag
	}
	return nil
}

func (a *console) createCollection() *cobra.Command {
	f := &collectionFlags{}
	cmd := &cobra.Command{
		Use:     "create-collection NAME",
		Short:   "Make a collection of the packages of a Koji target",
		Example: "  koschei-admin create-collection f28 -d 'Fedora 28' -t f28",
		Args:    exactly(1, "the name of a collection"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := koschei.Collection{Name: args[0], Target: f.target}
			if err := f.apply(cmd, &c, true); err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				if err := a.resolveTarget(ctx, &c, f.destTag); err != nil {
					return nil, err
				}
				return db.Edit.CreateCollection(ctx, act, &c)
			})
		},
	}
	f.register(cmd, "display-name", "target")
	return cmd
}

func (a *console) editCollection() *cobra.Command {
	f := &collectionFlags{}
	cmd := &cobra.Command{
		Use:     "edit-collection NAME",
		Short:   "Change what is said of a collection",
		Long:    "Only what is given changes. A new target or mode has the tags looked up again.",
		Example: "  koschei-admin edit-collection f28 --new-name rawhide -o 200",
		Args:    exactly(1, "the name of a collection"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				c, err := db.Record.Collection(ctx, args[0]) // the hub is asked before anything is locked
				if err != nil {
					return nil, err
				}
				if err := f.apply(cmd, c, false); err != nil {
					return nil, err
				}
				if err := f.retarget(ctx, a, cmd, c); err != nil {
					return nil, err
				}
				return db.Edit.EditCollection(ctx, act, args[0], func(now *koschei.Collection) error {
					if f.looksUp(cmd) { // else somebody else may have changed them meanwhile
						now.Target, now.BuildTag, now.DestTag = c.Target, c.BuildTag, c.DestTag
					} else if cmd.Flags().Changed("dest-tag") {
						now.DestTag = f.destTag
					}
					if f.newName != "" {
						now.Name = f.newName
					}
					return f.apply(cmd, now, false)
				})
			})
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&f.newName, "new-name", "", "another name")
	return cmd
}

// pause has the scheduler submit nothing, or builds again.
func (a *console) pause(paused bool) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pause [COLLECTION...]",
		Short: "Have the scheduler submit nothing, of some collections or of all",
		Long: "Builds that are under way go on, packages are resolved as ever, and submit-build still builds.\n" +
			"It lasts until \"resume\" is said, whatever is started again meanwhile. Pages tell of it.",
		Example: "  koschei-admin pause\n  koschei-admin pause f28",
	}
	if !paused {
		cmd.Use, cmd.Short, cmd.Long = "resume [COLLECTION...]", "Have the scheduler submit again what was paused, of some collections or of all", ""
		cmd.Example = "  koschei-admin resume\n  koschei-admin resume f28"
	}
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
			if len(names) == 0 {
				all, err := db.Record.Collections(ctx)
				if err != nil {
					return nil, err
				}
				for i := range all {
					names = append(names, all[i].Name)
				}
			}
			var changes []string
			for _, name := range names {
				some, err := db.Edit.EditCollection(ctx, act, name, func(c *koschei.Collection) error {
					c.Paused = paused
					return nil
				})
				if err != nil {
					return changes, err
				}
				changes = append(changes, some...)
			}
			return changes, nil
		})
	}
	return cmd
}

// looksUp says whether the options have the hub asked for tags.
func (f *collectionFlags) looksUp(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("target") || cmd.Flags().Changed("mode")
}

// retarget gives c the target and tags that the options ask the hub for.
func (f *collectionFlags) retarget(ctx context.Context, a *console, cmd *cobra.Command, c *koschei.Collection) error {
	if !f.looksUp(cmd) {
		return nil
	}
	if cmd.Flags().Changed("target") {
		c.Target = f.target
	}
	return a.resolveTarget(ctx, c, f.destTag)
}

func (a *console) branchCollection() *cobra.Command {
	f := &collectionFlags{}
	cmd := &cobra.Command{
		Use:   "branch-collection MASTER NEW-NAME",
		Short: "Split a collection as a release is branched",
		Long: "A new collection takes over name, target, tags and history of MASTER and gets the given display\n" +
			"name; MASTER goes on as NEW-NAME for the given target.",
		Example: "  koschei-admin branch-collection f27 f28 -d 'Fedora 27' -t f28 --bugzilla-version 27",
		Args:    exactly(2, "the name of a collection and its new name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				c := koschei.Collection{Target: f.target}
				if err := a.resolveTarget(ctx, &c, f.destTag); err != nil {
					return nil, err
				}
				return db.Edit.BranchCollection(ctx, act, edit.Branch{
					Master: args[0], NewName: args[1],
					Target: c.Target, DestTag: c.DestTag, BuildTag: c.BuildTag,
					DisplayName: f.displayName, BugzillaVersion: f.bugzillaVersion,
				})
			})
		},
	}
	registerTarget(cmd, f)
	cmd.Flags().StringVar(&f.bugzillaVersion, "bugzilla-version", "", "version of the branch for bug reports")
	return cmd
}

func (a *console) forkCollection() *cobra.Command {
	f := &collectionFlags{}
	cmd := &cobra.Command{
		Use:     "fork-collection MASTER NEW-NAME",
		Short:   "Make a collection with the packages of another, for another target",
		Example: "  koschei-admin fork-collection f28 f28-ruby -d 'Fedora 28 with the new Ruby' -t f28-build-side-42",
		Args:    exactly(2, "the name of a collection and that of its fork"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				fork := koschei.Collection{Name: args[1], DisplayName: f.displayName, Target: f.target}
				if err := a.resolveTarget(ctx, &fork, f.destTag); err != nil {
					return nil, err
				}
				return db.Edit.ForkCollection(ctx, act, args[0], fork)
			})
		},
	}
	registerTarget(cmd, f)
	return cmd
}

// registerTarget adds the options of commands that copy a collection.
func registerTarget(cmd *cobra.Command, f *collectionFlags) {
	flags := cmd.Flags()
	flags.StringVarP(&f.displayName, "display-name", "d", "", "name that people see")
	flags.StringVarP(&f.target, "target", "t", "", "Koji target to build for")
	flags.StringVar(&f.destTag, "dest-tag", "", "tag with the packages and their builds (default the target's build tag)")
	_ = cmd.MarkFlagRequired("display-name")
	_ = cmd.MarkFlagRequired("target")
}

func (a *console) deleteCollection() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "delete-collection NAME",
		Short:   "Delete a collection",
		Long:    "Deletes a collection. With --force it may have packages, whose builds and history go with it.",
		Example: "  koschei-admin delete-collection f25 --force --yes",
		Args:    exactly(1, "the name of a collection"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.confirm(cmd, fmt.Sprintf("Delete collection %s for good?", args[0])); err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.DeleteCollection(ctx, act, args[0], force)
			})
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "delete its packages and builds as well")
	return cmd
}
