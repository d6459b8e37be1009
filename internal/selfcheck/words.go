package selfcheck

import (
	"fmt"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/maintain"
)

// about is a finding of a kind in one collection.
func about(kind koschei.FindingKind, x *maintain.Stuck, repair, format string, args ...any) koschei.Finding {
	return koschei.Finding{
		Kind: kind, CollectionID: x.CollectionID, Collection: x.Collection, Subject: x.Collection,
		Count: x.Count, Repair: repair, Sentence: x.Collection + ": " + fmt.Sprintf(format, args...),
	}
}

// aboutCollection is a finding that lasts, about a collection as a whole.
func aboutCollection(kind koschei.FindingKind, c *koschei.Collection, format string, args ...any) koschei.Finding {
	return about(kind, &maintain.Stuck{CollectionID: c.ID, Collection: c.Name, Count: 1}, "", format, args...)
}

func packages(x *maintain.Stuck) string { return counted(x, "package") }

func builds(x *maintain.Stuck) string { return counted(x, "build") }

// counted is "3 packages (a, b, c)".
func counted(x *maintain.Stuck, noun string) string {
	if x.Count != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s (%s)", x.Count, noun, examples(x))
}

// examples are "a, b, c and 4 more".
func examples(x *maintain.Stuck) string {
	names := strings.Join(x.Examples, ", ")
	if more := x.Count - len(x.Examples); more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return names
}

func since(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// sinceOrEver goes behind what was not done.
func sinceOrEver(t time.Time) string {
	if t.IsZero() {
		return "ever"
	}
	return "since " + since(t)
}

// because tells what troubles a service, if anything.
func because(r koschei.ServiceReport) string {
	switch {
	case r.Trouble != "":
		return fmt.Sprintf(", because the %s has trouble since %s: %s", r.Service, since(r.FirstSeen), r.Trouble)
	case r.Succeeded.IsZero():
		return fmt.Sprintf(", and no %s ever looked at the collection", r.Service)
	}
	return fmt.Sprintf(", although the %s last succeeded at %s", r.Service, since(r.Succeeded))
}
