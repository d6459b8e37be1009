package koji

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

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
