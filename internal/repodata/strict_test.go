package repodata

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readStrictly reads a whole document with encoding/xml. Like the referenceReader it
// calls odd what no tool would write.
func readStrictly(document []byte, root string) (element, error) {
	dec := strictDecoder(document)
	for {
		t, err := dec.RawToken()
		if err != nil {
			return element{}, tooEarly(err)
		}
		switch t := t.(type) {
		case xml.CharData:
			if trimmed(string(t)) != "" {
				return element{}, errors.New("text before the root")
			}
		case xml.StartElement:
			if t.Name.Local != root {
				return element{}, errors.New("another root")
			}
			e, err := readElement(dec, t, 1)
			if err == nil {
				if err = readNothing(dec); errors.Is(err, io.EOF) {
					err = nil
				}
			}
			return e, err
		case xml.EndElement:
			return element{}, errors.New("the end of nothing")
		}
	}
}

// word is the text of an element that has nothing else in it.
func (e element) word() (string, error) {
	if len(e.children) > 0 {
		return "", odd("elements in a text")
	}
	return trimmed(e.text), nil
}

func strictGroups(document []byte) ([]Group, error) {
	root, err := readStrictly(document, "comps")
	if err != nil {
		return nil, err
	}
	var groups []Group
	ids := make(map[string]bool)
	for _, c := range root.children {
		if c.name != "group" {
			continue
		}
		g, err := c.asGroup()
		switch {
		case err != nil:
			return nil, err
		case g.ID == "" || ids[g.ID]:
			return nil, odd("a group without an ID of its own")
		}
		ids[g.ID] = true
		groups = append(groups, g)
	}
	return groups, nil
}

func (e element) asGroup() (g Group, err error) {
	seen := make(map[string]bool)
	for _, c := range e.children {
		name := c.name + c.attrs["xml:lang"]
		if seen[name] {
			return g, odd("something twice")
		}
		seen[name] = true
		switch name {
		case "id":
			g.ID, err = c.word()
		case "name":
			g.Name, err = c.word()
		case "packagelist":
			g.Members, err = c.members()
		case "grouplist":
			g.Groups, err = c.required()
		}
		if err != nil {
			return g, err
		}
	}
	return g, nil
}

func (e element) kind() (MemberKind, error) {
	name, given := e.attrs["type"]
	if !given {
		return Mandatory, nil
	}
	kinds := map[string]MemberKind{"mandatory": Mandatory, "default": Default, "optional": Optional, "conditional": Conditional}
	kind, known := kinds[name]
	if !known {
		return OtherKind, odd("a type")
	}
	return kind, nil
}

func (e element) members() ([]Member, error) {
	var list []Member
	for _, c := range e.children {
		if c.name != "packagereq" {
			continue
		}
		name, err := c.word()
		kind, oddKind := c.kind()
		if err = errors.Join(err, oddKind); err != nil {
			return nil, err
		}
		if name == "" {
			return nil, odd("no name")
		}
		list = append(list, Member{Name: name, Kind: kind, Requires: c.attrs["requires"]})
	}
	return list, nil
}

func (e element) required() ([]string, error) {
	var ids []string
	for _, c := range e.children {
		kind := Mandatory
		if c.name == "groupreq" {
			var err error
			if kind, err = c.kind(); err != nil {
				return nil, err
			}
		} else if c.name != "groupid" {
			continue
		}
		id, err := c.word()
		if err != nil {
			return nil, err
		}
		if kind == Mandatory || kind == Default {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// A listedFile is one of a package's, as filelists.xml has it.
type listedFile struct{ PkgID, Path string }

func strictFiles(document []byte) ([]listedFile, error) {
	root, err := readStrictly(document, "filelists")
	if err != nil {
		return nil, err
	}
	var files []listedFile
	for _, p := range root.children {
		if p.name != "package" {
			continue
		}
		id := p.attrs["pkgid"]
		if id != strings.ToLower(trimmed(id)) {
			return nil, odd("checksum")
		}
		for _, c := range p.children {
			if c.name != "file" {
				continue
			}
			if len(c.children) > 0 {
				return nil, odd("elements in a path")
			}
			files = append(files, listedFile{id, c.text})
		}
	}
	return files, nil
}

// compareReaders holds what a reader made of a document to what the strict one did:
// all that the strict one takes reads the same, and what is no XML neither takes.
func compareReaders[T any](t *testing.T, document []byte, got T, gotErr error, want T, wantErr error) {
	t.Helper()
	switch {
	case gotErr == nil && wantErr != nil && !errors.Is(wantErr, errOdd) && !isGenerous(document):
		t.Errorf("the scanner takes what encoding/xml does not: %v", wantErr)
	case gotErr != nil && wantErr == nil && !isStrict(document):
		t.Errorf("encoding/xml takes what the scanner does not: %v", gotErr)
	case gotErr == nil && wantErr == nil:
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("they read it differently (-encoding/xml +scanner):\n%s", diff)
		}
	}
}

// TestStrictReaders makes sure that the strict readers read what is usual.
func TestStrictReaders(t *testing.T) {
	t.Parallel()
	groups, err := strictGroups([]byte(smallComps))
	if err != nil || len(groups) != 3 || len(groups[0].Members) != 5 || len(groups[0].Groups) != 1 {
		t.Errorf("groups %+v, %v", groups, err)
	}
	files, err := strictFiles([]byte(smallFilelists))
	if err != nil || len(files) == 0 {
		t.Errorf("files %+v, %v", files, err)
	}
	scanned, err := ScanComps(bytes.NewReader([]byte(smallComps)))
	compareReaders(t, nil, scanned, err, groups, nil)
	listed, err := filesOf([]byte(smallFilelists))
	compareReaders(t, nil, listed, err, files, nil)
}

func filesOf(document []byte) ([]listedFile, error) {
	var files []listedFile
	err := ScanFilelists(bytes.NewReader(document), func(string) bool { return true }, func(id, path string) error {
		files = append(files, listedFile{strings.Clone(id), strings.Clone(path)})
		return nil
	})
	return files, err
}
