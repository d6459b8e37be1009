package edit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

// A packageField is a column of packages that people decide.
type packageField[V comparable] struct {
	column string // in the audit log too
	label  string
	format string // of values in sentences
	right  koschei.Right
	also   string // what else is set with it
}

// The fields. What was resolved of a package that is not to be resolved would
// never become any newer.
var (
	tracked        = packageField[bool]{column: "tracked", label: "tracked", format: "%v", right: koschei.RightTrack}
	manualPriority = packageField[int]{column: "manual_priority", label: "manual priority", format: "%v", right: koschei.RightPriority}
	staticPriority = packageField[int]{column: "static_priority", label: "static priority", format: "%v", right: koschei.RightStaticPriority}
	archOverride   = packageField[string]{column: "arch_override", label: "architecture override", format: "%q", right: koschei.RightArchOverride}
	skipResolution = packageField[bool]{
		column: "skip_resolution", label: "skipping of resolution", format: "%v", right: koschei.RightSkipResolution,
		also: ", resolution = 'unattempted', resolved_build_id = NULL",
	}
)

// setField sets a field of packages, which are locked, and notes it for those
// that had another value. Each of those gets a new revision.
func setField[V comparable](ctx context.Context, tx pgx.Tx, log *audit.Log, collection string, ids []int64, f packageField[V], value V) error {
	rows, err := tx.Query(ctx, `
		WITH changed AS (
			UPDATE package p
			SET `+f.column+` = $2, revision = revision + 1`+f.also+`
			FROM (SELECT id, `+f.column+` AS was FROM package WHERE id = ANY($1)) old
			WHERE p.id = old.id AND old.was <> $2
			RETURNING p.name, old.was, p.revision
		)
		SELECT name, was, revision
		FROM changed
		ORDER BY name`, ids, value)
	if err != nil {
		return err
	}
	var name string
	var was V
	var revision int64
	_, err = pgx.ForEachRow(rows, []any{&name, &was, &revision}, func() error {
		log.AddField(audit.Field{
			Collection: collection, Package: name, Name: f.column, Was: fmt.Sprint(was), Became: fmt.Sprint(value), Revision: revision,
		}, "package %s (collection %s): %s changed from "+f.format+" to "+f.format, name, collection, f.label, was, value)
		return nil
	})
	return err
}

// A PackageEdit says what becomes of a package in a collection; what is nil
// stays.
type PackageEdit struct {
	Collection string
	Name       string
	Revision   *int64 // that whoever changes it has seen; nil if they do not mind what others did since

	Tracked        *bool
	ManualPriority *int
	StaticPriority *int
	ArchOverride   *string
	SkipResolution *bool
}

// validate says what cannot be set, whatever the package is.
func (e *PackageEdit) validate() error {
	for _, priority := range []*int{e.ManualPriority, e.StaticPriority} {
		if priority == nil {
			continue
		}
		if err := koschei.NumberPriority.Check(float64(*priority)); err != nil {
			return err
		}
	}
	return nil
}

// EditPackage changes fields of a package, all of them or none. Each takes its own
// right. An error that is a *Clash says that somebody else has changed one of
// them since the revision, to another value.
func (ed *Editor) EditPackage(ctx context.Context, act audit.Act, e PackageEdit) ([]string, error) {
	return ed.change(ctx, act, signedIn, func(tx pgx.Tx, log *audit.Log) error {
		if err := e.validate(); err != nil {
			return err
		}
		ids, err := lockNamedPackages(ctx, tx, e.Collection, []string{e.Name}, false)
		if err != nil {
			return err
		}
		p := &packageEditor{ed: ed, tx: tx, log: log, collection: e.Collection, name: e.Name, ids: ids, since: e.Revision}
		editField(ctx, p, tracked, e.Tracked)
		editField(ctx, p, manualPriority, e.ManualPriority)
		editField(ctx, p, staticPriority, e.StaticPriority)
		editField(ctx, p, archOverride, e.ArchOverride)
		editField(ctx, p, skipResolution, e.SkipResolution)
		if p.failed != nil {
			return p.failed
		}
		return settled(ctx, tx, ids, act.Now)
	})
}

// A packageEditor changes fields of one package.
type packageEditor struct {
	ed         *Editor
	tx         pgx.Tx
	log        *audit.Log
	collection string
	name       string
	ids        []int64 // one
	since      *int64

	failed error // what has gone wrong first
}

// editField sets a field to what is wanted, if anything is and nothing has failed
// yet.
func editField[V comparable](ctx context.Context, p *packageEditor, f packageField[V], wanted *V) {
	if wanted == nil || p.failed != nil {
		return
	}
	p.failed = p.ed.may(ctx, p.tx, p.log.Act.Actor, f.right, p.ids)
	if p.failed == nil {
		p.failed = p.clash(ctx, f.column, f.label, fmt.Sprint(*wanted))
	}
	if p.failed == nil {
		p.failed = setField(ctx, p.tx, p.log, p.collection, p.ids, f, *wanted)
	}
}

// clash is a *Clash if somebody has changed the field since the revision, and
// not to what is wanted.
func (p *packageEditor) clash(ctx context.Context, field, label, wanted string) error {
	if p.since == nil {
		return nil
	}
	c := Clash{Label: label, Yours: wanted}
	err := p.tx.QueryRow(ctx, `
		SELECT a.actor, a.logged, a.became, p.revision
		FROM audit a
		JOIN package p ON p.id = $5
		WHERE a.collection = $1 AND a.package = $2 AND a.field = $3 AND a.revision > $4
		ORDER BY a.id DESC
		LIMIT 1`, p.collection, p.name, field, *p.since, p.ids[0]).Scan(&c.By, &c.At, &c.Is, &c.Revision)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && c.Is == wanted:
		return nil
	case err != nil:
		return fmt.Errorf("looking for what others changed: %w", err)
	}
	return &c
}

// A Clash is an error: somebody else has changed the same meanwhile. It wraps
// koschei.ErrConflict.
type Clash struct {
	Label    string // of what was changed
	By       string
	At       time.Time
	Is       string
	Yours    string
	Revision int64 // that has been seen with this
}

func (c *Clash) Error() string {
	return fmt.Sprintf("%s set the %s to %s at %s; yours is %s", c.By, c.Label, shown(c.Is), c.At.UTC().Format("2006-01-02 15:04"), shown(c.Yours))
}

func (c *Clash) Unwrap() error { return koschei.ErrConflict }

// shown is a value in a sentence.
func shown(value string) string {
	if value == "" {
		return strconv.Quote(value)
	}
	return value
}
