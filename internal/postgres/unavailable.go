package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// A noConnectionError says that no connection of the pool became free in time.
type noConnectionError struct{ within string }

func (e *noConnectionError) Error() string {
	return "no connection to the database within " + e.within + ", all are in use or it does not answer"
}

func (e *noConnectionError) Unwrap() error { return context.DeadlineExceeded }

// Unavailable says in a few words why the database could not be asked: it is
// gone, locked, full or too busy. It is "" if err is anything else, such as a
// mistake in a statement.
func Unavailable(err error) string {
	const gone = "the database does not answer"
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return refusal(pg.Code)
	}
	var noConnection *noConnectionError
	var connecting *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &noConnection):
		return "no connection to the database is free"
	case errors.As(err, &connecting), errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), pgconn.SafeToRetry(err):
		return gone
	}
	return ""
}

// refusal is Unavailable for what a server says itself.
func refusal(code string) string {
	const lockNotAvailable, queryCanceled, readOnlyTransaction = "55P03", "57014", "25006"
	switch {
	case code == lockNotAvailable:
		return "somebody holds a lock on a table of the database"
	case code == queryCanceled:
		return "the database took too long to answer"
	case code == readOnlyTransaction:
		return "nothing can be written to the database now"
	case strings.HasPrefix(code, "53"): // disk, memory, connections
		return "the database has no room, memory or connections left"
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "57P"), strings.HasPrefix(code, "58"):
		return "the database does not answer"
	}
	return ""
}
