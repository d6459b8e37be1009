package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/koschei-ci/koschei"
)

// maxBytes bounds what is read from outside. The names of a whole distribution
// are below 1 MB.
const maxBytes = 16 << 20

// readBounded refuses what is too long rather than to cut it off.
func readBounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err == nil && len(text) > maxBytes {
		return nil, fmt.Errorf("%w: it is longer than %d MB", koschei.ErrInvalid, maxBytes>>20)
	}
	return text, err
}

// ReadNames reads a list of names: a JSON list of strings, or words separated
// by white space. An error wraps koschei.ErrInvalid if it is neither, too long,
// or holds none: an empty list is more likely a mistake than a wish.
func ReadNames(r io.Reader) ([]string, error) {
	text, err := readBounded(r)
	if err != nil {
		return nil, err
	}
	names, err := parseNames(text)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: it holds no names", koschei.ErrInvalid)
	}
	for _, name := range names {
		if err := koschei.ValidateName("package", name); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func parseNames(text []byte) ([]string, error) {
	if trimmed := bytes.TrimSpace(text); bytes.HasPrefix(trimmed, []byte("[")) {
		var names []string
		if err := json.Unmarshal(trimmed, &names); err != nil {
			return nil, fmt.Errorf("%w: it is no JSON list of strings: %w", koschei.ErrInvalid, err)
		}
		return names, nil
	}
	return strings.Fields(string(text)), nil
}

// FetchNames reads a list of names as ReadNames does from an http or https
// address.
func FetchNames(ctx context.Context, client *http.Client, address string) ([]string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("address %q: %w: it must begin with http:// or https:// and a host", address, koschei.ErrInvalid)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: the server answers %s", address, resp.Status)
	}
	names, err := ReadNames(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return names, nil
}
