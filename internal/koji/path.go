package koji

import (
	"fmt"
	"net/url"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// SourcePath is the place of a build's source package in a directory of packages
// that is given relative to the one that the hub takes the sources of builds
// from: "../packages" for those of the hub itself.
func SourcePath(packages string, b *Build, srpm rpm.NEVRA) string {
	return fmt.Sprintf("%s/%s/%s/%s/src/%s-%s-%s.src.rpm",
		packages, b.Name, b.Version, b.Release, srpm.Name, srpm.Version, srpm.Release)
}

// RepoURL is the address of the repository of a tag for an architecture,
// without "/repodata".
func (c *Client) RepoURL(tag string, repoID int64, arch string) string {
	return fmt.Sprintf("%s/repos/%s/%d/%s", c.config.TopURL, url.PathEscape(tag), repoID, url.PathEscape(arch))
}

// TaskFileURL is the address of a file that a task left, such as build.log. It
// holds as long as the task's directory is there.
func (c *Client) TaskFileURL(taskID int64, name string) string {
	return fmt.Sprintf("%s/work/tasks/%d/%d/%s", c.config.TopURL, taskID%10000, taskID, url.PathEscape(name))
}

// TaskURL is the address of a task's web page.
func (c *Client) TaskURL(taskID int64) string {
	return fmt.Sprintf("%s/taskinfo?taskID=%d", c.config.WebURL, taskID)
}

// BuildURL is the address of a build's web page.
func (c *Client) BuildURL(buildID int64) string {
	return fmt.Sprintf("%s/buildinfo?buildID=%d", c.config.WebURL, buildID)
}
