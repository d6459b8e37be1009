package view

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// A PackageFilter says which packages a list is of. Blocked ones never are.
type PackageFilter struct {
	Collections []int64
	Untracked   bool            // also those that are not tracked
	GroupID     int64           // only members of the group; 0 for all
	Group       string          // the same by its full name; "" for all
	Person      string          // only what somebody owns, or has in a group; "" for all
	Match       string          // only names that contain it, "*" standing for anything; "" for all
	States      []koschei.State // only packages in one of these; in any if there are none
	Running     bool            // only packages with a running build
	Since       time.Time       // only those whose state changed since; zero for all
	Cause       Cause           // only those that are broken and that this may have broken; zero for all
}

// A Cause is what broke packages: an update, or a failure that several builds have.
type Cause struct {
	Source  string // an update of this source package
	Version string // to this version-release; "" for any
	Failure string // a signature of failures, instead of an update
}

// A ListOrder says how a list is sorted. Keys that it cannot be sorted by
// count for nothing; what is still equal is sorted by name.
type ListOrder []OrderKey

// An OrderKey is one key to sort by.
type OrderKey struct {
	Key     string
	Reverse bool
}

// conditions returns what p must fulfil, with names for arguments.
func (f *PackageFilter) conditions(args pgx.NamedArgs) string {
	clauses := []string{"NOT p.blocked", f.scope(args)}
	if !f.Untracked {
		clauses = append(clauses, "p.state <> 'untracked'") // as NOT p.tracked is, but in an index
	}
	return strings.Join(clauses, " AND ")
}

// scope is conditions but for what depends on how p is.
func (f *PackageFilter) scope(args pgx.NamedArgs) string {
	var clauses []string
	if len(f.Collections) == 1 { // which is easier to plan for
		args["collection"] = f.Collections[0]
		clauses = append(clauses, "p.collection_id = @collection")
	} else {
		args["collections"] = f.Collections
		clauses = append(clauses, "p.collection_id = ANY(@collections)")
	}
	if f.GroupID != 0 {
		args["group"] = f.GroupID
		clauses = append(clauses, "p.base_id IN (SELECT base_id FROM package_group_member WHERE group_id = @group)")
	}
	if f.Group != "" {
		slash := strings.LastIndexByte("/"+f.Group, '/')
		args["namespace"], args["groupname"] = f.Group[:max(0, slash-1)], f.Group[slash:]
		clauses = append(clauses, `p.base_id IN (SELECT m.base_id FROM package_group_member m JOIN package_group g ON g.id = m.group_id
			WHERE g.namespace = @namespace AND g.name = @groupname)`)
	}
	if f.Person != "" {
		args["person"] = f.Person
		clauses = append(clauses, "p.base_id IN "+looksAfter)
	}
	if f.Match != "" {
		args["match"] = likePattern(f.Match)
		clauses = append(clauses, "p.base_id IN (SELECT m.id FROM base_package m WHERE m.name ILIKE @match)") // one look at each name
	}
	if !f.Since.IsZero() {
		args["since"] = f.Since
		clauses = append(clauses, "p.state_since >= @since")
	}
	if f.Cause != (Cause{}) {
		args["causedin"], args["source"], args["version"], args["failure"] = f.Collections, f.Cause.Source, f.Cause.Version, f.Cause.Failure
		clauses = append(clauses, f.Cause.condition())
	}
	return strings.Join(clauses, " AND ")
}

// condition is what p fulfils if it is broken and the cause may have done that: an
// update took away what p needs or came before its first failure, or p fails alike.
func (c *Cause) condition() string {
	if c.Failure != "" {
		return `p.state = 'failing' AND p.last_complete_build_id IN (SELECT f.build_id FROM build_failure f WHERE f.signature = @failure AND f.signature <> '')`
	}
	return `(p.state = 'unresolved' AND p.id IN (
			SELECT x.package_id
			FROM unmet u
			JOIN unmet_package x ON x.unmet_id = u.id
			WHERE u.collection_id = ANY(@causedin) AND u.source = @source AND (@version = '' OR u.source_after = @version))
		OR p.state = 'failing' AND p.id IN (
			SELECT b.package_id
			FROM repo_change x
			JOIN applied_change a ON a.broke AND a.curr && array_remove(x.curr, 0)
			JOIN build b ON b.id = a.build_id
			WHERE x.collection_id = ANY(@causedin) AND x.source = @source AND (@version = '' OR @version =
				(SELECT max(n.source_version) FROM nevra n WHERE n.id = ANY(x.curr) AND n.source = x.source))))`
}

