package upstream

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// Fill reads the tasks of builds, what they were built with as far as the
// original has kept it, and what had changed.
func (o *Original) Fill(ctx context.Context, builds []*Build) error {
	err := o.read(ctx, func(tx pgx.Tx) error { return o.fill(ctx, tx, builds) })
	if err != nil {
		return fmt.Errorf("reading the builds to take over: %w", err)
	}
	return nil
}

func (o *Original) fill(ctx context.Context, tx pgx.Tx, builds []*Build) error {
	byID := make(map[int64]*Build, len(builds))
	ids := make([]int64, len(builds))
	for i, b := range builds {
		byID[b.ID], ids[i] = b, b.ID
	}
	tasks, err := rowsOf(ctx, tx, scanTask, `
		SELECT build_id, task_id, arch, state, CASE WHEN isfinite(started) THEN started AT TIME ZONE $2 END,
			CASE WHEN isfinite(finished) THEN finished AT TIME ZONE $2 END
		FROM koji_task
		WHERE build_id = ANY($1)
		ORDER BY id`, ids, o.zone)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if b := byID[t.BuildID]; t.State == "" || t.Started.IsZero() {
			b.flaw("without its task %d, whose state or time Koji does not have", t.TaskID)
		} else {
			b.Tasks = append(b.Tasks, t)
		}
	}
	changes, err := rowsOf(ctx, tx, pgx.RowToStructByPos[change], `
		SELECT build_id, coalesce(prev_dep_id, 0), coalesce(curr_dep_id, 0),
			CASE WHEN distance BETWEEN 1 AND 4 THEN distance ELSE 0 END
		FROM applied_change
		WHERE build_id = ANY($1)
		ORDER BY id`, ids)
	if err != nil {
		return err
	}
	sets, err := readSets(ctx, tx, byID, ids)
	if err != nil {
		return err
	}
	if err := o.lookUp(ctx, tx, changes, sets); err != nil {
		return err
	}
	o.addChanges(byID, changes)
	o.addSets(byID, sets)
	return nil
}

func (b *Build) flaw(format string, args ...any) {
	b.Flaws = append(b.Flaws, fmt.Sprintf(format, args...))
}

// scanTask leaves out a state that Koji does not have, and a time that is none.
func scanTask(row pgx.CollectableRow) (koschei.Task, error) {
	// In the order of Koji's numbers.
	states := [...]koschei.TaskState{
		koschei.TaskFree, koschei.TaskOpen, koschei.TaskClosed, koschei.TaskCanceled, koschei.TaskAssigned, koschei.TaskFailed,
	}
	t := koschei.Task{Method: "buildArch"} // it keeps no others
	var state int
	var started, finished *time.Time
	if err := row.Scan(&t.BuildID, &t.TaskID, &t.Arch, &state, &started, &finished); err != nil {
		return t, err
	}
	if state >= 0 && state < len(states) {
		t.State = states[state]
	}
	if started != nil {
		t.Started = *started
	}
	if finished != nil {
		t.Finished = *finished
	}
	return t, nil
}

// A change is a row of applied_change; ids are of dependency, 0 for none.
type change struct {
	Build      int64
	Prev, Curr int32
	Distance   int
}

// A keySet is what a build was built with: ids of dependency.
type keySet struct {
	Build int64
	Keys  []int32
}

func readSets(ctx context.Context, tx pgx.Tx, builds map[int64]*Build, ids []int64) (sets []keySet, err error) {
	type packedSet struct {
		Build int64
		Keys  []byte
	}
	packed, err := rowsOf(ctx, tx, pgx.RowToStructByPos[packedSet],
		`SELECT id, dependency_keys FROM build WHERE id = ANY($1) AND dependency_keys IS NOT NULL`, ids)
	if err != nil {
		return nil, err
	}
	for _, p := range packed {
		keys, err := unpack(p.Keys)
		if err != nil {
			builds[p.Build].flaw("without what it was built with, which cannot be read: %s", err)
			continue
		}
		sets = append(sets, keySet{p.Build, keys})
	}
	return sets, nil
}

