package repodata

import (
	"io"
	"strconv"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// ScanPrimary calls f for each package of a primary.xml, in its order. The
// package, its slices and its strings are valid until f returns. An error of f
// ends the scan and is returned as it is.
//
// It verifies no checksum; [Repo.Packages] does.
func ScanPrimary(r io.Reader, f func(*rpm.Package) error) error {
	return scanPrimary(r, nil, f)
}

// scanPrimary is ScanPrimary, but passes over the packages known, if that is
// not nil.
func scanPrimary(r io.Reader, known func(pkgID string) bool, f func(*rpm.Package) error) error {
	p := primaryReader{scanner: newScanner(r), known: known}
	if err := p.root("metadata"); err != nil {
		return err
	}
	if count := p.attr("packages"); count != "" {
		n, err := p.number(count, "the number of packages")
		if err != nil {
			return err
		}
		if n > maxPackages {
			return p.errorf(p.pos, "%d packages, more than the %d allowed", n, maxPackages)
		}
	}
	for {
		more, err := p.child()
		if err != nil {
			return err
		}
		if !more {
			return p.finish()
		}
		if string(p.name) != "package" {
			if err := p.skip(); err != nil {
				return err
			}
			continue
		}
		if err := p.readPackage(); err != nil {
			return err
		}
		if !p.passed {
			if err := f(&p.pkg); err != nil {
				return err
			}
		}
		p.release()
	}
}

type primaryReader struct {
	*scanner
	pkg    rpm.Package // its slices are used again for the next package
	count  int
	known  func(pkgID string) bool
	passed bool // the package is known
}

// readPackage reads what follows <package>.
func (p *primaryReader) readPackage() error {
	if p.count++; p.count > maxPackages {
		return p.errorf(p.pos, "more than the %d packages allowed", maxPackages)
	}
	start := p.base + int64(p.pos)
	p.hold()
	p.reset()
	for {
		more, err := p.child()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := p.readProperty(); err != nil {
			return err
		}
	}
	if p.passed {
		return nil
	}
	for _, required := range []struct{ what, value string }{
		{"name", p.pkg.Name}, {"arch", p.pkg.Arch}, {"version", p.pkg.Version},
	} {
		if required.value == "" {
			return &syntaxError{start, "package number " + strconv.Itoa(p.count) + " has no " + required.what}
		}
	}
	return nil
}

func (p *primaryReader) reset() {
	p.passed = false
	k := &p.pkg
	*k = rpm.Package{
		Requires: k.Requires[:0], Provides: k.Provides[:0], Conflicts: k.Conflicts[:0], Obsoletes: k.Obsoletes[:0],
		Recommends: k.Recommends[:0], Suggests: k.Suggests[:0], Supplements: k.Supplements[:0], Enhances: k.Enhances[:0],
		Files: k.Files[:0],
	}
}

// readProperty reads one element inside <package>.
func (p *primaryReader) readProperty() (err error) {
	switch string(p.name) {
	case "name":
		p.pkg.Name, err = p.content()
		return err
	case "arch":
		p.pkg.Arch, err = p.content()
		return err
	case "checksum":
		if p.pkg.PkgID, err = p.content(); err != nil || p.known == nil || p.passed {
			return err
		}
		if p.passed = p.known(p.pkg.PkgID); p.passed {
			return p.leave()
		}
		return nil
	case "version":
		if p.pkg.EVR, err = p.evr(); err != nil {
			return err
		}
	case "location":
		p.pkg.Location, p.pkg.Base = p.attr("href"), p.attr("xml:base")
		if !inside(p.pkg.Location) {
			return p.errorf(p.pos, "location %q leaves the repository", shorten(p.pkg.Location))
		}
	case "format":
		return p.readFormat()
	}
	return p.skip()
}

func (p *primaryReader) readFormat() error {
	for {
		more, err := p.child()
		if err != nil || !more {
			return err
		}
		switch string(p.name) {
		case "file":
			path, err := p.content()
			if err != nil {
				return err
			}
			p.pkg.Files = append(p.pkg.Files, path)
			continue
		case "sourcerpm":
			if p.pkg.Source, err = p.content(); err != nil {
				return err
			}
			continue
		}
		list := p.list()
		if list == nil {
			err = p.skip()
		} else {
			err = p.readRelations(list)
		}
		if err != nil {
			return err
		}
	}
}

// list is where the entries of the element just entered belong, or nil.
func (p *primaryReader) list() *[]rpm.Relation {
	switch string(p.name) {
	case "requires":
		return &p.pkg.Requires
	case "provides":
		return &p.pkg.Provides
	case "conflicts":
		return &p.pkg.Conflicts
	case "obsoletes":
		return &p.pkg.Obsoletes
	case "recommends":
		return &p.pkg.Recommends
	case "suggests":
		return &p.pkg.Suggests
	case "supplements":
		return &p.pkg.Supplements
	case "enhances":
		return &p.pkg.Enhances
	}
	return nil
}

func (p *primaryReader) readRelations(list *[]rpm.Relation) error {
	for {
		for r, ok := p.usualEntry(); ok; r, ok = p.usualEntry() {
			*list = append(*list, r)
		}
		more, err := p.child()
		if err != nil || !more {
			return err
		}
		if string(p.name) == "entry" {
			*list = append(*list, rpm.Relation{})
			if err := p.readRelation(&(*list)[len(*list)-1]); err != nil {
				return err
			}
		}
		if err := p.skip(); err != nil {
			return err
		}
	}
}

// readRelation fills r from the attributes of <entry>. Without a comparison a
// version means nothing and is left out.
func (p *primaryReader) readRelation(r *rpm.Relation) error {
	var flags string
	for i := range p.attrs {
		switch string(p.attrName(i)) {
		case "name":
			r.Name = p.attrValue(i)
		case "flags":
			flags = p.attrValue(i)
		}
	}
	if r.Name == "" {
		return p.errorf(p.pos, "an entry has no name")
	}
	if flags == "" {
		return nil
	}
	op, ok := comparison(flags)
	if !ok {
		return p.errorf(p.pos, "entry %q has the unknown comparison %q", shorten(r.Name), flags)
	}
	r.Op = op
	var err error
	if r.EVR, err = p.evr(); err != nil {
		return err
	}
	if r.EVR.Version == "" {
		return p.errorf(p.pos, "entry %q has a comparison but no version", shorten(r.Name))
	}
	return nil
}

// evr reads the attributes epoch, ver and rel.
func (p *primaryReader) evr() (e rpm.EVR, err error) {
	for i := range p.attrs {
		switch string(p.attrName(i)) {
		case "ver":
			e.Version = p.attrValue(i)
		case "rel":
			e.Release = p.attrValue(i)
		case "epoch":
			if e.Epoch, err = p.epoch(p.attrValue(i)); err != nil {
				return e, err
			}
		}
	}
	return e, nil
}

func (p *primaryReader) epoch(text string) (uint32, error) {
	if len(text) == 1 && isDigit(text[0]) {
		return uint32(text[0] - '0'), nil
	}
	if text == "" {
		return 0, nil
	}
	epoch, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, p.errorf(p.pos, "epoch %q is no number below 2^32", shorten(text))
	}
	return uint32(epoch), nil
}
