package edit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/schema"
)

// CreateGroup makes a group with members, base packages by name, and
// maintainers, who become users if they are none. So does the user whose
// namespace it is. An error wraps koschei.ErrExists if the name is taken, and
// koschei.ErrNotFound, naming every one, if packages are unknown.
func (ed *Editor) CreateGroup(ctx context.Context, act audit.Act, fullName string, packages, maintainers []string) ([]string, error) {
	g, err := groupNamed(fullName)
	if err != nil {
		return nil, err
	}
	if g.Namespace != "" {
		maintainers = append([]string{g.Namespace}, maintainers...)
	}
	return ed.change(ctx, act, makeGroup(g.Group), func(tx pgx.Tx, log *audit.Log) error {
		err := tx.QueryRow(ctx, `
			INSERT INTO package_group (namespace, name)
			VALUES ($1, $2)
			RETURNING id`, g.Namespace, g.Name).Scan(&g.ID)
		if err := groupStored(err, fullName); err != nil {
			return err
		}
		log.AddField(audit.Field{Object: g.object()}, "group %s created", fullName)
		if err := g.addPackages(ctx, tx, log, packages); err != nil {
			return err
		}
		return g.addMaintainers(ctx, tx, log, maintainers)
	})
}

func groupStored(err error, fullName string) error {
	if postgres.Violates(err, "package_group_namespace_name_key") {
		return fmt.Errorf("group %s %w", fullName, koschei.ErrExists)
	}
	if err != nil {
		return fmt.Errorf("storing group %s: %w", fullName, err)
	}
	return nil
}

// A GroupEdit says what becomes of a group; what is nil stays.
type GroupEdit struct {
	FullName *string   // another name or namespace
	Packages *[]string // its members instead of those it has,
	Append   bool      // or besides them

	Maintainers     []string  // users who may edit it besides those who do
	OnlyMaintainers *[]string // or instead of them

	Revision *int64 // that whoever changes it has seen; nil if they do not mind what others did since
}

// EditGroup changes a group all at once or, with an error like CreateGroup's or
// one that wraps koschei.ErrNotFound, not at all.
func (ed *Editor) EditGroup(ctx context.Context, act audit.Act, fullName string, edit GroupEdit) ([]string, error) {
	return ed.changeGroup(ctx, act, fullName, func(tx pgx.Tx, log *audit.Log, g *group) error {
		if err := g.clash(ctx, tx, &edit); err != nil {
			return err
		}
		if edit.FullName != nil && *edit.FullName != fullName {
			if err := g.rename(ctx, tx, log, *edit.FullName); err != nil {
				return err
			}
		}
		if err := g.addMaintainers(ctx, tx, log, edit.Maintainers); err != nil {
			return err
		}
		if only := edit.OnlyMaintainers; only != nil {
			if err := g.addMaintainers(ctx, tx, log, *only); err != nil {
				return err
			}
			if err := g.keepMaintainers(ctx, tx, log, *only); err != nil {
				return err
			}
		}
		if edit.Packages != nil {
			if err := g.addPackages(ctx, tx, log, *edit.Packages); err != nil {
				return err
			}
			if !edit.Append {
				return g.keepPackages(ctx, tx, log, *edit.Packages)
			}
		}
		return nil
	})
}

// DeleteGroup deletes a group, not its members. An error wraps koschei.ErrConflict
// if it has another revision than whoever deletes it has seen; nil if they do not
// mind.
func (ed *Editor) DeleteGroup(ctx context.Context, act audit.Act, fullName string, revision *int64) ([]string, error) {
	return ed.changeGroup(ctx, act, fullName, func(tx pgx.Tx, log *audit.Log, g *group) error {
		if revision != nil && *revision != g.revision {
			return koschei.Refusal(koschei.ErrConflict, fmt.Sprintf("group %s was changed by somebody else meanwhile", fullName))
		}
		log.AddField(audit.Field{Object: g.object()}, "group %s deleted", fullName)
		if _, err := tx.Exec(ctx, `DELETE FROM package_group WHERE id = $1`, g.ID); err != nil {
			return fmt.Errorf("deleting group %s: %w", fullName, err)
		}
		return nil
	})
}

// changeGroup runs f on a group, locked, for somebody who may change it. Who may
// has not even signed in locks no group.
func (ed *Editor) changeGroup(ctx context.Context, act audit.Act, fullName string,
	f func(tx pgx.Tx, log *audit.Log, g *group) error,
) ([]string, error) {
	return ed.change(ctx, act, signedIn, func(tx pgx.Tx, log *audit.Log) error {
		g, err := lockGroup(ctx, tx, fullName)
		if err != nil {
			return err
		}
		if err := g.editable(ctx, tx, act.Actor); err != nil {
			return err
		}
		return f(tx, log, g)
	})
}

// A group is one that is being changed.
type group struct {
	koschei.Group

	revision int64 // before the change
	revised  bool
}

