package kojisync

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/record"
	"github.com/koschei-ci/koschei/internal/repodata"
)

// Note stores how a service fared with a collection: what troubles it if err
// is not nil, else that nothing does any more. Nothing is stored once ctx has
// ended, for then err says nothing of the collection.
func Note(ctx context.Context, db *record.Record, c *koschei.Collection, service koschei.Service, err error, now time.Time) error {
	if err == nil {
		return db.NoteSuccess(ctx, c.ID, service, "", now)
	}
	return db.NoteTrouble(ctx, c.ID, service, Trouble(err), now)
}

// Trouble is what people are told of an error that keeps a service from its
// work, as a sentence without its end. What Koji and repos say of themselves is
// repeated; all else is for the log.
func Trouble(err error) string {
	var fault *xmlrpc.Fault
	var unusable *repodata.InputError
	var unavailable *repodata.UnavailableError
	switch {
	case errors.As(err, &fault):
		return "Koji says: " + faultLine(fault)
	case errors.As(err, &unusable):
		return fmt.Sprintf("the repo cannot be read: %s: %s", path.Base(unusable.File), unusable.Reason)
	case errors.Is(err, koji.ErrNoSecondary):
		return "it is in secondary mode, but no secondary hub is configured"
	case errors.As(err, &unavailable):
		return "the files of the repo cannot be fetched"
	}
	var status *koji.HTTPError
	var transport *koji.TransportError
	switch class := koji.ClassOf(err); {
	case class == koji.Auth:
		return "Koji does not let us in"
	case class == koji.Transient, errors.As(err, &status), errors.As(err, &transport):
		return "Koji cannot be reached"
	case errors.Is(err, ErrNoRepo):
		return "Koji has no usable repo of its build tag"
	case errors.Is(err, ErrNoTarget):
		return "Koji does not have its build target"
	case errors.Is(err, errEmpty):
		return "Koji lists nothing in its destination tag, which is not believed"
	}
	return "something went wrong that the service's log tells more of"
}

// ErrNoRepo is the error of a collection of whose build tag no repo is ready.
var ErrNoRepo = errors.New("no repo is ready")

// ErrNoTarget is the error of a collection whose build target is gone.
var ErrNoTarget = errors.New("there is no such build target")

// errEmpty is the error of an answer that would throw everything away if it
// was believed.
var errEmpty = errors.New("it is empty")
