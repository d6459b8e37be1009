package html

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/koschei-ci/koschei"
)

// Segment is a name as one part of a path; Named is the way back. Browsers take the
// parts . and .. for steps, however they are escaped. So these have a ~ in front, and
// so has what begins with one.
func Segment(name string) string {
	if name == "." || name == ".." || strings.HasPrefix(name, "~") {
		name = "~" + name
	}
	return url.PathEscape(name)
}

// Named is the name that a part of a path stands for, of which nothing is escaped
// any more.
func Named(segment string) string { return strings.TrimPrefix(segment, "~") }

// PackageURL is a package's page in a collection, or in the first of several
// with commas between them; "" is the default one.
func PackageURL(name, collection string) string {
	u := "/package/" + Segment(name)
	if collection != "" {
		u = InCollection(u, collection)
	}
	return u
}

// InCollection is the page at an address without arguments, about a collection or
// about several with commas between them.
func InCollection(address, collection string) string {
	return address + "?collection=" + url.QueryEscape(collection)
}

// RepoURL is the page of a repo of a collection.
func RepoURL(collection string, repo int64) string {
	return fmt.Sprintf("/repo/%s/%d", url.PathEscape(collection), repo)
}

// UpdateURL is the page of an update of a source package in a collection, the newest
// one if version is "".
func UpdateURL(collection, source, version string) string {
	u := "/update/" + url.PathEscape(collection) + "/" + Segment(source)
	if version != "" {
		u += "/" + Segment(version)
	}
	return u
}

// An Address is that of a page with its arguments. It makes those of others
// that differ in a few arguments.
type Address struct {
	Path  string // escaped
	Query url.Values
}

// Set returns the address with some of its arguments changed, and those of
// value "" left out.
func (a Address) Set(args map[string]string) string {
	q := url.Values{}
	for key, values := range a.Query {
		q[key] = values
	}
	for key, value := range args {
		if value == "" {
			q.Del(key)
		} else {
			q.Set(key, value)
		}
	}
	if len(q) == 0 {
		return a.Path
	}
	return a.Path + "?" + q.Encode()
}

// Links lead to the Koji systems that builds were made at.
type Links map[koschei.Hub]Koji

// Koji has the addresses of a Koji system's pages and files, without a slash
// at the end. Where one is empty there are no such links.
type Koji struct {
	WebURL string
	TopURL string
}

// Task is the page of a Koji task, "" if there is none.
func (l Links) Task(hub koschei.Hub, task int64) string {
	web := l[hub].WebURL
	if web == "" || task == 0 {
		return ""
	}
	return fmt.Sprintf("%s/taskinfo?taskID=%d", web, task)
}

// A Log leads to one log of a task.
type Log struct {
	Name string
	URL  string
}

// logs are the logs of a task, as Koji lays them out. When it moves the files
// of a task that succeeded it leaves links to them there.
func (l Links) logs(hub koschei.Hub, t koschei.Task) []Log {
	top := l[hub].TopURL
	if top == "" || t.State == koschei.TaskFree || t.State == koschei.TaskAssigned {
		return nil // there are none, or none yet
	}
	var links []Log
	for _, name := range []string{"build.log", "root.log"} {
		links = append(links, Log{name, fmt.Sprintf("%s/work/tasks/%d/%d/%s", top, t.TaskID%10000, t.TaskID, name)})
	}
	return links
}
