package repodata

import (
	"context"
	"errors"
	"fmt"

	"github.com/koschei-ci/koschei/internal/depsolve"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Loaded says what Load has done.
type Loaded struct {
	Packages int // added
	Foreign  int // passed over, as they are for other architectures
	// Unusable has one sentence for each package that was left out because
	// something is wrong with it, such as a dependency that cannot be read.
	Unusable []string
}

// Load adds all packages of the repository to b. After an error b must not be
// used: it may hold packages that nobody vouches for. A package of an inferior
// architecture is an InputError; one that b cannot use is left out and
// mentioned.
func (r *Repo) Load(ctx context.Context, b *depsolve.Builder, id depsolve.RepoID) (*Loaded, error) {
	loaded := new(Loaded)
	err := r.Packages(ctx, func(p *rpm.Package) error {
		added, err := b.Add(id, p)
		var inferior *depsolve.InferiorArchError
		switch {
		case errors.As(err, &inferior):
			return &InputError{r.Location, err.Error(), err}
		case err != nil:
			// Printed at once: the error may hold strings that are only lent.
			loaded.Unusable = append(loaded.Unusable, fmt.Sprintf("%s: %v", r.Location, err))
		case added == depsolve.None:
			loaded.Foreign++
		default:
			loaded.Packages++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return loaded, nil
}
