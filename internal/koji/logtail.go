package koji

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei"
)

// A LogTail is the end of a log.
type LogTail struct {
	Text []byte
	Cut  bool // there is more before it
}

// LogTail returns the end of a task's log, size bytes of it at most: from where the
// hub's files are served, or from the hub itself if they are not. An error wraps
// koschei.ErrNotFound if there is no such log, or none any more.
func (c *Client) LogTail(ctx context.Context, taskID int64, name string, size int64) (LogTail, error) {
	if c.config.TopURL != "" {
		if tail, ok := c.servedTail(ctx, taskID, name, size); ok {
			return tail, nil
		}
	}
	text, err := c.TaskOutputTail(ctx, taskID, name, size)
	switch class := ClassOf(err); {
	case err == nil:
		return LogTail{text, int64(len(text)) >= size}, nil
	case class == Permanent, class == Infrastructure:
		return LogTail{}, fmt.Errorf("%s of task %d: %w", name, taskID, koschei.ErrNotFound)
	}
	return LogTail{}, fmt.Errorf("%s of task %d: %w", name, taskID, err)
}

// servedTail asks where files are served, and reports whether that had the log.
func (c *Client) servedTail(ctx context.Context, taskID int64, name string, size int64) (LogTail, bool) {
	limited, cancel := context.WithTimeout(ctx, c.config.CallLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodGet, c.TaskFileURL(taskID, name), http.NoBody)
	if err != nil {
		return LogTail{}, false
	}
	req.Header.Set("User-Agent", "koji/1 koschei")
	req.Header.Set("Range", fmt.Sprintf("bytes=-%d", size))
	resp, err := c.http.Do(req)
	if err != nil {
		return LogTail{}, false
	}
	defer func() { _ = resp.Body.Close() }() // what can be left is of no use
	cut := false
	switch resp.StatusCode {
	case http.StatusPartialContent:
		cut, err = isCut(resp.Header.Get("Content-Range"))
	case http.StatusOK: // all of it: the server does not do ranges
		if resp.ContentLength < 0 || resp.ContentLength > size {
			err = errors.New("it is too long")
		}
	default:
		err = &HTTPError{Status: resp.StatusCode}
	}
	if err != nil {
		return LogTail{}, false
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, size))
	return LogTail{text, cut}, err == nil
}

// isCut says whether a Content-Range does not begin with the file.
func isCut(contentRange string) (bool, error) {
	first, _, ok := strings.Cut(strings.TrimPrefix(contentRange, "bytes "), "-")
	if !ok {
		return false, fmt.Errorf("content range %q cannot be read", contentRange)
	}
	at, err := strconv.ParseInt(first, 10, 64)
	return at > 0, err
}
