package pages

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/koschei-ci/koschei"
)

// packageURL is a package's page in a collection, or in the first of several
// with commas between them; "" is the default one.
func packageURL(name, collection string) string {
	u := "/package/" + url.PathEscape(name)
	if collection != "" {
		u += "?collection=" + url.QueryEscape(collection)
	}
	return u
}

// taskURL is the page of a Koji task, "" if there is none.
func (s *Site) taskURL(hub koschei.Hub, task int64) string {
	web := s.config.Koji[hub].WebURL
	if web == "" || task == 0 {
		return ""
	}
	return fmt.Sprintf("%s/taskinfo?taskID=%d", web, task)
}

// A logLink leads to one log of a task.
type logLink struct {
	Name string
	URL  string
}

// logLinks are the logs of a task, as Koji lays them out. When it moves the
// files of a task that succeeded it leaves links to them there.
func (s *Site) logLinks(hub koschei.Hub, t koschei.Task) []logLink {
	top := s.config.Koji[hub].TopURL
	if top == "" || t.State == koschei.TaskFree || t.State == koschei.TaskAssigned {
		return nil // there are none, or none yet
	}
	var links []logLink
	for _, name := range []string{"build.log", "root.log"} {
		links = append(links, logLink{name, fmt.Sprintf("%s/work/tasks/%d/%d/%s", top, t.TaskID%10000, t.TaskID, name)})
	}
	return links
}

// points writes a priority or a term of one.
func points(f float64) string { return count(int(math.Round(f))) }

// sentence makes one of words that begin lower case and have no end.
func sentence(words string) string {
	first, size := utf8.DecodeRuneInString(words)
	if size == 0 || strings.HasSuffix(words, ".") {
		return words
	}
	return string(unicode.ToUpper(first)) + words[size:] + "."
}
