package koji

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// An OutputFile is a file that a task left.
type OutputFile struct {
	Name     string
	Size     int64
	Modified time.Time
}

// TaskOutputFiles returns the files that a task left, by name; none if there
// is no such task. A build itself has none, its children do.
func (c *Client) TaskOutputFiles(ctx context.Context, id int64) ([]OutputFile, error) {
	var stats map[string]struct {
		Size     string    `koji:"st_size"` // a string, for it may exceed 32 bits
		Modified time.Time `koji:"st_mtime"`
	}
	if err := c.read(ctx, &stats, "listTaskOutput", id, named("stat", true)); err != nil {
		return nil, err
	}
	files := make([]OutputFile, 0, len(stats))
	for name, stat := range stats {
		size, err := strconv.ParseInt(stat.Size, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("listTaskOutput: size %q of %s", stat.Size, name)
		}
		files = append(files, OutputFile{Name: name, Size: size, Modified: stat.Modified})
	}
	slices.SortFunc(files, func(a, b OutputFile) int { return cmp.Compare(a.Name, b.Name) })
	return files, nil
}

// TaskOutput returns up to size bytes of a file from an offset; a negative
// offset counts from the end, a negative size means all. A file that is not
// there is a fault, and so is an end that is longer than the file.
func (c *Client) TaskOutput(ctx context.Context, id int64, name string, offset, size int64) ([]byte, error) {
	var content content
	err := c.read(ctx, &content, "downloadTaskOutput", id, name, named("offset", offset, "size", size))
	return content, err
}

// TaskOutputTail returns the last size bytes of a file, all of it if it is shorter.
// The hub fails when it is asked for more than there is.
func (c *Client) TaskOutputTail(ctx context.Context, id int64, name string, size int64) ([]byte, error) {
	tail, err := c.TaskOutput(ctx, id, name, -size, -1)
	if isFault(err, codePython) {
		return c.TaskOutput(ctx, id, name, 0, size)
	}
	return tail, err
}

// content is bytes that the hub packs into text: base64 in a string, or in the
// type that XML-RPC has for it.
type content []byte

// UnmarshalXMLRPC implements xmlrpc.Unmarshaler.
func (c *content) UnmarshalXMLRPC(value any) error {
	if data, ok := value.([]byte); ok {
		*c = data
		return nil
	}
	var text string
	if err := xmlrpc.Unmarshal(value, &text); err != nil {
		return err
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	*c = data
	return err
}

// outputChunk is how much of a file is asked for at once: the hub holds it in
// memory, and so do we.
const outputChunk = 1 << 20

// CopyTaskOutput writes a file to w from an offset to its present end, and
// returns how many bytes that were.
func (c *Client) CopyTaskOutput(ctx context.Context, w io.Writer, id int64, name string, offset int64) (int64, error) {
	start := offset
	for {
		data, err := c.TaskOutput(ctx, id, name, offset, outputChunk)
		if err != nil {
			return offset - start, err
		}
		n, err := w.Write(data)
		offset += int64(n)
		if err != nil {
			return offset - start, fmt.Errorf("copying %s of task %d: %w", name, id, err)
		}
		if len(data) < outputChunk {
			return offset - start, nil
		}
	}
}
