package repodata

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/koschei-ci/koschei/internal/loop"
)

// A Cache keeps the metadata of repositories that never change, as Koji's do:
// each file is fetched at most once. Any number of processes may share its
// directory. Each file comes into being whole, by renaming, and what a process
// has open stays readable when another one evicts it; what it misses later it
// fetches again.
type Cache struct {
	// Dir is where the repositories are kept. It is made if it is missing.
	Dir string
	// MaxBytes is how much may be kept. What is beyond that when a repository is
	// opened goes, the longest unopened repository first, but never the one just
	// opened. 0 means no limit.
	MaxBytes int64
	// Client fetches; NewClient makes one.
	Client *http.Client
}

// Open opens the repository at a URL, or what is kept of it under key. The key
// must name this very repository: another content needs another key. Files
// other than repomd.xml are fetched when they are first read.
func (c *Cache) Open(ctx context.Context, key, url string) (*Repo, error) {
	if key == "" || !isURL(url) {
		return nil, &InputError{url, "a cache needs a key and an http or https URL", nil}
	}
	url = strings.TrimRight(url, "/")
	kept := &keptFiles{cache: c, dir: c.entryDir(key), server: &server{url, c.Client}}
	repo, err := openSource(ctx, url, kept)
	if err != nil {
		return nil, err
	}
	// Best effort: another process may just be evicting it.
	now := time.Now()
	_ = os.Chtimes(kept.dir, now, now)
	return repo, c.evict(kept.dir)
}

// The cache's directory holds a directory "repo-KEY" for each repository, and
// "tmp" for what is not complete.
const entryPrefix = "repo-"

func (c *Cache) entryDir(key string) string {
	return filepath.Join(c.Dir, entryPrefix+fileName(key))
}

// fileName makes a name of a file of any text, which may be longer than file
// systems allow: a tag of Koji may have 256 characters.
func fileName(text string) string {
	const longest, begin = 200, 100
	name := url.PathEscape(text)
	if len(name) <= longest {
		return name
	}
	return fmt.Sprintf("%s-%x", name[:begin], sha256.Sum256([]byte(text)))
}

// tmp is a directory for what is not complete, on the same file system.
func (c *Cache) tmp() (string, error) {
	dir := filepath.Join(c.Dir, "tmp")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return dir, err
	}
	if !isDirectory(dir) {
		return dir, fmt.Errorf("%s is a link: the cache would write and remove files elsewhere", dir)
	}
	return dir, nil
}

// isDirectory tells a directory from a link to one.
func isDirectory(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// keptFiles is a server's repository with a copy of each file read so far.
type keptFiles struct {
	cache  *Cache
	dir    string
	server *server
}

func (k *keptFiles) name(href string) string { return k.server.name(href) }

// path is where the copy of a file lies. Two files of a repository never
// differ in the directory only.
func (k *keptFiles) path(href string) string { return filepath.Join(k.dir, fileName(href)) }

func (k *keptFiles) open(ctx context.Context, e entry) (io.ReadCloser, error) {
	f, err := os.Open(k.path(e.href))
	if errors.Is(err, fs.ErrNotExist) {
		return k.fetch(ctx, e)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the cache: %w", err)
	}
	if info, err := f.Stat(); err == nil && e.size > 0 && info.Size() != e.size {
		// A disk that was full, or somebody's edit: fetch it again.
		_ = f.Close()
		return k.fetch(ctx, e)
	}
	return &contextReader{ctx, f, k.name(e.href)}, nil
}

// discard drops a copy that turned out bad, for the next reader to fetch it
// again.
func (k *keptFiles) discard(href string) { _ = os.Remove(k.path(href)) }

// limit is how long a file may be: what its kind may, and what may be kept at all.
func (k *keptFiles) limit(e entry) int64 {
	switch limit := maxFor(e); {
	case e.href == repomdHref:
		return maxRepomd
	case k.cache.MaxBytes > 0:
		return min(limit, k.cache.MaxBytes)
	default:
		return limit
	}
}

// fetch copies a file from the server and opens the copy. It is verified
// before it is kept, and by the reader once more.
func (k *keptFiles) fetch(ctx context.Context, e entry) (f io.ReadCloser, err error) {
	err = loop.Aside(ctx, func() error {
		f, err = k.fetchNow(ctx, e)
		return err
	})
	return f, err
}

func (k *keptFiles) fetchNow(ctx context.Context, e entry) (io.ReadCloser, error) {
	if limit := k.limit(e); e.size > limit {
		return nil, &InputError{k.name(e.href), fmt.Sprintf("its %d bytes are more than the %d allowed", e.size, limit), nil}
	}
	body, err := k.server.open(ctx, e)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	tmp, err := k.cache.tmp()
	if err != nil {
		return nil, fmt.Errorf("writing the cache: %w", err)
	}
	f, err := os.CreateTemp(tmp, "fetch-")
	if err != nil {
		return nil, fmt.Errorf("writing the cache: %w", err)
	}
	if err := k.copy(f, body, e); err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return nil, err
	}
	return &contextReader{ctx, f, k.name(e.href)}, nil
}

