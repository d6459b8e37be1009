package edit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/record/settle"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A Takeover is what people decided in another record.
type Takeover struct {
	Notice           string
	Users            []TakenUser
	Collections      []koschei.Collection
	CollectionGroups []CollectionGroupEdit
	Packages         []TakenPackage
	Groups           []schema.GroupSettings
	Notes            []string // what of it is otherwise here, and why
}

// A TakenUser is a user of another record.
type TakenUser struct {
	Name  string
	Admin bool
}

// A TakenPackage is a package of another record.
type TakenPackage struct {
	Collection, Name string
	Tracked, Blocked bool
	SkipResolution   bool
	ArchOverride     string
	Static, Manual   int // priorities
}

// TakeOver makes the record what t says, all of it or nothing. Collections,
// groups of them and users that are there already stay as they are; packages
// and groups become what t says. Doing it again thus changes nothing more.
func (ed *Editor) TakeOver(ctx context.Context, act audit.Act, t *Takeover) ([]string, error) {
	return ed.change(ctx, act, editCollections, func(tx pgx.Tx, log *audit.Log) error {
		byCollection := map[string][]TakenPackage{}
		for _, p := range t.Packages {
			byCollection[p.Collection] = append(byCollection[p.Collection], p)
		}
		for i := range t.Collections {
			if err := takeCollection(ctx, tx, log, &t.Collections[i], byCollection[t.Collections[i].Name]); err != nil {
				return err
			}
		}
		for _, u := range t.Users {
			if err := takeUser(ctx, tx, log, u); err != nil {
				return err
			}
		}
		for _, g := range t.CollectionGroups {
			if err := takeCollectionGroup(ctx, tx, log, g); err != nil {
				return err
			}
		}
		for i := range t.Groups {
			if err := addBasePackages(ctx, tx, t.Groups[i].Packages); err != nil {
				return err
			}
			if err := applyGroup(ctx, tx, log, &t.Groups[i]); err != nil {
				return err
			}
		}
		return takeNotice(ctx, tx, log, t.Notice)
	})
}

func takeUser(ctx context.Context, tx pgx.Tx, log *audit.Log, u TakenUser) error {
	if err := koschei.ValidateName("user", u.Name); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO users (name, admin)
		VALUES ($1, $2)
		ON CONFLICT (name) DO NOTHING`, u.Name, u.Admin)
	if err != nil {
		return fmt.Errorf("storing user %s: %w", u.Name, err)
	}
	if tag.RowsAffected() > 0 && u.Admin {
		log.Add("", "", "user %s is an administrator", u.Name)
	}
	return nil
}

func takeCollection(ctx context.Context, tx pgx.Tx, log *audit.Log, c *koschei.Collection, packages []TakenPackage) error {
	if err := c.Validate(); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT id FROM collection WHERE name = $1 `+schema.Locked, c.Name)
	if err != nil {
		return fmt.Errorf("reading collection %s: %w", c.Name, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("reading collection %s: %w", c.Name, err)
	}
	if len(ids) > 0 {
		c.ID = ids[0]
	} else {
		if err := insertCollection(ctx, tx, c); err != nil {
			return err
		}
		log.Add(c.Name, "", "collection %s created", c.Name)
	}
	changed, err := takePackages(ctx, tx, c.ID, packages, log)
	if err != nil {
		return fmt.Errorf("storing packages of collection %s: %w", c.Name, err)
	}
	if changed > 0 {
		log.Add(c.Name, "", "collection %s: %d packages taken over", c.Name, changed)
	}
	return nil
}

