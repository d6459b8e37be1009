package edit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// A right is what a kind of change takes. Asked about somebody who has it not,
// it returns an error that wraps koschei.ErrForbidden.
type right func(koschei.Actor) error

// change makes a change for somebody who has the right to. Every method of an
// Editor goes through here, so that none can forget to ask.
func (ed *editor) change(ctx context.Context, act audit.Act, may right, f func(tx pgx.Tx, log *audit.Log) error) ([]string, error) {
	if err := may(act.Actor); err != nil {
		return nil, err
	}
	if act.Once.Key != "" {
		return ed.changeOnce(ctx, act, f)
	}
	return audit.Change(ctx, ed.db, act, f)
}

// signedIn is the right of everybody who is known.
func signedIn(a koschei.Actor) error {
	if a.Admin || a.Name != "" {
		return nil
	}
	return koschei.Refusal(koschei.ErrForbidden, "only those who have signed in may do this")
}

// might is what is known of a right of the policy before it is known which
// packages are concerned.
func (ed *editor) might(r koschei.Right) right {
	return func(a koschei.Actor) error {
		given, ifMaintainer := ed.policy.Gives(a, r)
		switch {
		case given || ifMaintainer:
			return nil
		case ed.policy[r] == koschei.Admins:
			return koschei.Refusal(koschei.ErrForbidden, "only administrators may do this")
		}
		return signedIn(a)
	}
}

// may asks for a right of the policy to all of the packages.
func (ed *editor) may(ctx context.Context, tx pgx.Tx, a koschei.Actor, r koschei.Right, ids []int64) error {
	if err := ed.might(r)(a); err != nil {
		return err
	}
	if given, _ := ed.policy.Gives(a, r); given {
		return nil
	}
	others, err := postgres.QueryNames(ctx, tx, `
		SELECT p.name
		FROM package p
		WHERE p.id = ANY($1) AND NOT EXISTS (
			SELECT
			FROM package_group_member gm
			JOIN package_group g ON g.id = gm.group_id AND g.namespace = ''
			JOIN package_group_maintainer m ON m.group_id = g.id
			JOIN users u ON u.id = m.user_id
			WHERE gm.base_id = p.base_id AND u.name = $2)
		LIMIT 1`, ids, a.Name)
	if err != nil {
		return fmt.Errorf("looking for the maintainers of packages: %w", err)
	}
	if len(others) > 0 {
		return koschei.Refusal(koschei.ErrForbidden, fmt.Sprintf("only administrators and maintainers of a global group with package %s may do this", others[0]))
	}
	return nil
}

// editCollections is the right to what koschei.Actor.CanEditCollections names.
func editCollections(a koschei.Actor) error {
	if a.CanEditCollections() {
		return nil
	}
	return koschei.Refusal(koschei.ErrForbidden, "only administrators may do this")
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
