package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A collectionSetting is a column of table collection that operators decide.
type collectionSetting struct {
	column string
	label  string // in the audit log
	value  func(*koschei.Collection) any
}

// collectionSettings are all of them: what reads, stores and audits collections
// goes by this list.
func collectionSettings() []collectionSetting {
	return []collectionSetting{
		{"name", "name", func(c *koschei.Collection) any { return c.Name }},
		{"display_name", "display name", func(c *koschei.Collection) any { return c.DisplayName }},
		{"order", "order", func(c *koschei.Collection) any { return c.Order }},
		{"secondary_mode", "secondary mode", func(c *koschei.Collection) any { return c.SecondaryMode }},
		{"target", "target", func(c *koschei.Collection) any { return c.Target }},
		{"dest_tag", "destination tag", func(c *koschei.Collection) any { return c.DestTag }},
		{"build_tag", "build tag", func(c *koschei.Collection) any { return c.BuildTag }},
		{"build_group", "build group", func(c *koschei.Collection) any { return c.BuildGroup }},
		{"bugzilla_product", "Bugzilla product", func(c *koschei.Collection) any { return c.BugzillaProduct }},
		{"bugzilla_version", "Bugzilla version", func(c *koschei.Collection) any { return c.BugzillaVersion }},
		{"priority_coefficient", "priority coefficient", func(c *koschei.Collection) any { return c.PriorityCoefficient }},
		{"weight", "weight", func(c *koschei.Collection) any { return c.Weight }},
		{"max_builds", "limit of builds", func(c *koschei.Collection) any { return c.MaxBuilds }},
		{"poll_untracked", "poll untracked", func(c *koschei.Collection) any { return c.PollUntracked }},
		{"weak_deps", "weak dependencies", func(c *koschei.Collection) any { return c.WeakDeps }},
	}
}

// collectionColumns are those of koschei.Collection, of a table called c. Rows
// are read into it by the names of its fields.
func collectionColumns() string {
	columns := []string{"c.id", "c.latest_repo_id", "c.latest_repo_event", "c.latest_repo_resolved"}
	for _, s := range collectionSettings() {
		columns = append(columns, "c."+quoted(s.column))
	}
	return strings.Join(columns, ", ")
}

// quoted is for columns whose names are words of SQL.
func quoted(column string) string { return `"` + column + `"` }

// collectionInsert stores c without a repo and returns its id.
func collectionInsert(c *koschei.Collection) (sql string, args pgx.NamedArgs) {
	args = pgx.NamedArgs{}
	var columns, values []string
	for _, s := range collectionSettings() {
		columns, values = append(columns, quoted(s.column)), append(values, "@"+s.column)
		args[s.column] = s.value(c)
	}
	sql = fmt.Sprintf(`INSERT INTO collection (%s) VALUES (%s) RETURNING id`, strings.Join(columns, ", "), strings.Join(values, ", "))
	return sql, args
}

// collectionUpdate stores the settings of c.
func collectionUpdate(c *koschei.Collection) (sql string, args pgx.NamedArgs) {
	args = pgx.NamedArgs{"id": c.ID}
	var assignments []string
	for _, s := range collectionSettings() {
		assignments = append(assignments, quoted(s.column)+" = @"+s.column)
		args[s.column] = s.value(c)
	}
	return `UPDATE collection SET ` + strings.Join(assignments, ", ") + ` WHERE id = @id`, args
}

// auditCollection notes every setting that differs.
func auditCollection(log *audit, before, after *koschei.Collection) {
	for _, s := range collectionSettings() {
		if was, is := s.value(before), s.value(after); was != is {
			log.add(after.Name, "", "collection %s: %s changed from %v to %v", before.Name, s.label, was, is)
		}
	}
}
