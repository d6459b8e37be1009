package view

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A Place is where a list goes on: the row that a page ended or began with. It names
// what the row was sorted by, so that the list goes on there whatever became of the
// row, and however many rows came and went before it.
type Place struct {
	Part   int    // of the list
	Number int    // of the row, as it was counted when it was shown; only told, never looked for
	Value  string // what the row is sorted by in its part before its name, "" if by nothing
	Name   string
}

// String is the place as addresses have it.
func (p *Place) String() string { return fmt.Sprintf("%d~%d~%s~%s", p.Part, p.Number, p.Value, p.Name) }

const (
	mostParts = 64            // more than any list has
	mostRows  = math.MaxInt32 // likewise
)

// ParsePlace reads what String has written.
func ParsePlace(text string) (*Place, error) {
	fields := strings.SplitN(text, "~", 4)
	if len(fields) == 4 {
		part, err := strconv.ParseUint(fields[0], 10, 16)
		number, err2 := strconv.ParseUint(fields[1], 10, 31)
		if err == nil && err2 == nil && part < mostParts {
			return &Place{Part: int(part), Number: int(number), Value: fields[2], Name: fields[3]}, nil
		}
	}
	return nil, fmt.Errorf("%q is no place in a list: %w", text, koschei.ErrInvalid)
}

// A Span is the part of a list that is asked for: its beginning, what is behind a
// place or before one, or what is behind so many rows.
type Span struct {
	Limit         int
	After, Before *Place
	Offset        int
}

// Around are the places at the ends of a page.
type Around struct {
	First, Last *Place // rows of the page; nil if it has none
	More        bool   // there are rows before it
	Further     bool   // there are rows behind it
}

// A valueKind is what the rows of a part are sorted by before their names.
type valueKind int

const (
	byName   valueKind = iota // nothing
	byTime                    // microseconds since 1970
	byNumber                  // an integer
	byFloat
)

// read returns a value as the database takes it.
func (k valueKind) read(text string) (any, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case k == byFloat:
		f, err := strconv.ParseFloat(text, 64)
		if err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	case err == nil && k == byNumber:
		return n, nil
	case err == nil && k == byTime && n > -mostMicros && n < mostMicros:
		return time.UnixMicro(n), nil
	}
	return nil, fmt.Errorf("%q is not what the list is sorted by: %w", text, koschei.ErrInvalid)
}

// mostMicros is after the year 9999.
const mostMicros = 1 << 58

// text is the expression of a value as it stands in a Place.
func (k valueKind) text(value string) string {
	switch k {
	case byName:
		return "''"
	case byTime:
		return "(extract(epoch FROM " + value + ") * 1000000)::bigint::text"
	}
	return value + "::text"
}

// A part of a list is read in the order of what its rows are sorted by, and of their
// names.
type part struct {
	from  string // a table p with id and name, and a condition
	args  pgx.NamedArgs
	value string // of p; "" if it is sorted by name alone
	kind  valueKind
	nulls bool // value is indexed with those that have none at the end that is going down
	down  bool // the greatest value comes first
	back  bool // the last name comes first
}

// turned is the part from its end.
func (p part) turned() part {
	p.down, p.back = !p.down, !p.back
	return p
}

// order are the terms of ORDER BY.
func (p *part) order() string {
	name := "p.name"
	if p.back {
		name = "p.name DESC"
	}
	switch {
	case p.value == "":
		return name
	case p.down && p.nulls:
		return p.value + " DESC NULLS LAST, " + name
	case p.down:
		return p.value + " DESC, " + name
	case p.nulls:
		return p.value + " NULLS FIRST, " + name
	}
	return p.value + ", " + name
}

// behind is the condition for what comes after a place of the part.
func (p *part) behind(at *Place, args pgx.NamedArgs) (string, error) {
	further := func(down bool) string {
		if down {
			return "<"
		}
		return ">"
	}
	args["name"] = at.Name
	name := "p.name " + further(p.back) + " @name"
	if p.value == "" {
		return name, nil
	}
	value, err := p.kind.read(at.Value)
	if err != nil {
		return "", err
	}
	args["value"] = value
	than := further(p.down)
	return fmt.Sprintf("%s %s= @value AND (%s %s @value OR %s)", p.value, than, p.value, than, name), nil
}

// A placed is a row of a list with what it is sorted by.
type placed struct {
	id    int64
	place Place
}

// read returns the first rows of a part, or those behind a place of it, or behind so
// many others.
func (p *part) read(ctx context.Context, q postgres.Querier, at *Place, limit, offset int) ([]placed, error) {
	args := pgx.NamedArgs{"limit": limit, "offset": offset}
	for name, value := range p.args {
		args[name] = value
	}
	where, skip := "", ""
	if offset > 0 {
		skip = " OFFSET @offset"
	}
	if at != nil {
		condition, err := p.behind(at, args)
		if err != nil {
			return nil, err
		}
		where = " AND " + condition
	}
	// Planned for this very page: what is best depends on how far down it is.
	rows, err := q.Query(ctx, "SELECT p.id, p.name, "+p.kind.text(p.value)+" FROM "+p.from+where+" ORDER BY "+p.order()+" LIMIT @limit"+skip,
		pgx.QueryExecModeCacheDescribe, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r placed, err error) {
		err = row.Scan(&r.id, &r.place.Name, &r.place.Value)
		return r, err
	})
}

// readParts returns the ids of a page of a list that consists of parts.
func readParts(ctx context.Context, q postgres.Querier, parts []part, span Span) (ids []int64, around Around, err error) {
	at, step, i, end := span.After, 1, 0, len(parts)
	if span.Before != nil {
		at, step, i, end = span.Before, -1, len(parts)-1, -1
	}
	if at != nil {
		if at.Part >= len(parts) {
			return nil, around, fmt.Errorf("%q is no place in this list: %w", at, koschei.ErrInvalid)
		}
		i = at.Part
	}
	var rows []placed
	for ; i != end && len(rows) <= span.Limit; i += step {
		p := parts[i]
		if step < 0 {
			p = p.turned()
		}
		some, err := p.read(ctx, q, at, span.Limit+1-len(rows), 0)
		if err != nil {
			return nil, around, err
		}
		for _, r := range some {
			r.place.Part = i
			rows = append(rows, r)
		}
		at = nil
	}
	more := len(rows) > span.Limit
	rows = rows[:min(len(rows), span.Limit)]
	around.More, around.Further = span.After != nil, more
	if step < 0 {
		slices.Reverse(rows)
		around.More, around.Further = more, true
	}
	return placesOf(rows, span, around)
}

// placesOf counts rows.
func placesOf(rows []placed, span Span, around Around) ([]int64, Around, error) {
	ids := make([]int64, len(rows))
	before := span.Offset
	switch {
	case span.After != nil:
		before = span.After.Number
	case span.Before != nil:
		before = max(0, span.Before.Number-1-len(rows))
	}
	for i := range rows {
		ids[i] = rows[i].id
		rows[i].place.Number = min(before+i+1, mostRows)
	}
	if len(rows) > 0 {
		around.First, around.Last = &rows[0].place, &rows[len(rows)-1].place
	}
	return ids, around, nil
}
