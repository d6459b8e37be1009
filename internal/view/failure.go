package view

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei/internal/buildlog"
)

// A Failure is what the logs of a failed build tell.
type Failure struct {
	Found  bool  // false if there was no log any more, or nothing in it
	TaskID int64 // Koji's; 0 if it is not known which failed
	Arch   string
	Read   time.Time
	buildlog.Excerpt
}

// whyFailed is one line of why a row of build failed: that of the error in its
// logs, or what Koji says if that is not known.
func whyFailed(row string) string {
	return `coalesce((SELECT nullif(trim(f.lines[f.error + 1]), '') FROM build_failure f WHERE f.build_id = ` + row + `.id), ` + row + `.fault, '')`
}

// Failure returns why a build failed; nil if its logs were not read.
func (v *Builds) Failure(ctx context.Context, buildID int64) (*Failure, error) {
	f := &Failure{}
	var lines []string
	var numbers []int
	err := v.db.QueryRow(ctx, `
		SELECT found, task_id, arch, read, log, phase, kind, message, error, lines, numbers, total, signature
		FROM build_failure
		WHERE build_id = $1`, buildID).Scan(&f.Found, &f.TaskID, &f.Arch, &f.Read, &f.Log, &f.Phase, &f.Kind, &f.Message, &f.Error,
		&lines, &numbers, &f.Total, &f.Signature)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading why build %d failed: %w", buildID, err)
	}
	for i := range min(len(lines), len(numbers)) {
		f.Lines = append(f.Lines, buildlog.Line{Number: numbers[i], Text: lines[i]})
	}
	if f.Error >= len(f.Lines) {
		f.Error = -1
	}
	return f, nil
}

// FailureLines returns, by build, the line of the error of failed builds; without
// those of which it is not known.
func (v *Builds) FailureLines(ctx context.Context, buildIDs []int64) (map[int64]string, error) {
	rows, err := v.db.Query(ctx, `
		SELECT build_id, trim(lines[error + 1])
		FROM build_failure
		WHERE build_id = ANY($1) AND error >= 0`, buildIDs)
	if err != nil {
		return nil, fmt.Errorf("reading errors of builds: %w", err)
	}
	lines := map[int64]string{}
	var id int64
	var line string
	_, err = pgx.ForEachRow(rows, []any{&id, &line}, func() error {
		lines[id] = line
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading errors of builds: %w", err)
	}
	return lines, nil
}

// A SameFailure is a build that failed with an error of some signature.
type SameFailure struct {
	Collection string
	Package    string
	Build      BuildRef
}

// SameFailures returns the newest builds that failed with an error of a signature.
func (v *Builds) SameFailures(ctx context.Context, signature string, limit int) ([]SameFailure, error) {
	rows, err := v.db.Query(ctx, `
		SELECT c.name, p.name, b.id, b.outcome, b.origin, b.epoch, b.version, b.release, coalesce(b.repo_id, 0), b.event, b.started
		FROM build_failure f
		JOIN build b ON b.id = f.build_id
		JOIN package p ON p.id = b.package_id
		JOIN collection c ON c.id = p.collection_id
		WHERE f.signature = $1 AND $1 <> ''
		ORDER BY f.build_id DESC
		LIMIT $2`, signature, limit)
	if err != nil {
		return nil, fmt.Errorf("reading builds that failed alike: %w", err)
	}
	same, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s SameFailure, err error) {
		b := &s.Build
		err = row.Scan(&s.Collection, &s.Package, &b.ID, &b.Outcome, &b.Origin, &b.EVR.Epoch, &b.EVR.Version, &b.EVR.Release,
			&b.RepoID, &b.Event, &b.Started)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading builds that failed alike: %w", err)
	}
	return same, nil
}
