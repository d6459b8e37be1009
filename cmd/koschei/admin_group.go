package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

var errAppendNothing = errors.New("--append says nothing without --content-from-file")

func (a *console) createGroup() *cobra.Command {
	var file string
	var appendTo bool
	cmd := &cobra.Command{
		Use:   "create-group [USER/]GROUP",
		Short: "Make a group of packages",
		Long: "Makes a global group or one in the namespace of a user, who is made if need be.\n" +
			"With --append a group that exists gets the packages as well.",
		Example: "  koschei-admin create-group someuser/mygroup --content-from-file list.txt",
		Args:    exactly(1, "the name of a group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if appendTo && file == "" {
				return badInput(errAppendNothing)
			}
			var names []string
			if file != "" {
				var err error
				if names, err = readNames(cmd, file); err != nil {
					return err
				}
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				if appendTo {
					return createOrAppend(ctx, db, act, args[0], names, nil)
				}
				return db.Edit.CreateGroup(ctx, act, args[0], names, nil)
			})
		},
	}
	cmd.Flags().StringVar(&file, "content-from-file", "", "file with package names, - for standard input")
	cmd.Flags().BoolVar(&appendTo, "append", false, "add to the group if it exists")
	return cmd
}

func (a *console) addGroup() *cobra.Command {
	var maintainers []string
	cmd := &cobra.Command{
		Use:     "add-group [USER/]GROUP [NAME...]",
		Short:   "Make a group of the packages named",
		Example: "  koschei-admin add-group mynewgroup\n  koschei-admin add-group mynewgroup pkg1 pkg2 pkg3 -m someuser",
		Args:    atLeast(1, "the name of a group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				if len(args) > 1 {
					return createOrAppend(ctx, db, act, args[0], args[1:], maintainers)
				}
				return db.Edit.CreateGroup(ctx, act, args[0], nil, maintainers)
			})
		},
	}
	cmd.Flags().StringSliceVarP(&maintainers, "maintainer", "m", nil, "user who may edit the group")
	return cmd
}

// createOrAppend gives a group packages, and makes it first if need be.
func createOrAppend(ctx context.Context, db *store, act audit.Act, group string, names, maintainers []string) ([]string, error) {
	exists, err := db.View.GroupExists(ctx, group)
	if err != nil {
		return nil, err
	}
	if !exists {
		return db.Edit.CreateGroup(ctx, act, group, names, maintainers)
	}
	return db.Edit.EditGroup(ctx, act, group, edit.GroupEdit{Packages: &names, Append: true, Maintainers: maintainers})
}

func (a *console) editGroup() *cobra.Command {
	var newName, newNamespace, file string
	var makeGlobal, appendTo bool
	cmd := &cobra.Command{
		Use:   "edit-group [USER/]GROUP",
		Short: "Rename a group or change its packages",
		Long:  "With --content-from-file the packages of the file replace those of the group or, with --append, join them.",
		Example: "  koschei-admin edit-group someuser/mygroup --make-global --new-name thegroup\n" +
			"  koschei-admin edit-group thegroup --content-from-file list.txt --append",
		Args: exactly(1, "the name of a group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if makeGlobal && newNamespace != "" {
				return badInput(fmt.Errorf("--make-global and --new-namespace contradict each other"))
			}
			if appendTo && file == "" {
				return badInput(errAppendNothing)
			}
			fullName, err := renamed(args[0], newName, newNamespace, makeGlobal)
			if err != nil {
				return err
			}
			edit := edit.GroupEdit{FullName: &fullName, Append: appendTo}
			if file != "" {
				names, err := readNames(cmd, file)
				if err != nil {
					return err
				}
				edit.Packages = &names
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.EditGroup(ctx, act, args[0], edit)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&newName, "new-name", "", "another name")
	flags.StringVar(&newNamespace, "new-namespace", "", "another namespace")
	flags.BoolVar(&makeGlobal, "make-global", false, "take the group out of its namespace")
	flags.StringVar(&file, "content-from-file", "", "file with package names, - for standard input")
	flags.BoolVar(&appendTo, "append", false, "keep the packages the group has")
	return cmd
}

// renamed is the full name that a group gets.
func renamed(fullName, newName, newNamespace string, makeGlobal bool) (string, error) {
	namespace, name, err := koschei.ParseGroupName(fullName)
	if err != nil {
		return "", badInput(err)
	}
	if newName != "" {
		name = newName
	}
	if newNamespace != "" {
		namespace = newNamespace
	}
	if makeGlobal {
		namespace = ""
	}
	return koschei.Group{Namespace: namespace, Name: name}.FullName(), nil
}

func (a *console) deleteGroup() *cobra.Command {
	return &cobra.Command{
		Use:     "delete-group [USER/]GROUP",
		Short:   "Delete a group, not its packages",
		Example: "  koschei-admin delete-group someuser/mygroup --yes",
		Args:    exactly(1, "the name of a group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.confirm(cmd, fmt.Sprintf("Delete group %s?", args[0])); err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.DeleteGroup(ctx, act, args[0], nil)
			})
		},
	}
}

func (a *console) createCollectionGroup() *cobra.Command {
	g := &edit.CollectionGroupEdit{}
	cmd := &cobra.Command{
		Use:     "create-collection-group NAME",
		Short:   "Make a group of collections that pages show together",
		Example: "  koschei-admin create-collection-group fedora -d Fedora -c f27,f28",
		Args:    exactly(1, "the name of a group of collections"),
		RunE: func(cmd *cobra.Command, args []string) error {
			g.Name, g.Collections = args[0], a.collections()
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.CreateCollectionGroup(ctx, act, *g)
			})
		},
	}
	cmd.Flags().StringVarP(&g.DisplayName, "display-name", "d", "", "name that people see")
	_ = cmd.MarkFlagRequired("display-name")
	return cmd
}

func (a *console) editCollectionGroup() *cobra.Command {
	g := &edit.CollectionGroupEdit{}
	cmd := &cobra.Command{
		Use:     "edit-collection-group NAME",
		Short:   "Change the name or the contents of a group of collections",
		Example: "  koschei-admin edit-collection-group fedora -c f27,f28,f29",
		Args:    exactly(1, "the name of a group of collections"),
		RunE: func(cmd *cobra.Command, args []string) error {
			g.Name, g.Collections = args[0], a.collections()
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.EditCollectionGroup(ctx, act, *g)
			})
		},
	}
	cmd.Flags().StringVarP(&g.DisplayName, "display-name", "d", "", "name that people see")
	return cmd
}

// collections splits --collection for the commands that take several; nil if
// it was not given.
func (a *console) collections() []string {
	return strings.FieldsFunc(a.collection, func(r rune) bool { return r == ',' || r == ' ' })
}

func (a *console) deleteCollectionGroup() *cobra.Command {
	return &cobra.Command{
		Use:     "delete-collection-group NAME",
		Short:   "Delete a group of collections, not the collections",
		Example: "  koschei-admin delete-collection-group fedora --yes",
		Args:    exactly(1, "the name of a group of collections"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.confirm(cmd, fmt.Sprintf("Delete collection group %s?", args[0])); err != nil {
				return err
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				return db.Edit.DeleteCollectionGroup(ctx, act, args[0])
			})
		},
	}
}
