package edit

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Undo gives the one field that an entry of the audit log is about the value that it
// had before. That takes the right that changing it takes. An error wraps
// koschei.ErrConflict if the field has another value by now than the entry says,
// koschei.ErrInvalid if the entry is not about one field.
func (ed *Editor) Undo(ctx context.Context, act audit.Act, entry int64) ([]string, error) {
	return ed.change(ctx, act, signedIn, func(tx pgx.Tx, log *audit.Log) error {
		u := &undo{ed: ed, tx: tx, log: log}
		err := tx.QueryRow(ctx, `
			SELECT collection, package, object, field, was, became, revision
			FROM audit
			WHERE id = $1`, entry).Scan(&u.Collection, &u.Package, &u.Object, &u.Name, &u.Was, &u.Became, &u.Revision)
		if err != nil {
			return postgres.NotFound(err, "entry %d of the audit log", entry)
		}
		kind, name, _ := strings.Cut(u.Object, " ")
		switch {
		case u.Name == "":
			return fmt.Errorf("entry %d is not a change of one field, which alone can be undone: %w", entry, koschei.ErrInvalid)
		case kind == "group":
			return u.group(ctx, name)
		case kind == "user" && u.Name == "admin":
			return u.admin(ctx, name)
		case kind == "notice":
			return u.notice(ctx)
		case u.Package != "":
			return u.packages(ctx)
		case u.Collection != "":
			return u.collection(ctx)
		}
		return fmt.Errorf("a change of %s %s cannot be undone by itself: %w", u.Object, u.Name, koschei.ErrInvalid)
	})
}

// An undo takes one change of a field back.
type undo struct {
	audit.Field

	ed  *Editor
	tx  pgx.Tx
	log *audit.Log
}

// late says that somebody or something else has changed the field since.
func (u *undo) late(what, now string) error {
	return koschei.Refusal(koschei.ErrConflict, fmt.Sprintf("%s is %s by now, and not %s: there is nothing to undo", what, shown(now), shown(u.Became)))
}

func (u *undo) packages(ctx context.Context) error {
	ids, err := lockNamedPackages(ctx, u.tx, u.Collection, []string{u.Package}, false)
	if err != nil {
		return err
	}
	p := &packageEditor{ed: u.ed, tx: u.tx, log: u.log, collection: u.Collection, name: u.Package, ids: ids}
	switch u.Name {
	case tracked.column:
		undoField(ctx, u, p, tracked, strconv.ParseBool)
	case manualPriority.column:
		undoField(ctx, u, p, manualPriority, strconv.Atoi)
	case staticPriority.column:
		undoField(ctx, u, p, staticPriority, strconv.Atoi)
	case archOverride.column:
		undoField(ctx, u, p, archOverride, func(text string) (string, error) { return text, nil })
	case skipResolution.column:
		undoField(ctx, u, p, skipResolution, strconv.ParseBool)
	default:
		return fmt.Errorf("packages have no field %s that can be set: %w", u.Name, koschei.ErrInvalid)
	}
	if p.failed != nil {
		return p.failed
	}
	return settled(ctx, u.tx, ids, u.log.Act.Now)
}

// undoField sets a field of a package to what it was.
func undoField[V comparable](ctx context.Context, u *undo, p *packageEditor, f packageField[V], parse func(string) (V, error)) {
	var now V
	if err := u.tx.QueryRow(ctx, `SELECT `+f.column+` FROM package WHERE id = $1`, p.ids[0]).Scan(&now); err != nil {
		p.failed = fmt.Errorf("reading package %s: %w", u.Package, err)
		return
	}
	was, err := parse(u.Was)
	if err != nil {
		p.failed = fmt.Errorf("the value of package %s before, %q, is none: %w", u.Package, u.Was, koschei.ErrInvalid)
		return
	}
	if fmt.Sprint(now) != u.Became {
		if p.failed = u.ed.may(ctx, u.tx, u.log.Act.Actor, f.right, p.ids); p.failed == nil {
			p.failed = u.late("the "+f.label+" of package "+u.Package, fmt.Sprint(now))
		}
		return
	}
	editField(ctx, p, f, &was)
}

func (u *undo) group(ctx context.Context, name string) error {
	g, err := lockGroup(ctx, u.tx, name)
	if err != nil {
		return err
	}
	if err := g.editable(ctx, u.tx, u.log.Act.Actor); err != nil {
		return err
	}
	switch {
	case u.Name == fieldName:
		return g.rename(ctx, u.tx, u.log, u.Was)
	case u.Name == fieldMembers && u.Was == "":
		err = g.removePackage(ctx, u.tx, u.log, u.Became)
	case u.Name == fieldMembers:
		err = g.addPackages(ctx, u.tx, u.log, []string{u.Was})
	case u.Name == fieldMaintainers && u.Was == "":
		err = g.removeMaintainers(ctx, u.tx, u.log, `u.name = ANY($1)`, []string{u.Became})
	case u.Name == fieldMaintainers:
		err = g.addMaintainers(ctx, u.tx, u.log, []string{u.Was})
	default:
		return fmt.Errorf("groups have no field %s that can be set: %w", u.Name, koschei.ErrInvalid)
	}
	if err == nil && !g.revised {
		return koschei.Refusal(koschei.ErrConflict, fmt.Sprintf("group %s is so already: there is nothing to undo", name))
	}
	return err
}

func (g *group) removePackage(ctx context.Context, tx pgx.Tx, log *audit.Log, name string) error {
	return g.changeMembers(ctx, tx, log, false, `
		DELETE FROM package_group_member m
		USING base_package b
		WHERE b.id = m.base_id AND b.name = ANY($1) AND m.group_id = $2
		RETURNING b.name`, []string{name})
}

func (u *undo) admin(ctx context.Context, name string) error {
	if err := editCollections(u.log.Act.Actor); err != nil {
		return err
	}
	id, err := userFor(ctx, u.tx, name, false)
	if err != nil {
		return err
	}
	changed, err := setAdmin(ctx, u.tx, u.log, id, name, u.Was == "true")
	if err == nil && !changed {
		return koschei.Refusal(koschei.ErrConflict, fmt.Sprintf("user %s is so already: there is nothing to undo", name))
	}
	return err
}

func (u *undo) notice(ctx context.Context) error {
	if err := editCollections(u.log.Act.Actor); err != nil {
		return err
	}
	now, err := lockNotice(ctx, u.tx)
	if err != nil {
		return err
	}
	if now != u.Became {
		return u.late("the notice", now)
	}
	return setNotice(ctx, u.tx, u.log, now, u.Was)
}

func (u *undo) collection(ctx context.Context) error {
	if err := editCollections(u.log.Act.Actor); err != nil {
		return err
	}
	s, ok := schema.CollectionSetting(u.Name)
	if !ok {
		return fmt.Errorf("collections have no setting %s: %w", u.Name, koschei.ErrInvalid)
	}
	return editCollection(ctx, u.tx, u.log, u.Collection, func(c *koschei.Collection) error {
		if now := fmt.Sprint(s.Value(c)); now != u.Became {
			return u.late("the "+s.Label+" of collection "+u.Collection, now)
		}
		return s.Set(c, u.Was)
	})
}
