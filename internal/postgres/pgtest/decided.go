package pgtest

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Decided returns what tells, whenever it is asked, what people decided in a database:
// see Console.Decided.
func Decided(t testing.TB, cfg *pgxpool.Config) func() string {
	t.Helper()
	return NewConsole(t, cfg).Decided
}

// Decided is what people decided, and what stands beside it, as text of which only
// equality means anything.
func (c *Console) Decided() string {
	c.t.Helper()
	var hashes []string
	for _, table := range []string{
		"package", "package_group", "package_group_member", "package_group_maintainer", "users", "collection", "collection_group",
		"collection_group_member", "notice", "audit", "build", "repo", "event", "subscription", "token",
	} {
		hashes = append(hashes, `SELECT '`+table+` ' || count(*) || ' ' || coalesce(md5(string_agg(t::text, ' ' ORDER BY t::text)), '') FROM `+table+` t`)
	}
	return strings.Join(c.Lines(strings.Join(hashes, ` UNION ALL `)), "\n")
}
