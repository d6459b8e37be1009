package repodata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A Repo is an open repository: its repomd.xml has been read. It has no state
// beyond that, so goroutines may share it, and there is nothing to close.
type Repo struct {
	// Location is the directory or URL, without "repodata".
	Location string

	source  source
	entries []entry
}

// Open opens the repository in a directory or at an http or https URL. The
// client is for URLs only; NewClient makes one.
func Open(ctx context.Context, location string, client *http.Client) (*Repo, error) {
	if isURL(location) {
		location = strings.TrimRight(location, "/")
		return openSource(ctx, location, &server{location, client})
	}
	return openSource(ctx, location, directory(location))
}

func openSource(ctx context.Context, location string, src source) (*Repo, error) {
	document, err := readRepomd(ctx, src)
	if err != nil {
		return nil, err
	}
	r := &Repo{Location: location, source: src}
	if r.entries, err = parseRepomd(document); err != nil {
		return nil, &InputError{src.name(repomdHref), err.Error(), nil}
	}
	return r, nil
}

func readRepomd(ctx context.Context, src source) ([]byte, error) {
	f, err := src.open(ctx, entry{href: repomdHref})
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var document bytes.Buffer
	n, err := io.Copy(&document, io.LimitReader(f, maxRepomd+1))
	if err != nil {
		return nil, err
	}
	if n > maxRepomd {
		return nil, &InputError{src.name(repomdHref), fmt.Sprintf("it is longer than the %d bytes allowed", maxRepomd), nil}
	}
	return document.Bytes(), nil
}

// Packages calls f for each package of the repository, in the order of its
// primary.xml. The package, its slices and its strings are valid until f
// returns. What f has seen counts only if Packages returns no error. An error
// of f ends the reading and is returned as it is.
func (r *Repo) Packages(ctx context.Context, f func(*rpm.Package) error) error {
	return r.read(ctx, []string{"primary"}, func(document io.Reader) error {
		return ScanPrimary(document, r.atMost(maxRelations, f))
	})
}

// NewPackages is Packages for who knows most of them: known is asked, in the
// order of primary.xml, for the checksum of each package, and f is called for
// those that it does not know. Those that it knows are hardly looked at. Its
// argument is valid until it returns.
func (r *Repo) NewPackages(ctx context.Context, known func(pkgID string) bool, f func(*rpm.Package) error) error {
	return r.read(ctx, []string{"primary"}, func(document io.Reader) error {
		return scanPrimary(document, known, r.atMost(maxRelations, f))
	})
}

// atMost is f as long as the packages it is called for have no more than so many
// relations and files together.
func (r *Repo) atMost(limit int, f func(*rpm.Package) error) func(*rpm.Package) error {
	return func(p *rpm.Package) error {
		limit -= len(p.Requires) + len(p.Provides) + len(p.Conflicts) + len(p.Obsoletes) + len(p.Recommends) +
			len(p.Suggests) + len(p.Supplements) + len(p.Enhances) + len(p.Files)
		if limit < 0 {
			return &InputError{r.Location, "its packages have more dependencies and files than are allowed", nil}
		}
		return f(p)
	}
}

// Announced is the number of packages that the repository says it has, 0 if it
// does not say. Nothing but a progress bar should rely on it.
func (r *Repo) Announced(ctx context.Context) int {
	var count int64
	_ = r.read(ctx, []string{"primary"}, func(document io.Reader) error {
		s := newScanner(document)
		if err := s.root("metadata"); err != nil {
			return errAnnounced
		}
		count, _ = s.number(s.attr("packages"), "the number of packages")
		return errAnnounced
	})
	return int(min(count, maxPackages))
}

// errAnnounced ends the reading where the announcement has been read.
var errAnnounced = errors.New("read enough")

// HasFiles reports whether the repository has file lists beyond those of its
// packages.
func (r *Repo) HasFiles() bool { return r.find("filelists") != nil }

// Files calls f for each file of a package whose path want asks for. Both get
// strings that are valid until they return. What f has seen counts only if
// Files returns no error. An error of f ends the reading and is returned as it
// is.
func (r *Repo) Files(ctx context.Context, want func(path string) bool, f func(pkgID, path string) error) error {
	return r.read(ctx, []string{"filelists"}, func(document io.Reader) error {
		return ScanFilelists(document, want, f)
	})
}

// Groups reads the groups of the repository; it may have none.
func (r *Repo) Groups(ctx context.Context) ([]Group, error) {
	kinds := []string{"group", "group_gz", "group_zst", "group_xz", "group_bz2"}
	if r.find(kinds...) == nil {
		return nil, nil
	}
	var groups []Group
	err := r.read(ctx, kinds, func(document io.Reader) (err error) {
		groups, err = ScanComps(document)
		return err
	})
	if err != nil {
		return nil, err
	}
	return groups, nil
}

// Group lists the packages that installing the group id installs; see Install.
// A group that the repository lacks is an InputError that wraps ErrNoGroup.
func (r *Repo) Group(ctx context.Context, id string) ([]string, error) {
	groups, err := r.Groups(ctx)
	if err != nil {
		return nil, err
	}
	names, err := Install(groups, id)
	if errors.Is(err, ErrNoGroup) {
		return nil, &InputError{r.Location, err.Error(), ErrNoGroup}
	}
	return names, err
}

// find is the first entry of one of the kinds, or nil.
func (r *Repo) find(kinds ...string) *entry {
	for _, kind := range kinds {
		for i := range r.entries {
			if r.entries[i].kind == kind {
				return &r.entries[i]
			}
		}
	}
	return nil
}

func (r *Repo) read(ctx context.Context, kinds []string, f func(io.Reader) error) error {
	e := r.find(kinds...)
	repomd := r.source.name(repomdHref)
	switch {
	case e == nil:
		return &InputError{repomd, fmt.Sprintf("it names no %q file", kinds[0]), nil}
	case e.flaw != "":
		return &InputError{repomd, e.flaw, nil}
	case e.href == "":
		return &InputError{repomd, fmt.Sprintf("it does not say where the %q file is", e.kind), nil}
	case e.sum.algorithm == "":
		return &InputError{repomd, fmt.Sprintf("it has no checksum for the %q file", e.kind), nil}
	}
	file, err := r.source.open(ctx, *e)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	var fromReader error
	err = verified(file, r.source.name(e.href), *e, func(document io.Reader) error {
		fromReader = f(document)
		return fromReader
	})
	var input *InputError
	if errors.As(err, &input) && !errors.Is(err, fromReader) {
		r.source.discard(e.href)
	}
	return err
}
