package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/record"
)

// How long a package is held that cannot be built now, in domain time.
const (
	holdNoSource = time.Hour       // its source may come back
	holdNoArch   = 6 * time.Hour   // its headers or override may change
	holdBusy     = 5 * time.Minute // hosts get free
	holdTrouble  = time.Hour       // what Koji could not do it may do then
)

// troubles is how many packages of a collection Koji may refuse one after the
// other before it is taken for the collection's trouble.
const troubles = 3

// A queue is what one collection has to build in one pass.
type queue struct {
	submitter
	fenced   *record.Fenced
	packages []koschei.PackageStatus // the worthiest first
	refusals int                     // of the hub, one after the other

	remark string // why nothing is submitted although something waits; "" if nothing keeps it
	err    error  // that ended the collection's part in the pass
	away   bool   // that is the hub's, and no other collection fares better
}

// note stores how the collection fared. Trouble that nobody looked for again
// is not taken to be over.
func (q *queue) note(ctx context.Context, looked bool) error {
	_, troubled := q.service.resting[q.collection.ID]
	switch {
	case q.err != nil:
		// A collection in secondary mode may be in trouble with a hub that no other
		// needs.
		if !q.away && (refusal(q.err) || q.collection.SecondaryMode) {
			q.service.resting[q.collection.ID] = q.service.Now().Add(rest)
		}
		err := kojisync.Note(ctx, q.db, &q.collection, name, q.err, q.service.Now())
		return errors.Join(fmt.Errorf("collection %s: %w", q.collection.Name, q.err), err)
	case troubled && !looked:
		return nil
	}
	delete(q.service.resting, q.collection.ID)
	return q.db.NoteSuccess(ctx, q.collection.ID, name, q.remark, q.service.Now())
}

// A hold is why a package cannot be built now. It is no trouble of the
// collection's.
type hold struct {
	kind   record.HoldKind
	reason string
	during time.Duration
}

func (h *hold) Error() string { return h.reason }

// submitNext submits the first package of the queue that can be built, and
// takes it and those before it off. It returns false when none is left, the
// collection has as many builds running as it may, or it is in trouble.
func (q *queue) submitNext(ctx context.Context, running int) (bool, error) {
	if limit := q.collection.MaxBuilds; limit > 0 && running >= limit {
		q.remark = fmt.Sprintf("the collection has as many builds under way as it may, %d", limit)
		return false, nil
	}
	switch err := q.prepare(ctx); {
	case errors.Is(err, errRepoGone):
		q.remark = fmt.Sprintf("repo %d, which its verdicts are about, is gone: builds wait for a newer one", q.collection.LatestRepoID)
		return false, nil
	case err != nil:
		return false, err
	}
	if !q.unpinnedUntil.IsZero() {
		q.remark = fmt.Sprintf("Koji does not let us choose the repos of builds (policy build_from_repo_id): it chooses them until %s, then we try again; "+
			"koschei-admin retry-pinning tries at once", q.unpinnedUntil.UTC().Format("2006-01-02 15:04 MST"))
	}
	for len(q.packages) > 0 {
		if load, _ := q.loads.least(); q.service.LoadThreshold < 1 && load > q.service.LoadThreshold {
			q.remark = fmt.Sprintf("the hosts for all of its architectures are busy (load %.2f)", load)
			if q.unmanned {
				q.remark = "no host that builds for its architectures is enabled and ready"
			}
			return false, nil
		}
		p := q.packages[0]
		q.packages = q.packages[1:]
		err := q.submit(ctx, &p)
		if err == nil {
			q.refusals = 0
			return true, nil
		}
		if err := q.passOver(ctx, &p, err); err != nil {
			return false, fmt.Errorf("package %s: %w", p.Name, err)
		}
	}
	return false, nil
}

// passOver holds a package that was not submitted, so that it does not keep the
// next one waiting. It returns an error if that would not help.
func (q *queue) passOver(ctx context.Context, p *koschei.PackageStatus, cause error) error {
	var h *hold
	switch {
	case errors.Is(cause, koschei.ErrConflict): // it is another one now
		return nil
	case errors.As(cause, &h):
	case refusal(cause):
		q.refusals++
		h = &hold{record.HoldHub, "Koji could not do what building it needs: " + cause.Error(), holdTrouble}
	default:
		return cause
	}
	if !errors.Is(cause, errNotTaken) { // who lost a build is held for that already
		if err := q.fenced.HoldPackage(ctx, p.ID, record.Hold{Kind: h.kind, Reason: h.reason, Until: q.service.Now().Add(h.during)}); err != nil {
			return err
		}
	}
	q.service.Metrics.held(q.collection.Name)
	if q.refusals >= troubles {
		return cause
	}
	return nil
}

// errNotTaken is the error of a build that was written down and then refused.
var errNotTaken = errors.New("the build was not taken by Koji")

// refusal tells whether the hub is there but does not do what it was asked for,
// or does not have what is needed for that.
func refusal(err error) bool {
	if errors.Is(err, kojisync.ErrNoTarget) || errors.Is(err, koschei.ErrNotFound) {
		return true
	}
	var fault *xmlrpc.Fault
	class := koji.ClassOf(err)
	return errors.As(err, &fault) && (class == koji.Permanent || class == koji.Infrastructure)
}
