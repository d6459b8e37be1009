package repodata

import (
	"net/url"
	"strings"
)

// inside reports whether a location stays below the directory it is relative
// to, also if a server decodes its percent signs. An empty one names nothing
// and does no harm.
func inside(href string) bool {
	if !insidePath(href) {
		return false
	}
	if !strings.Contains(href, "%") {
		return true
	}
	decoded, err := url.PathUnescape(href)
	return err != nil || insidePath(decoded)
}

func insidePath(path string) bool {
	if strings.HasPrefix(path, "/") || hasScheme(path) || strings.Contains(path, "\\") {
		return false
	}
	if !strings.Contains(path, "..") {
		return true
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == ".." {
			return false
		}
	}
	return true
}

// hasScheme reports whether path begins like a URL. A colon behind the first
// slash is part of a file's name, and so is one with an epoch before it.
func hasScheme(path string) bool {
	return strings.Contains(path, "://") || strings.HasPrefix(path, "file:")
}
