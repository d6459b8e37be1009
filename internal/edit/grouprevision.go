package edit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// The fields of groups in the audit log.
const (
	fieldName        = "name"
	fieldMembers     = "members"
	fieldMaintainers = "maintainers"
)

func (g *group) object() string { return "group " + g.FullName() }

// field is what the audit log is told of a change of the group.
func (g *group) field(name, was, became string) audit.Field {
	return audit.Field{Object: g.object(), Name: name, Was: was, Became: became, Revision: g.revision + 1}
}

// revise gives a group that has changed its next revision, once.
func (g *group) revise(ctx context.Context, tx pgx.Tx, changed bool) error {
	if !changed || g.revised {
		return nil
	}
	g.revised = true
	if _, err := tx.Exec(ctx, `UPDATE package_group SET revision = $2 WHERE id = $1`, g.ID, g.revision+1); err != nil {
		return fmt.Errorf("storing group %s: %w", g.FullName(), err)
	}
	return nil
}

// clash says, with an error that wraps koschei.ErrConflict, what somebody else
// has changed since the revision of what edit changes.
func (g *group) clash(ctx context.Context, tx pgx.Tx, edit *GroupEdit) error {
	if edit.Revision == nil || *edit.Revision == g.revision {
		return nil
	}
	var fields []string
	for field, changed := range map[string]bool{
		fieldName: edit.FullName != nil, fieldMembers: edit.Packages != nil && !edit.Append, fieldMaintainers: edit.OnlyMaintainers != nil,
	} {
		if changed {
			fields = append(fields, field)
		}
	}
	c := GroupClash{Group: g.FullName(), Revision: g.revision}
	err := tx.QueryRow(ctx, `
		SELECT actor, logged, message
		FROM audit
		WHERE object = $1 AND field = ANY($2) AND revision > $3
		ORDER BY id DESC
		LIMIT 1`, g.object(), fields, *edit.Revision).Scan(&c.By, &c.At, &c.Did)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("looking for what others changed: %w", err)
	}
	return &c
}

// A GroupClash is an error: somebody else has changed the same of a group
// meanwhile. It wraps koschei.ErrConflict.
type GroupClash struct {
	Group    string
	By       string
	At       time.Time
	Did      string // the last of it, in a sentence
	Revision int64  // that has been seen with this
}

func (c *GroupClash) Error() string {
	return fmt.Sprintf("%s changed group %s at %s, lastly so: %s", c.By, c.Group, c.At.UTC().Format("2006-01-02 15:04"), c.Did)
}

func (c *GroupClash) Unwrap() error { return koschei.ErrConflict }