// copy fills f, gives it its name and rewinds it.
func (k *keptFiles) copy(f *os.File, body io.Reader, e entry) error {
	v := newVerifier(body, "it", e.sum, e.size, k.limit(e))
	_, err := io.Copy(f, v)
	if err == nil {
		err = v.finish()
	}
	var mismatch *mismatchError
	if errors.As(err, &mismatch) {
		return &InputError{k.name(e.href), mismatch.reason, nil}
	}
	if err == nil && e.href == repomdHref {
		err = k.checkRepomd(f)
	}
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("writing the cache: %w", err)
	}
	if err := k.keep(f, e.href); err != nil {
		return fmt.Errorf("writing the cache: %w", err)
	}
	return nil
}

// checkRepomd reads a repomd.xml before it is kept: no checksum protects it,
// and what a server says while it has trouble must not stay.
func (k *keptFiles) checkRepomd(f *os.File) error {
	document, err := os.ReadFile(f.Name())
	if err != nil {
		return fmt.Errorf("writing the cache: %w", err)
	}
	if _, err := parseRepomd(document); err != nil {
		return &InputError{k.name(repomdHref), err.Error(), nil}
	}
	return nil
}

// keep moves a complete file to its place. The place may be evicted at any
// moment, so it is made anew if it went; if it goes again and again, the file
// is not kept, which does no harm to who has it open.
func (k *keptFiles) keep(f *os.File, href string) error {
	for range 10 {
		// MkdirAll says ErrExist if the directory goes while it looks.
		err := os.MkdirAll(k.dir, 0o755)
		if err == nil {
			err = os.Rename(f.Name(), k.path(href))
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return os.Remove(f.Name())
}

// A keptRepo is one directory of the cache.
type keptRepo struct {
	dir  string
	used time.Time
	size int64
}

// evict removes what was used longest ago until the rest fits, but not the
// directory current.
func (c *Cache) evict(current string) error {
	c.removeLeftovers()
	if c.MaxBytes == 0 {
		return nil
	}
	repos, err := c.kept()
	if err != nil {
		return fmt.Errorf("cleaning the cache: %w", err)
	}
	slices.SortFunc(repos, func(a, b keptRepo) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.dir, b.dir)) })
	var total int64
	for _, r := range repos {
		total += r.size
	}
	for _, r := range repos {
		if total <= c.MaxBytes {
			break
		}
		if r.dir == current {
			continue
		}
		if err := c.remove(r.dir); err != nil {
			return fmt.Errorf("cleaning the cache: %w", err)
		}
		total -= r.size
	}
	return nil
}

// remove takes a directory away at once and only then deletes its files, so
// that nobody finds half of it.
func (c *Cache) remove(dir string) error {
	tmp, err := c.tmp()
	if err != nil {
		return err
	}
	grave, err := os.MkdirTemp(tmp, "evicted-")
	if err != nil {
		return err
	}
	err = os.Rename(dir, filepath.Join(grave, "repo"))
	if errors.Is(err, fs.ErrNotExist) { // another process was faster
		err = nil
	}
	// A file that another process was just moving in may be in the way; then
	// removeLeftovers has the rest.
	_ = os.RemoveAll(grave)
	return err
}

// kept lists what the cache holds. What another process removes meanwhile is
// left out.
func (c *Cache) kept() ([]keptRepo, error) {
	dirs, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil, err
	}
	var repos []keptRepo
	for _, dir := range dirs {
		info, err := dir.Info()
		if err != nil || !strings.HasPrefix(dir.Name(), entryPrefix) {
			continue
		}
		r := keptRepo{dir: filepath.Join(c.Dir, dir.Name()), used: info.ModTime()}
		files, _ := os.ReadDir(r.dir)
		for _, file := range files {
			if info, err := file.Info(); err == nil {
				r.size += info.Size()
			}
		}
		repos = append(repos, r)
	}
	return repos, nil
}

// leftoverAge is when a file in tmp no longer belongs to a running process.
const leftoverAge = 24 * time.Hour

func (c *Cache) removeLeftovers() {
	tmp := filepath.Join(c.Dir, "tmp")
	if !isDirectory(tmp) {
		return
	}
	files, _ := os.ReadDir(tmp)
	for _, file := range files {
		if info, err := file.Info(); err == nil && time.Since(info.ModTime()) > leftoverAge {
			_ = os.RemoveAll(filepath.Join(tmp, file.Name()))
		}
	}
}