// takePackages returns how many packages were new or had been otherwise. The
// state that a new one begins in is no change that anybody is told of, and since
// when it is in that state is not known.
func takePackages(ctx context.Context, tx pgx.Tx, collectionID int64, packages []TakenPackage, log *audit.Log) (int, error) {
	var names, overrides []string
	var tracked, blocked, skipped []bool
	var static, manual []int
	for _, p := range packages {
		names, overrides = append(names, p.Name), append(overrides, p.ArchOverride)
		tracked, blocked, skipped = append(tracked, p.Tracked), append(blocked, p.Blocked), append(skipped, p.SkipResolution)
		static, manual = append(static, p.Static), append(manual, p.Manual)
	}
	if err := addBasePackages(ctx, tx, names); err != nil {
		return 0, err
	}
	ids, err := postgres.CollectIDs(tx.Query(ctx, `
		INSERT INTO package AS p (base_id, collection_id, name, tracked, blocked, skip_resolution, arch_override,
			static_priority, manual_priority, noted_state, state_since)
		SELECT b.id, @collection, t.name, t.tracked, t.blocked, t.skipped, t.override, t.static, t.manual,
			CASE WHEN t.blocked THEN 'blocked' WHEN NOT t.tracked THEN 'untracked' ELSE 'unknown' END, NULL
		FROM unnest(@names::text[], @tracked::boolean[], @blocked::boolean[], @skipped::boolean[], @overrides::text[], @static::integer[], @manual::integer[])
			AS t (name, tracked, blocked, skipped, override, static, manual)
		JOIN base_package b ON b.name = t.name
		ORDER BY t.name
		ON CONFLICT (collection_id, base_id) DO UPDATE
		SET tracked = excluded.tracked, blocked = excluded.blocked, skip_resolution = excluded.skip_resolution,
			arch_override = excluded.arch_override, static_priority = excluded.static_priority,
			manual_priority = excluded.manual_priority,
			resolution = CASE WHEN excluded.skip_resolution THEN 'unattempted' ELSE p.resolution END
		WHERE (p.tracked, p.blocked, p.skip_resolution, p.arch_override, p.static_priority, p.manual_priority)
			IS DISTINCT FROM (excluded.tracked, excluded.blocked, excluded.skip_resolution, excluded.arch_override,
				excluded.static_priority, excluded.manual_priority)
		RETURNING p.id`,
		pgx.NamedArgs{
			"collection": collectionID, "names": names, "tracked": tracked, "blocked": blocked, "skipped": skipped,
			"overrides": overrides, "static": static, "manual": manual,
		}))
	if err != nil {
		return 0, err
	}
	if err := postgres.Wake(ctx, tx, collectionID, koschei.ServiceRepoResolver, koschei.ServiceScheduler); err != nil {
		return 0, err
	}
	return len(ids), settle.NoteStates(ctx, tx, ids, log.Act.Now)
}

func addBasePackages(ctx context.Context, tx pgx.Tx, names []string) error {
	for _, name := range names {
		if err := koschei.ValidateName("package", name); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO base_package (name)
		SELECT DISTINCT n.name
		FROM unnest($1::text[]) AS n (name)
		WHERE NOT EXISTS (SELECT 1 FROM base_package b WHERE b.name = n.name)
		ORDER BY n.name
		ON CONFLICT (name) DO NOTHING`, names)
	if err != nil {
		return fmt.Errorf("storing the names of packages: %w", err)
	}
	return nil
}

func takeCollectionGroup(ctx context.Context, tx pgx.Tx, log *audit.Log, g CollectionGroupEdit) error {
	if err := koschei.ValidateName("collection group", g.Name); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO collection_group (name, display_name)
		VALUES ($1, $2)
		ON CONFLICT (name) DO NOTHING
		RETURNING id`, g.Name, g.DisplayName)
	ids, err := postgres.CollectIDs(rows, err)
	if err != nil {
		return fmt.Errorf("storing collection group %s: %w", g.Name, err)
	}
	if len(ids) == 0 {
		return nil
	}
	log.Add("", "", "collection group %s created", g.Name)
	return setGroupCollections(ctx, tx, log, ids[0], g)
}

func takeNotice(ctx context.Context, tx pgx.Tx, log *audit.Log, notice string) error {
	if notice == "" {
		return nil
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO notice (key, content)
		VALUES ($1, $2)
		ON CONFLICT (key) DO NOTHING`, schema.NoticeKey, notice)
	if err != nil {
		return fmt.Errorf("changing the notice: %w", err)
	}
	if tag.RowsAffected() > 0 {
		log.Add("", "", "notice set to %q", notice)
	}
	return nil
}