// longestSet bounds what a set may unpack to; a buildroot has some hundred
// packages of four bytes each.
const longestSet = 4 << 20

// unpack takes apart a set as the original stores it: sorted ids, each as its
// distance from the one before, in four bytes, zlib around all.
func unpack(packed []byte) ([]int32, error) {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, longestSet))
	if err != nil {
		return nil, err
	}
	if len(plain)%4 != 0 || len(plain) == longestSet {
		return nil, fmt.Errorf("%d bytes are no list of ids", len(plain))
	}
	keys := make([]int32, 0, len(plain)/4)
	last := uint64(0)
	for delta := range slices.Chunk(plain, 4) {
		last += uint64(binary.BigEndian.Uint32(delta))
		if last > math.MaxInt32 {
			return nil, fmt.Errorf("id %d is too large", last)
		}
		keys = append(keys, int32(last))
	}
	return keys, nil
}

// poolSize is how many packages are kept in memory, so that those that most
// builds have are read once.
const poolSize = 500_000

// lookUp reads those packages of changes and sets that were not met before, if
// they exist.
func (o *Original) lookUp(ctx context.Context, tx pgx.Tx, changes []change, sets []keySet) error {
	if len(o.pool) > poolSize {
		clear(o.pool)
	}
	wanted := map[int32]bool{}
	want := func(id int32) {
		if _, known := o.pool[id]; !known && id != 0 {
			wanted[id] = true
		}
	}
	for _, c := range changes {
		want(c.Prev)
		want(c.Curr)
	}
	for _, s := range sets {
		for _, id := range s.Keys {
			want(id)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	ids := make([]int32, 0, len(wanted))
	for id := range wanted {
		ids = append(ids, id)
	}
	rows, err := tx.Query(ctx, `
		SELECT id, name, coalesce(epoch, 0), version, release, arch FROM dependency WHERE id = ANY($1)`, ids)
	if err != nil {
		return err
	}
	var id int32
	var n rpm.NEVRA
	_, err = pgx.ForEachRow(rows, []any{&id, &n.Name, &n.Epoch, &n.Version, &n.Release, &n.Arch}, func() error {
		o.pool[id] = n
		return nil
	})
	return err
}

// addChanges leaves out a change of or to a package that the original has lost.
func (o *Original) addChanges(builds map[int64]*Build, changes []change) {
	for _, c := range changes {
		prev, hasPrev := o.pool[c.Prev]
		curr, hasCurr := o.pool[c.Curr]
		if c.Prev != 0 && !hasPrev || c.Curr != 0 && !hasCurr {
			builds[c.Build].flaw("without a change from dependency %d to dependency %d, of which one does not exist", c.Prev, c.Curr)
			continue
		}
		if hasPrev && hasCurr && prev == curr {
			continue // one has no epoch, the other the epoch 0
		}
		taken := koschei.Change{Name: prev.Name}
		if hasPrev {
			taken.Prev = &prev
		}
		if hasCurr {
			taken.Name, taken.Curr, taken.Distance = curr.Name, &curr, c.Distance
		}
		b := builds[c.Build]
		b.Changes = append(b.Changes, taken)
	}
}

// addSets leaves out a set of which the original has lost something: the rest
// alone would look as if it had been all.
func (o *Original) addSets(builds map[int64]*Build, sets []keySet) {
	for _, s := range sets {
		b := builds[s.Build]
		lost := slices.IndexFunc(s.Keys, func(id int32) bool { _, known := o.pool[id]; return !known })
		if lost >= 0 {
			b.flaw("without what it was built with: there is no dependency %d, which is in it", s.Keys[lost])
			continue
		}
		distances := map[rpm.NEVRA]int{}
		for _, c := range b.Changes {
			if c.Curr != nil {
				distances[*c.Curr] = c.Distance
			}
		}
		for _, id := range s.Keys {
			n := o.pool[id]
			b.Set = append(b.Set, koschei.Dependency{NEVRA: n, Distance: distances[n]})
		}
	}
}
