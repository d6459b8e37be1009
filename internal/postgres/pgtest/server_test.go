package pgtest_test

import (
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
)

// A clock that is set moves what it has written down the other way; a database that
// is read only takes that.
func TestServerInTrouble(t *testing.T) {
	t.Parallel()
	w := pgtest.NewWorld(t)
	w.Lease("a", "somebody", -10*time.Minute, false)
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		if err := w.JumpClock(t.Context(), by); err != nil {
			t.Fatal(err)
		}
		if held := w.Leases()[0].Held; held != (by < 0) {
			t.Errorf("after a jump by %v it is held: %t", by, held)
		}
	}
	for _, on := range []bool{true, false} {
		if err := w.SetReadOnly(t.Context(), on); err != nil {
			t.Fatal(err)
		}
		if err := w.EndAllConnections(t.Context()); err != nil {
			t.Fatal(err)
		}
		db := w.Open()
		if err := db.PG.Migrate(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
}
