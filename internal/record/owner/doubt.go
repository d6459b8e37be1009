package owner

import (
	"context"
	"fmt"

	"github.com/koschei-ci/koschei/internal/postgres"
)

// Doubt notes why an answer is not believed: one about owners, or about a group.
func (o *Owners) Doubt(ctx context.Context, what, why string) error {
	_, err := o.db.ExecOne(ctx, `
		INSERT INTO owner_doubt (what, why)
		VALUES ($1, $2)
		ON CONFLICT (what) DO UPDATE SET why = excluded.why`, what, why)
	if err != nil {
		return fmt.Errorf("noting that %s are not believed: %w", what, err)
	}
	return nil
}

// Believe notes that an answer is believed again.
func (o *Owners) Believe(ctx context.Context, what string) error {
	if _, err := o.db.ExecOne(ctx, `DELETE FROM owner_doubt WHERE what = $1`, what); err != nil {
		return fmt.Errorf("noting that %s are believed: %w", what, err)
	}
	return nil
}

// ForgetDoubts forgets the doubts about what nobody asks for any more.
func (o *Owners) ForgetDoubts(ctx context.Context, asked []string) error {
	if _, err := o.db.ExecOne(ctx, `DELETE FROM owner_doubt WHERE what <> ALL($1)`, postgres.NotNil(asked)); err != nil {
		return fmt.Errorf("forgetting what was not believed: %w", err)
	}
	return nil
}
