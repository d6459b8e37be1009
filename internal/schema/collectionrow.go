package schema

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
)

// A collectionSetting is a column of table collection that operators decide.
type collectionSetting struct {
	column string
	Label  string                        // in the audit log
	field  func(*koschei.Collection) any // a pointer to it
}

// Name is what the setting is called in the record and by programs.
func (s collectionSetting) Name() string { return s.column }

// Value is what c has for the setting.
func (s collectionSetting) Value(c *koschei.Collection) any {
	switch p := s.field(c).(type) {
	case *string:
		return *p
	case *int:
		return *p
	case *float64:
		return *p
	case *bool:
		return *p
	}
	panic("cannot happen: no kind of setting for " + s.column)
}

// Set reads the setting of c from text as fmt.Sprint writes it. An error wraps
// koschei.ErrInvalid.
func (s collectionSetting) Set(c *koschei.Collection, text string) (err error) {
	kind := ""
	switch p := s.field(c).(type) {
	case *string:
		*p = text
	case *int:
		kind = "a whole number"
		*p, err = strconv.Atoi(text)
	case *float64:
		kind = "a number"
		*p, err = strconv.ParseFloat(text, 64)
	case *bool:
		kind = "true or false"
		*p = text == "true"
		if text != "true" && text != "false" {
			err = koschei.ErrInvalid
		}
	}
	if err != nil {
		return fmt.Errorf("the %s is %.60q, it must be %s: %w", s.Label, text, kind, koschei.ErrInvalid)
	}
	return nil
}

// CollectionSetting returns the setting of that name.
func CollectionSetting(name string) (s collectionSetting, ok bool) {
	for _, s := range CollectionSettings() {
		if s.column == name {
			return s, true
		}
	}
	return s, false
}

// CollectionSettings are all of them: what reads, stores and audits collections
// goes by this list.
func CollectionSettings() []collectionSetting {
	return []collectionSetting{
		{"name", "name", func(c *koschei.Collection) any { return &c.Name }},
		{"display_name", "display name", func(c *koschei.Collection) any { return &c.DisplayName }},
		{"order", "order", func(c *koschei.Collection) any { return &c.Order }},
		{"secondary_mode", "secondary mode", func(c *koschei.Collection) any { return &c.SecondaryMode }},
		{"target", "target", func(c *koschei.Collection) any { return &c.Target }},
		{"dest_tag", "destination tag", func(c *koschei.Collection) any { return &c.DestTag }},
		{"build_tag", "build tag", func(c *koschei.Collection) any { return &c.BuildTag }},
		{"build_group", "build group", func(c *koschei.Collection) any { return &c.BuildGroup }},
		{"bugzilla_product", "Bugzilla product", func(c *koschei.Collection) any { return &c.BugzillaProduct }},
		{"bugzilla_version", "Bugzilla version", func(c *koschei.Collection) any { return &c.BugzillaVersion }},
		{"priority_coefficient", "priority coefficient", func(c *koschei.Collection) any { return &c.PriorityCoefficient }},
		{"weight", "weight", func(c *koschei.Collection) any { return &c.Weight }},
		{"max_builds", "limit of builds", func(c *koschei.Collection) any { return &c.MaxBuilds }},
		{"paused", "paused", func(c *koschei.Collection) any { return &c.Paused }},
		{"poll_untracked", "poll untracked", func(c *koschei.Collection) any { return &c.PollUntracked }},
		{"weak_deps", "weak dependencies", func(c *koschei.Collection) any { return &c.WeakDeps }},
		{"lenient", "lenient", func(c *koschei.Collection) any { return &c.Lenient }},
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
