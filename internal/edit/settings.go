package edit

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/schema"
)

// ApplySettings makes groups and priorities what s says of them, all of them or
// none; what s does not name stays as it is. Groups and users are made if need
// be. Errors wrap koschei.ErrNotFound if a collection or package is unknown.
func (ed *Editor) ApplySettings(ctx context.Context, act audit.Act, s *schema.Settings) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		if err := applyPriorities(ctx, tx, log, s.Priorities, StaticPriority); err != nil {
			return err
		}
		if err := applyPriorities(ctx, tx, log, s.Priorities, ManualPriority); err != nil {
			return err
		}
		for i := range s.Groups {
			if err := applyGroup(ctx, tx, log, &s.Groups[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// applyPriorities sets one kind of priority, collection by collection. No state
// follows from a priority.
func applyPriorities(ctx context.Context, tx pgx.Tx, log *audit.Log, priorities []schema.PrioritySettings, kind PriorityKind) error {
	byCollection := map[string][]schema.PrioritySettings{}
	var collections []string
	for _, p := range priorities {
		if byCollection[p.Collection] == nil {
			collections = append(collections, p.Collection)
		}
		byCollection[p.Collection] = append(byCollection[p.Collection], p)
	}
	slices.Sort(collections)
	for _, collection := range collections {
		byValue := map[int][]string{}
		for _, p := range byCollection[collection] {
			value := p.Static
			if kind == ManualPriority {
				value = p.Manual
			}
			byValue[value] = append(byValue[value], p.Package)
		}
		if err := applyValues(ctx, tx, log, collection, kind, byValue); err != nil {
			return err
		}
	}
	return nil
}

// applyValues locks all packages in their order before it changes any.
func applyValues(ctx context.Context, tx pgx.Tx, log *audit.Log, collection string, kind PriorityKind, byValue map[int][]string) error {
	var all []string
	for _, names := range byValue {
		all = append(all, names...)
	}
	slices.Sort(all)
	if _, err := lockNamedPackages(ctx, tx, collection, all, false); err != nil {
		return err
	}
	var values []int
	for value := range byValue {
		values = append(values, value)
	}
	slices.Sort(values)
	for _, value := range values {
		ids, err := lockNamedPackages(ctx, tx, collection, byValue[value], false)
		if err != nil {
			return err
		}
		if err := setField(ctx, tx, log, collection, ids, priorityField(kind), value); err != nil {
			return fmt.Errorf("changing packages of collection %s: %w", collection, err)
		}
	}
	return postgres.Wake(ctx, tx, 0, koschei.ServiceScheduler)
}

func applyGroup(ctx context.Context, tx pgx.Tx, log *audit.Log, s *schema.GroupSettings) error {
	namespace, name, err := koschei.ParseGroupName(s.FullName)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO package_group (namespace, name)
		VALUES ($1, $2)
		ON CONFLICT (namespace, name) DO NOTHING`, namespace, name)
	if err := groupStored(err, s.FullName); err != nil {
		return err
	}
	if tag.RowsAffected() > 0 {
		log.AddField(audit.Field{Object: "group " + s.FullName}, "group %s created", s.FullName)
	}
	g, err := lockGroup(ctx, tx, s.FullName)
	if err != nil {
		return err
	}
	if err := g.addPackages(ctx, tx, log, s.Packages); err != nil {
		return err
	}
	if err := g.keepPackages(ctx, tx, log, s.Packages); err != nil {
		return err
	}
	if err := g.addMaintainers(ctx, tx, log, s.Maintainers); err != nil {
		return err
	}
	return g.keepMaintainers(ctx, tx, log, s.Maintainers)
}

// keepMaintainers removes every maintainer but the named ones.
func (g *group) keepMaintainers(ctx context.Context, tx pgx.Tx, log *audit.Log, users []string) error {
	return g.removeMaintainers(ctx, tx, log, `u.name <> ALL($1)`, postgres.NotNil(users))
}

// removeMaintainers removes those who fulfil a condition on users $1.
func (g *group) removeMaintainers(ctx context.Context, tx pgx.Tx, log *audit.Log, which string, users []string) error {
	removed, err := postgres.QueryNames(ctx, tx, `
		DELETE FROM package_group_maintainer m
		USING users u
		WHERE u.id = m.user_id AND m.group_id = $2 AND `+which+`
		RETURNING u.name`, users, g.ID)
	if err != nil {
		return fmt.Errorf("changing the maintainers of group %s: %w", g.FullName(), err)
	}
	for _, user := range removed {
		log.AddField(g.field(fieldMaintainers, user, ""), "user %s is no longer a maintainer of group %s", user, g.FullName())
	}
	return g.revise(ctx, tx, len(removed) > 0)
}
