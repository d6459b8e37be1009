package packagelist

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

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

	page          int // 1 is the first
	after, before *view.Place
	states        []koschei.State
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
	if err := f.readPlace(); err != nil {
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
