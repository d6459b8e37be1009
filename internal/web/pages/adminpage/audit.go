package adminpage

import (
	"fmt"
	"strconv"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
	"github.com/koschei-ci/koschei/internal/web/html"
)

// An auditView shows a part of the audit log.
type auditView struct {
	html.Layout
	Page    string
	Form    auditForm
	Entries []html.Act
	Older   string // address, "" if there is nothing older
}

// shownEntries is how many are shown at once.
const shownEntries = 100

// An auditForm says which part is shown.
type auditForm struct {
	User       string `form:"user"`
	Package    string `form:"package"`
	Collection string `form:"collection_name"` // collection is what the whole page is about
	Object     string `form:"object"`
	Since      string `form:"since"` // days
	Until      string `form:"until"`
	Before     string `form:"before"`

	query view.AuditQuery
}

// Validate implements web.Form.
func (f *auditForm) Validate() (err error) {
	q := view.AuditQuery{Actor: f.User, Package: f.Package, Collection: f.Collection, Object: f.Object, Limit: shownEntries + 1}
	if q.Since, err = day(f.Since); err != nil {
		return err
	}
	if q.Until, err = day(f.Until); err != nil {
		return err
	}
	if !q.Until.IsZero() {
		q.Until = q.Until.AddDate(0, 0, 1) // the day is shown, too
	}
	if f.Before != "" {
		if q.Before, err = strconv.ParseInt(f.Before, 10, 64); err != nil || q.Before < 1 {
			return fmt.Errorf("before %q is not the number of an entry: %w", f.Before, koschei.ErrInvalid)
		}
	}
	f.query = q
	return nil
}

// day reads a day, of which "" is none.
func day(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return at, fmt.Errorf("%q is not a day as 2026-11-24: %w", text, koschei.ErrInvalid)
	}
	return at, nil
}

func (p *pages) showAudit(r *web.Request) (web.Answer, error) {
	var f auditForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	entries, err := r.View.People.AuditLog(r.Context(), f.query)
	if err != nil {
		return web.Answer{}, err
	}
	v := &auditView{Layout: r.Layout("", "Audit log"), Page: "audit", Form: f}
	if len(entries) > shownEntries {
		entries = entries[:shownEntries]
		v.Older = r.Address().Set(map[string]string{"before": strconv.FormatInt(entries[shownEntries-1].ID, 10)})
	}
	v.Entries = web.Acts(entries, r.URL.RequestURI())
	return web.Page(p.audit, v)
}

// An undoForm says where whoever undoes something came from.
type undoForm struct {
	Back string `form:"back"`
}

// Validate implements web.Form.
func (f *undoForm) Validate() error {
	if !web.OwnPath(f.Back) {
		return fmt.Errorf("%q is no page of this site: %w", f.Back, koschei.ErrInvalid)
	}
	return nil
}

func undo(r *web.Request) (web.Answer, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return web.Answer{}, fmt.Errorf("there is no entry %q in the audit log: %w", r.PathValue("id"), koschei.ErrNotFound)
	}
	var f undoForm
	if err := r.Read(&f); err != nil {
		return web.Answer{}, err
	}
	changes, err := r.Edit.Undo(r.Context(), r.Act(), id)
	if err != nil {
		return web.Answer{}, err
	}
	return web.Changed(f.Back, changes), nil
}
