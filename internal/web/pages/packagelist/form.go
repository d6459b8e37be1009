package packagelist

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
)

// A searchForm is what is searched for.
type searchForm struct {
	Name string `form:"q"`
}

// maxName is the length of the longest name, as koschei.ValidateName has it.
const maxName = 255

// Validate implements web.Form.
func (f *searchForm) Validate() error {
	f.Name = strings.TrimSpace(f.Name)
	if len(f.Name) > maxName {
		return fmt.Errorf("no package has a name of more than %d characters: %w", maxName, koschei.ErrInvalid)
	}
	return nil
}

// A listForm is what all lists understand.
type listForm struct {
	Page      string `form:"page"`   // by its number, as addresses of old have it
	After     string `form:"after"`  // a place in the list: what is behind it
	Before    string `form:"before"` // likewise: what is before it
	State     string `form:"state"`  // several with commas between them
	OrderBy   string `form:"order_by"`
	Untracked bool   `form:"untracked"`
	Running   bool   `form:"running"`
	Name      string `form:"q"`     // a part of names
	Group     string `form:"group"` // a group by its full name
	Since     string `form:"since"` // "1h", "24h", "7d", "30d" or a time: whose state changed since
	Cause     string `form:"cause"` // "SOURCE" or "SOURCE/VERSION-RELEASE" of an update, or "failure:SIGNATURE"

	page          int // 1 is the first
	after, before *view.Place
	states        []koschei.State
	lasts         time.Duration // that Since says; 0 if it says none
	at            time.Time     // likewise
}

// maxPage keeps offsets far from overflowing.
const maxPage = 1_000_000

// Validate implements web.Form.
func (f *listForm) Validate() error {
	f.page, f.Name, f.Group = 1, strings.TrimSpace(f.Name), strings.TrimSpace(f.Group)
	if len(f.Name) > maxName || len(f.Group) > maxName {
		return fmt.Errorf("no package and no group has a name of more than %d characters: %w", maxName, koschei.ErrInvalid)
	}
	if f.Page != "" {
		n, err := strconv.Atoi(f.Page)
		if err != nil {
			return fmt.Errorf("page %q is not a number: %w", f.Page, koschei.ErrInvalid)
		}
		if n < 1 || n > maxPage {
			return fmt.Errorf("there is no page %d: %w", n, koschei.ErrNotFound)
		}
		f.page = n
	}
	if err := errors.Join(f.readPlace(), f.readSince(), f.readCause()); err != nil {
		return err
	}
	for state := range strings.SplitSeq(f.State, ",") {
		switch {
		case state == "":
		case slices.Contains(listedStates(), koschei.State(state)):
			f.states = append(f.states, koschei.State(state))
			f.Untracked = f.Untracked || koschei.State(state) == koschei.StateUntracked
		default:
			return fmt.Errorf("there is no state %q, packages are failing, unresolved, ok, unknown or untracked: %w", state, koschei.ErrInvalid)
		}
	}
	return nil
}

// readPlace reads where in the list the page is.
func (f *listForm) readPlace() (err error) {
	if f.After != "" && f.Before != "" {
		return fmt.Errorf("a page is either behind a place or before one: %w", koschei.ErrInvalid)
	}
	if f.After != "" {
		f.after, err = view.ParsePlace(f.After)
	} else if f.Before != "" {
		f.before, err = view.ParsePlace(f.Before)
	}
	return err
}

// periods are the times that lists offer.
func periods() []period {
	const day = 24 * time.Hour
	return []period{{"", "whenever", 0}, {"1h", "an hour", time.Hour}, {"24h", "a day", day}, {"7d", "a week", 7 * day}, {"30d", "30 days", 30 * day}}
}

type period struct {
	Arg, Text string
	lasts     time.Duration
}

func (f *listForm) readSince() (err error) {
	f.Since = strings.TrimSpace(f.Since)
	for _, p := range periods() {
		if p.Arg == f.Since {
			f.lasts = p.lasts
			return nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateTime, time.DateOnly} {
		if f.at, err = time.Parse(layout, f.Since); err == nil && f.at.Year() > 1970 && f.at.Year() < 9999 {
			return nil
		}
	}
	return fmt.Errorf("since %q is neither 1h, 24h, 7d or 30d nor a time as 2026-11-24T13:02: %w", f.Since, koschei.ErrInvalid)
}

// since is the time asked for, zero if none is.
func (f *listForm) since(now time.Time) time.Time {
	if f.lasts != 0 {
		return now.Add(-f.lasts)
	}
	return f.at
}

// periods are the times to choose from, with the one asked for.
func (f *listForm) periods() []choice {
	var list []choice
	for _, p := range periods() {
		list = append(list, choice{p.Arg, p.Text, p.Arg == f.Since})
	}
	if !f.at.IsZero() {
		list = append(list, choice{f.Since, f.Since, true})
	}
	return list
}

func (f *listForm) readCause() error {
	if f.Cause = strings.TrimSpace(f.Cause); len(f.Cause) > 2*maxName {
		return fmt.Errorf("no update and no failure has a name of more than %d characters: %w", 2*maxName, koschei.ErrInvalid)
	}
	return nil
}

// cause is what broke the packages asked for, zero if that is all the same.
func (f *listForm) cause() view.Cause {
	if signature, ok := strings.CutPrefix(f.Cause, "failure:"); ok {
		return view.Cause{Failure: signature}
	}
	source, version, _ := strings.Cut(f.Cause, "/")
	return view.Cause{Source: source, Version: version}
}

// listedStates are those a listed package can be in, in the order of chips.
func listedStates() []koschei.State {
	return []koschei.State{koschei.StateFailing, koschei.StateUnresolved, koschei.StateOK, koschei.StateUnknown, koschei.StateUntracked}
}

func (f *listForm) span(perPage int) view.Span {
	s := view.Span{Limit: perPage, After: f.after, Before: f.before}
	if s.After == nil && s.Before == nil {
		s.Offset = (f.page - 1) * perPage
	}
	return s
}

// maxOrderKeys is more than there are.
const maxOrderKeys = 16

// order is what the request sorts by. Without a wish, those with a problem are
// sorted by when it came up, anything else as usual says.
func (f *listForm) order(usual string) view.ListOrder {
	text := f.OrderBy
	if text == "" && len(f.states) > 0 {
		text = "since,name"
	}
	if text == "" {
		text = usual
	}
	var order view.ListOrder
	for key := range strings.SplitSeq(text, ",") {
		name, reverse := strings.CutPrefix(strings.TrimSpace(key), "-")
		if name != "" && len(order) < maxOrderKeys {
			order = append(order, view.OrderKey{Key: name, Reverse: reverse})
		}
	}
	return order
}
