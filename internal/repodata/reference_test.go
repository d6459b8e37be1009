package repodata

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// A referenceReader reads primary.xml with encoding/xml: slowly, but in other
// people's hands. It is stricter than what it is a reference for: what createrepo
// would not write is errOdd.
type referenceReader struct {
	dec     *xml.Decoder
	entered bool
}

func newReferenceReader(dec *xml.Decoder) *referenceReader { return &referenceReader{dec: dec} }

// errOdd is the error for a document that is fine as XML.
var errOdd = errors.New("odd")

func odd(what string) error { return fmt.Errorf("%w: %s", errOdd, what) }

// each calls f for each package.
func (r *referenceReader) each(f func(*rpm.Package) error) error {
	for {
		p, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(p)
		}
		if err != nil {
			return err
		}
	}
}

// An element is an XML element with what is in it.
type element struct {
	name     string
	attrs    map[string]string
	twice    bool // an attribute is
	wrapped  bool // an attribute has white space that is no blank
	text     string
	children []element
}

// next is the next package, or io.EOF behind the root element.
func (r *referenceReader) next() (*rpm.Package, error) {
	for {
		t, err := r.dec.RawToken()
		if err != nil {
			return nil, tooEarly(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if !r.entered {
				if t.Name.Local != "metadata" {
					return nil, errors.New("another root")
				}
				r.entered = true
				if err := checkRoot(startOf(t)); err != nil {
					return nil, err
				}
				continue
			}
			e, err := readElement(r.dec, t, 2)
			if err != nil {
				return nil, err
			}
			if e.name == "package" {
				return e.asPackage()
			}
		case xml.EndElement:
			if !r.entered || t.Name != (xml.Name{Local: "metadata"}) {
				return nil, fmt.Errorf("metadata is closed by %v", t.Name)
			}
			return nil, readNothing(r.dec)
		case xml.CharData:
			if !r.entered && trimmed(string(t)) != "" {
				return nil, errors.New("text before the root")
			}
		}
	}
}

func checkRoot(e element) error {
	n, err := strconv.Atoi(trimmed(e.attrs["packages"]))
	switch {
	case e.twice:
		return errors.New("an attribute twice")
	case e.attrs["packages"] != "" && (err != nil || n < 0 || n > maxPackages):
		return errors.New("bad number of packages")
	}
	return nil
}

// tooEarly makes an error of the end.
func tooEarly(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readNothing reads what may follow the root, and returns io.EOF.
func readNothing(dec *xml.Decoder) error {
	for {
		t, err := dec.RawToken()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement, xml.EndElement:
			return errors.New("an element behind the root")
		case xml.CharData:
			if trimmed(string(t)) != "" {
				return errors.New("text behind the root")
			}
		}
	}
}

func startOf(t xml.StartElement) element {
	e := element{name: t.Name.Local, attrs: make(map[string]string)}
	for _, a := range t.Attr {
		name := a.Name.Local
		if a.Name.Space != "" {
			name = a.Name.Space + ":" + name
		}
		if _, given := e.attrs[name]; given {
			e.twice = true
		}
		e.attrs[name] = a.Value
		e.wrapped = e.wrapped || strings.ContainsAny(a.Value, "\t\n")
	}
	return e
}

func readElement(dec *xml.Decoder, start xml.StartElement, depth int) (element, error) {
	if depth > maxDepth {
		return element{}, errors.New("too deep")
	}
	e := startOf(start)
	switch {
	case e.twice:
		return e, errors.New("an attribute twice")
	case e.wrapped:
		return e, odd("white space")
	}
	for {
		t, err := dec.RawToken()
		if err != nil {
			return e, tooEarly(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			child, err := readElement(dec, t, depth+1)
			if err != nil {
				return e, err
			}
			e.children = append(e.children, child)
		case xml.EndElement:
			if t.Name != start.Name {
				return e, fmt.Errorf("%v is closed by %v", start.Name, t.Name)
			}
			return e, nil
		case xml.CharData:
			e.text += string(t)
		}
	}
}

func (e element) asPackage() (*rpm.Package, error) {
	p := new(rpm.Package)
	for _, c := range e.children {
		var err error
		switch c.name {
		case "name":
			p.Name = c.text
		case "arch":
			p.Arch = c.text
		case "checksum":
			if p.PkgID = c.text; p.PkgID != strings.ToLower(trimmed(p.PkgID)) {
				err = odd("checksum")
			}
		case "version":
			p.EVR, err = c.evr()
		case "location":
			p.Location, p.Base = c.attrs["href"], c.attrs["xml:base"]
		case "format":
			err = c.format(p)
		}
		if err != nil {
			return nil, err
		}
	}
	if p.Name == "" || p.Arch == "" || p.Version == "" {
		return nil, odd("something is missing")
	}
	return p, nil
}

func (e element) format(p *rpm.Package) error {
	lists := map[string]*[]rpm.Relation{
		"requires": &p.Requires, "provides": &p.Provides, "conflicts": &p.Conflicts, "obsoletes": &p.Obsoletes,
		"recommends": &p.Recommends, "suggests": &p.Suggests, "supplements": &p.Supplements, "enhances": &p.Enhances,
	}
	seen := make(map[string]bool)
	for _, c := range e.children {
		if lists[c.name] != nil && seen[c.name] {
			return odd("a second list")
		}
		seen[c.name] = true
		switch c.name {
		case "file":
			p.Files = append(p.Files, c.text)
		case "sourcerpm":
			p.Source = c.text
		}
		list := lists[c.name]
		for _, entry := range c.children {
			if list == nil || entry.name != "entry" {
				continue
			}
			r, err := entry.relation()
			if err != nil {
				return err
			}
			if (c.name == "conflicts" || c.name == "supplements") && strings.Contains(r.Name, "(") {
				return odd("maybe an old spelling")
			}
			*list = append(*list, r)
		}
	}
	return nil
}

func (e element) relation() (rpm.Relation, error) {
	r := rpm.Relation{Name: e.attrs["name"]}
	if r.Name == "" || e.attrs["kind"] != "" {
		return r, odd("no name, or a kind")
	}
	flags, compares := e.attrs["flags"]
	if !compares {
		return r, nil
	}
	ops := map[string]rpm.Op{
		"EQ": rpm.Equal, "LT": rpm.Less, "GT": rpm.Greater, "LE": rpm.Less | rpm.Equal, "GE": rpm.Greater | rpm.Equal,
	}
	op, ok := ops[flags]
	if !ok {
		return r, odd("unknown flags")
	}
	r.Op = op
	var err error
	r.EVR, err = e.evr()
	if err == nil && r.EVR.Version == "" {
		err = odd("no version")
	}
	return r, err
}

func (e element) evr() (rpm.EVR, error) {
	evr := rpm.EVR{Version: e.attrs["ver"], Release: e.attrs["rel"]}
	if epoch := e.attrs["epoch"]; epoch != "" {
		n, err := strconv.ParseUint(epoch, 10, 32)
		if err != nil {
			return evr, odd("no epoch")
		}
		evr.Epoch = uint32(n)
	}
	if strings.Contains(evr.Release, "-") || evr.Release == "" && strings.Contains(evr.Version, "-") {
		return evr, odd("dashes")
	}
	return evr, nil
}