func groupNamed(fullName string) (*group, error) {
	namespace, name, err := koschei.ParseGroupName(fullName)
	return &group{Group: koschei.Group{Namespace: namespace, Name: name}}, err
}

func lockGroup(ctx context.Context, tx pgx.Tx, fullName string) (*group, error) {
	g, err := groupNamed(fullName)
	if err != nil {
		return nil, err
	}
	err = tx.QueryRow(ctx, `
		SELECT id, revision
		FROM package_group
		WHERE namespace = $1 AND name = $2
		FOR UPDATE`, g.Namespace, g.Name).Scan(&g.ID, &g.revision)
	return g, postgres.NotFound(err, "group %s", fullName)
}

func (g *group) rename(ctx context.Context, tx pgx.Tx, log *audit.Log, fullName string) error {
	to, err := groupNamed(fullName)
	if err != nil {
		return err
	}
	if to.Namespace != g.Namespace {
		if err := makeGroup(to.Group)(log.Act.Actor); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `
		UPDATE package_group
		SET namespace = $2, name = $3
		WHERE id = $1`, g.ID, to.Namespace, to.Name)
	if err := groupStored(err, fullName); err != nil {
		return err
	}
	was := g.FullName()
	g.Namespace, g.Name = to.Namespace, to.Name
	log.AddField(g.field(fieldName, was, fullName), "group %s renamed to %s", was, fullName)
	return g.revise(ctx, tx, true)
}

func (g *group) addPackages(ctx context.Context, tx pgx.Tx, log *audit.Log, names []string) error {
	known, err := postgres.QueryNames(ctx, tx, `SELECT name FROM base_package WHERE name = ANY($1)`, names)
	if err != nil {
		return fmt.Errorf("group %s: looking up packages: %w", g.FullName(), err)
	}
	isKnown := map[string]bool{}
	for _, name := range known {
		isKnown[name] = true
	}
	if err := schema.UnknownNames("package", "in any collection", names, isKnown); err != nil {
		return fmt.Errorf("group %s: %w", g.FullName(), err)
	}
	return g.changeMembers(ctx, tx, log, true, `
		WITH added AS (
			INSERT INTO package_group_member (group_id, base_id)
			SELECT $2, id
			FROM base_package
			WHERE name = ANY($1)
			ON CONFLICT DO NOTHING
			RETURNING base_id
		)
		SELECT b.name
		FROM added
		JOIN base_package b ON b.id = added.base_id`, names)
}

// keepPackages removes every member but the named ones.
func (g *group) keepPackages(ctx context.Context, tx pgx.Tx, log *audit.Log, names []string) error {
	return g.changeMembers(ctx, tx, log, false, `
		DELETE FROM package_group_member m
		USING base_package b
		WHERE b.id = m.base_id AND b.name <> ALL($1) AND m.group_id = $2
		RETURNING b.name`, names)
}

func (g *group) changeMembers(ctx context.Context, tx pgx.Tx, log *audit.Log, add bool, sql string, names []string) error {
	changed, err := postgres.QueryNames(ctx, tx, sql, postgres.NotNil(names), g.ID)
	if err != nil {
		return fmt.Errorf("changing the members of group %s: %w", g.FullName(), err)
	}
	for _, name := range changed {
		f, message := g.field(fieldMembers, "", name), "package %s added to group %s"
		if !add {
			f.Was, f.Became, message = name, "", "package %s removed from group %s"
		}
		f.Package = name
		log.AddField(f, message, name, g.FullName())
	}
	return g.revise(ctx, tx, len(changed) > 0)
}

func (g *group) addMaintainers(ctx context.Context, tx pgx.Tx, log *audit.Log, users []string) error {
	changed := false
	for _, user := range users {
		id, err := ensureUser(ctx, tx, user)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO package_group_maintainer (group_id, user_id)
			VALUES ($1, $2)
			ON CONFLICT DO NOTHING`, g.ID, id)
		if err != nil {
			return fmt.Errorf("adding maintainer %s to group %s: %w", user, g.FullName(), err)
		}
		if tag.RowsAffected() > 0 {
			changed = true
			log.AddField(g.field(fieldMaintainers, "", user), "user %s is a maintainer of group %s", user, g.FullName())
		}
	}
	return g.revise(ctx, tx, changed)
}

// ensureUser returns the id of the user of that name, who is made if need be.
func ensureUser(ctx context.Context, tx pgx.Tx, name string) (int64, error) {
	if err := koschei.ValidateName("user", name); err != nil {
		return 0, err
	}
	var id int64
	err := tx.QueryRow(ctx, `
		INSERT INTO users (name)
		VALUES ($1)
		ON CONFLICT (name) DO UPDATE SET name = excluded.name
		RETURNING id`, name).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("storing user %s: %w", name, err)
	}
	return id, nil
}
