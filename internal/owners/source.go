package owners

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
)

// A Source says whose packages are whose. Pagure's lists are one; a forge that is
// asked by another API is another.
type Source interface {
	// Address tells sources apart.
	Address() string
	// Owners returns the owners of each package, and a tag of the answer, or
	// errSame if the answer is that of the tag known.
	Owners(ctx context.Context, known string) (owners map[string][]string, tag string, err error)
}

var errSame = errors.New("nothing has changed")

// A List is the Source of a file of JSON, as Pagure makes one for dist-git:
// {"rpms": {"teapot": ["alice", "@kettle-sig"]}}. People stand by their names,
// groups by theirs after an @; who is called orphan is nobody.
type List struct {
	URL    string
	Client *http.Client
}

const (
	mostList  = 64 << 20 // bytes
	fetchTime = time.Minute
	orphan    = "orphan"
)

// Address implements Source.
func (l *List) Address() string { return l.URL }

// Owners implements Source.
func (l *List) Owners(ctx context.Context, known string) (owners map[string][]string, tag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.URL, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("User-Agent", "Koschei")
	req.Header.Set("Accept", "application/json")
	if known != "" {
		req.Header.Set("If-None-Match", known)
	}
	resp, err := l.Client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }() // it was read as far as it matters
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		return nil, known, errSame
	default:
		return nil, "", fmt.Errorf("%s answers with status %d", l.URL, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostList+1))
	if err != nil {
		return nil, "", fmt.Errorf("reading %s: %w", l.URL, err)
	}
	if len(body) > mostList {
		return nil, "", fmt.Errorf("%s is longer than the %d bytes allowed", l.URL, mostList)
	}
	owners, err = parseList(body)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", l.URL, err)
	}
	return owners, resp.Header.Get("ETag"), nil
}

// parseList reads a list. Names that nothing of ours can have are left out.
func parseList(body []byte) (map[string][]string, error) {
	var list struct {
		RPMs map[string][]string `json:"rpms"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("it is no list of owners: %w", err)
	}
	if list.RPMs == nil {
		return nil, errors.New("it is no list of owners: it has no rpms")
	}
	owners := map[string][]string{}
	for name, people := range list.RPMs {
		if koschei.ValidateName("package", name) != nil {
			continue
		}
		for _, person := range people {
			if person != orphan && koschei.ValidateName("owner", strings.TrimPrefix(person, "@")) == nil {
				owners[name] = append(owners[name], person)
			}
		}
	}
	return owners, nil
}
