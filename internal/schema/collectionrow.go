package schema

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A collectionSetting is a column of table collection that operators decide.
type collectionSetting struct {
	column string
	Label  string // in the audit log
	Value  func(*koschei.Collection) any
}

// Name is what the setting is called in the record and by programs.
func (s collectionSetting) Name() string { return s.column }

// CollectionSettings are all of them: what reads, stores and audits collections
// goes by this list.
func CollectionSettings() []collectionSetting {
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
		{"paused", "paused", func(c *koschei.Collection) any { return c.Paused }},
		{"poll_untracked", "poll untracked", func(c *koschei.Collection) any { return c.PollUntracked }},
		{"weak_deps", "weak dependencies", func(c *koschei.Collection) any { return c.WeakDeps }},
		{"lenient", "lenient", func(c *koschei.Collection) any { return c.Lenient }},
	}
}

// quoted is for columns whose names are words of SQL.
func quoted(column string) string { return `"` + column + `"` }

// CollectionInsert stores c without a repo and returns its id.
func CollectionInsert(c *koschei.Collection) (sql string, args pgx.NamedArgs) {
	args = pgx.NamedArgs{}
	var columns, values []string
	for _, s := range CollectionSettings() {
		columns, values = append(columns, quoted(s.column)), append(values, "@"+s.column)
		args[s.column] = s.Value(c)
	}
	sql = fmt.Sprintf(`INSERT INTO collection (%s) VALUES (%s) RETURNING id`, strings.Join(columns, ", "), strings.Join(values, ", "))
	return sql, args
}

// CollectionUpdate stores the settings of c.
func CollectionUpdate(c *koschei.Collection) (sql string, args pgx.NamedArgs) {
	args = pgx.NamedArgs{"id": c.ID}
	var assignments []string
	for _, s := range CollectionSettings() {
		assignments = append(assignments, quoted(s.column)+" = @"+s.column)
		args[s.column] = s.Value(c)
	}
	return `UPDATE collection SET ` + strings.Join(assignments, ", ") + ` WHERE id = @id`, args
}
