// Package recordings reads recorded traffic of a real hub, for tests of the client
// (package koji) and of the simulated hub (package kojisim). It checks nothing: the
// tests decide what a recording must contain.
//
// A recording NAME is three files: NAME.req.xml and NAME.resp.xml are the bodies;
// NAME.json has the HTTP status and headers, and both bodies decoded.
package recordings

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Recording is one exchange with the hub.
type Recording struct {
	Name     string
	HTTP     HTTP
	Request  []byte // nil if it was not kept
	Response []byte
	Decoded  Decoded
}

// Decoded is what Koji's own client library, written in Python, has made of
// request and response: as encoding/json decodes it, numbers as json.Number. A
// fault is {"!fault": ...}, what is no XML-RPC {"!notxml": text}.
type Decoded struct {
	Request  any
	Response any
}

// HTTP is the HTTP side of an exchange.
type HTTP struct {
	Method         string            `json:"method"`
	URL            string            `json:"url"`
	RequestHeader  map[string]string `json:"request_headers"`
	Status         int               `json:"status"`
	ResponseHeader map[string]string `json:"response_headers"`
}

// Sources returns where recordings are: the project's own archive, given by its
// place as seen from the test, and the directories of a list separated by
// colons, which is KOJI_RECORDINGS of the environment.
func Sources(own, list string) []string {
	sources := []string{own}
	for _, dir := range filepath.SplitList(list) {
		if dir != "" {
			sources = append(sources, dir)
		}
	}
	return sources
}

// Read returns the recordings of a zip archive or a directory, by name.
func Read(source string) ([]Recording, error) {
	if strings.HasSuffix(source, ".zip") {
		archive, err := zip.OpenReader(source)
		if err != nil {
			return nil, fmt.Errorf("reading recordings: %w", err)
		}
		defer func() { _ = archive.Close() }() // only read
		return readAll(&archive.Reader)
	}
	return readAll(os.DirFS(source))
}

func readAll(files fs.FS) ([]Recording, error) {
	names, err := fs.Glob(files, "*.resp.xml")
	if err != nil {
		return nil, fmt.Errorf("reading recordings: %w", err)
	}
	list := make([]Recording, 0, len(names))
	for _, name := range names {
		r, err := read(files, strings.TrimSuffix(name, ".resp.xml"))
		if err != nil {
			return nil, fmt.Errorf("reading recordings: %w", err)
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Recording) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func read(files fs.FS, name string) (Recording, error) {
	r := Recording{Name: name}
	description, err := fs.ReadFile(files, name+".json")
	if err != nil {
		return r, err
	}
	form := struct {
		HTTP     *HTTP `json:"http"`
		Request  *any  `json:"request"`
		Response *any  `json:"response"`
	}{&r.HTTP, &r.Decoded.Request, &r.Decoded.Response}
	decoder := json.NewDecoder(bytes.NewReader(description))
	decoder.UseNumber()
	if err := decoder.Decode(&form); err != nil {
		return r, fmt.Errorf("%s.json: %w", name, err)
	}
	r.Request, err = fs.ReadFile(files, name+".req.xml")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	r.Response, err = fs.ReadFile(files, name+".resp.xml")
	return r, err
}
