package edit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// A right is what a kind of change takes. Asked about somebody who has it not,
// it returns an error that wraps koschei.ErrForbidden.
type right func(koschei.Actor) error

// change makes a change for somebody who has the right to. Every method of an
// Editor goes through here, so that none can forget to ask.
func (ed *Editor) change(ctx context.Context, act audit.Act, may right, f func(tx pgx.Tx, log *audit.Log) error) ([]string, error) {
	if err := may(act.Actor); err != nil {
		return nil, err
	}
	return audit.Change(ctx, ed.db, act, f)
}

// editPackages is the right to what koschei.Actor.CanEditPackages names.
func editPackages(a koschei.Actor) error {
	if a.CanEditPackages() {
		return nil
	}
	return koschei.Refusal(koschei.ErrForbidden, "only those who have signed in may do this")
}

// editCollections is the right to what koschei.Actor.CanEditCollections names.
func editCollections(a koschei.Actor) error {
	if a.CanEditCollections() {
		return nil
	}
	return koschei.Refusal(koschei.ErrForbidden, "only administrators may do this")
}

// setPriorityOf is the right to set one kind of priority.
func setPriorityOf(kind PriorityKind) right {
	if kind == ManualPriority {
		return editPackages
	}
	return editCollections
}

// makeGroup is the right to make a group, or to give one there is a namespace.
func makeGroup(g koschei.Group) right {
	return func(a koschei.Actor) error {
		a.Groups = nil // nobody maintains what is not there yet
		switch {
		case a.CanEditGroup(g):
			return nil
		case g.Namespace == "":
			return koschei.Refusal(koschei.ErrForbidden, "only administrators may make groups without a namespace")
		}
		return koschei.Refusal(koschei.ErrForbidden, fmt.Sprintf("only user %s and administrators may make groups in namespace %s", g.Namespace, g.Namespace))
	}
}

// editable is the right to change a group that is there. Which users maintain it
// is read from the record, whatever the actor says.
func (g *group) editable(ctx context.Context, tx pgx.Tx, a koschei.Actor) error {
	maintains := false
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT
			FROM package_group_maintainer m
			JOIN users u ON u.id = m.user_id
			WHERE m.group_id = $1 AND u.name = $2)`, g.ID, a.Name).Scan(&maintains)
	if err != nil {
		return fmt.Errorf("reading the maintainers of group %s: %w", g.FullName(), err)
	}
	a.Groups = nil
	if maintains {
		a.Groups = []string{g.FullName()}
	}
	if !a.CanEditGroup(g.Group) {
		return koschei.Refusal(koschei.ErrForbidden, fmt.Sprintf("only maintainers of group %s and administrators may change it", g.FullName()))
	}
	return nil
}
