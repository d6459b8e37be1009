package view

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A Person is who looks after packages.
type Person struct {
	Owned  int             // packages of which a list of owners says that they are theirs
	Groups []koschei.Group // that they maintain, by name
	Signed bool            // they have signed in once, or were named by somebody

	ListAge time.Duration // since the list of owners was last found true; 0 if there is none
}

// Person returns what is known of a person. An error wraps koschei.ErrNotFound if
// that is nothing.
func (v *People) Person(ctx context.Context, name string) (*Person, error) {
	p := &Person{}
	err := v.db.Read(ctx, func(q postgres.Querier) error {
		err := q.QueryRow(ctx, `
			SELECT (SELECT count(*) FROM package_owner WHERE owner = $1), EXISTS (SELECT FROM users WHERE name = $1),
				coalesce((SELECT clock_timestamp() - min(fetched) FROM owner_source), '0')`, name).Scan(&p.Owned, &p.Signed, &p.ListAge)
		if err != nil {
			return err
		}
		rows, err := q.Query(ctx, `
			SELECT g.id, g.namespace, g.name, (SELECT count(*) FROM package_group_member m WHERE m.group_id = g.id)
			FROM users u
			JOIN package_group_maintainer x ON x.user_id = u.id
			JOIN package_group g ON g.id = x.group_id
			WHERE u.name = $1
			ORDER BY g.namespace, g.name`, name)
		if err != nil {
			return err
		}
		p.Groups, err = pgx.CollectRows(rows, scanGroup)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what %s looks after: %w", name, err)
	}
	if p.Owned == 0 && len(p.Groups) == 0 && !p.Signed {
		return nil, fmt.Errorf("nobody called %q is known here: %w", name, koschei.ErrNotFound)
	}
	return p, nil
}