// narrowing returns what f asks of p besides conditions.
func (f *PackageFilter) narrowing(args pgx.NamedArgs) string {
	clauses := []string{"true"}
	if len(f.States) > 0 {
		states := make([]string, len(f.States))
		for i, s := range f.States {
			states[i] = string(s)
		}
		args["states"] = states
		clauses = append(clauses, "p.state = ANY(@states)")
	}
	if f.Running {
		clauses = append(clauses, "p.running")
	}
	return strings.Join(clauses, " AND ")
}

// likePattern makes what people type a pattern of LIKE.
func likePattern(match string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`).Replace(match) + "%"
}

// sql returns the terms of ORDER BY. expression knows what a key sorts by and
// whether descending; "" means that it does not know the key.
func (o ListOrder) sql(expression func(key string) (expr string, descending bool)) string {
	var terms []string
	for _, k := range append(slices.Clone(o), OrderKey{Key: "name"}) {
		expr, descending := expression(k.Key)
		switch {
		case expr == "":
			continue
		case descending != k.Reverse && k.Key == "name": // never null
			expr += " DESC"
		case descending != k.Reverse:
			expr += " DESC NULLS LAST"
		}
		terms = append(terms, expr)
		if k.Key == "name" {
			break // nothing is equal any more
		}
	}
	return strings.Join(terms, ", ")
}

// statePlace is the place of p's state among listedStates.
const statePlace = "array_position('{unresolved,failing,ok,unknown,untracked}', p.state)"

// packageOrder is what the keys of a collection's list sort by. States that
// need a look come first.
func packageOrder(key string) (expr string, descending bool) {
	switch key {
	case "name":
		return "p.name", false
	case "state":
		return statePlace, false
	case "trouble":
		return "p.state IN ('failing', 'unresolved')", true
	case "running":
		return "p.running", true
	case "task_id":
		return "p.last_build_id", false // almost the same, at a hundredth of the cost
	case "started":
		return "p.last_build_started", false
	case "since":
		return "p.state_since", true
	case "current_priority":
		return listPriority, true
	}
	return "", false
}

// listPriority is the priority of p in its collection c, null for a package
// with an obstacle: those that are only held have one.
const listPriority = "CASE WHEN p.schedulable AND c.latest_repo_resolved = 'resolved' THEN " + schema.Priority + " END"

// PackageCounts are the packages that a filter lets through but for its States
// and Running.
type PackageCounts struct {
	ByState map[koschei.State]int
	Running int
}

// A ListedPackage is a row of a collection's list.
type ListedPackage struct {
	koschei.PackageStatus
	LastTaskID int64 // of the last build; 0 if not known
	LastHub    koschei.Hub
	Groups     []string // the global ones it is in

	EVR    rpm.EVR // of the last complete build; zero if there is none
	Fault  string  // why that failed: the line of the error, or what Koji says; "" if it did not, or that is not known
	Unmet  string  // what nothing provides that it needs; "" if it can be installed, or that is not known
	Reason string  // the first problem why it cannot be installed; "" if it can be
}

// List returns a page of the packages that f lets through, which must be of one
// collection. Nothing is counted, unless the page is asked for by an offset.
func (v *Packages) List(ctx context.Context, f PackageFilter, order ListOrder, span Span, ranking schema.Ranking) (list []ListedPackage, around Around, err error) {
	l := lister{q: v.db, filter: f, ranking: ranking}
	ids, around, err := l.choose(ctx, order, span)
	if err == nil {
		list, err = listedPackages(ctx, v.db, ids)
	}
	if err != nil {
		return nil, Around{}, fmt.Errorf("reading the package list: %w", err)
	}
	return list, around, nil
}

// Count returns how many packages f lets through, and how all divide by
// state, those that are not tracked too.
func (v *Packages) Count(ctx context.Context, f PackageFilter) (total int, counts PackageCounts, err error) {
	all := f
	all.Untracked = true
	kinds, err := countPackages(ctx, v.db, all)
	if err != nil {
		return 0, PackageCounts{}, fmt.Errorf("counting packages: %w", err)
	}
	return kinds.size(f.lets), kinds.summary(), nil
}

// counted are packages that are alike in what lists are divided by.
type counted struct {
	state       koschei.State
	running     bool
	schedulable bool
	n           int
}

type countedPackages []counted

// countPackages counts the packages that f lets through but for its States and
// Running.
func countPackages(ctx context.Context, q postgres.Querier, f PackageFilter) (countedPackages, error) {
	args := pgx.NamedArgs{}
	rows, err := q.Query(ctx, "SELECT p.state, p.running, p.schedulable, count(*) FROM package p WHERE "+f.conditions(args)+" GROUP BY 1, 2, 3", args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c counted, err error) {
		err = row.Scan(&c.state, &c.running, &c.schedulable, &c.n)
		return c, err
	})
}

// lets tells whether packages counted are among those that f asks for.
func (f *PackageFilter) lets(c counted) bool {
	return (len(f.States) == 0 || slices.Contains(f.States, c.state)) && (c.running || !f.Running) &&
		(f.Untracked || c.state != koschei.StateUntracked)
}

// size is how many packages there are of the kinds that pass.
func (all countedPackages) size(pass func(counted) bool) int {
	n := 0
	for _, c := range all {
		if pass(c) {
			n += c.n
		}
	}
	return n
}

func (all countedPackages) summary() PackageCounts {
	counts := PackageCounts{ByState: map[koschei.State]int{}}
	for _, c := range all {
		counts.ByState[c.state] += c.n
	}
	counts.Running = all.size(func(c counted) bool { return c.running })
	return counts
}

// listedPackages returns the packages with these ids, in their order.
func listedPackages(ctx context.Context, q postgres.Querier, ids []int64) ([]ListedPackage, error) {
	rows, err := q.Query(ctx, `
		SELECT `+schema.PackageColumns+`, coalesce(b.task_id, 0), coalesce(b.hub, 'primary'),
			ARRAY(SELECT g.name
				FROM package_group_member m
				JOIN package_group g ON g.id = m.group_id
				WHERE m.base_id = p.base_id AND g.namespace = ''
				ORDER BY g.name),
			coalesce(d.epoch, 0), coalesce(d.version, ''), coalesce(d.release, ''),
			CASE WHEN p.state = 'failing' THEN `+whyFailed("d")+` ELSE '' END,
			CASE WHEN p.state = 'unresolved' THEN coalesce((
				SELECT u.dependency
				FROM unmet_package x
				JOIN unmet u ON u.id = x.unmet_id
				WHERE x.package_id = p.id
				ORDER BY u.id
				LIMIT 1), '') ELSE '' END,
			coalesce(a.problems[1], '')
		FROM unnest($1::bigint[]) WITH ORDINALITY AS chosen (id, n)
		JOIN package p ON p.id = chosen.id
		LEFT JOIN resolution a ON a.package_id = p.id
		LEFT JOIN build b ON b.id = p.last_build_id
		LEFT JOIN build d ON d.id = p.last_complete_build_id
		ORDER BY chosen.n`, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (ListedPackage, error) {
		var p ListedPackage
		err := schema.ScanPackage(row, &p.PackageStatus, &p.LastTaskID, &p.LastHub, &p.Groups,
			&p.EVR.Epoch, &p.EVR.Version, &p.EVR.Release, &p.Fault, &p.Unmet, &p.Reason)
		return p, err
	})
}
