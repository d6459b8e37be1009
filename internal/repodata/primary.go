package repodata

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei/internal/rpm"
)

// ScanPrimary calls f for each package of a primary.xml, in its order. The
// package, its slices and its strings are valid until f returns. An error of f
// ends the scan and is returned as it is.
//
// A package that says something of itself that makes no sense comes with a
// Flaw; what it says of others is taken as libsolv takes it.
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
	left   int // entries that the package may have yet
	known  func(pkgID string) bool
	passed bool // the package is known
}

// readPackage reads what follows <package>.
func (p *primaryReader) readPackage() error {
	if p.count++; p.count > maxPackages {
		return p.errorf(p.pos, "more than the %d packages allowed", maxPackages)
	}
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
	if !p.passed {
		p.check()
		rewriteOldSpellings(&p.pkg)
	}
	return nil
}

// check notes what the package lacks. One without an architecture is for all of
// them, as for libsolv.
func (p *primaryReader) check() {
	if p.pkg.Arch == "" {
		p.pkg.Arch = "noarch"
	}
	switch {
	case p.pkg.Flaw != "":
	case p.pkg.Name == "":
		p.pkg.Flaw = "package number " + strconv.Itoa(p.count) + " has no name"
	case p.pkg.Version == "":
		p.pkg.Flaw = fmt.Sprintf("package %s has no version", shorten(p.pkg.Name))
	}
}

func (p *primaryReader) reset() {
	p.passed, p.left = false, maxEntries
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
		if p.pkg.PkgID, err = p.content(); err != nil {
			return err
		}
		if p.pkg.PkgID = pkgID(p.pkg.PkgID); p.known == nil || p.passed {
			return nil
		}
		if p.passed = p.known(p.pkg.PkgID); p.passed {
			return p.leave()
		}
		return nil
	case "version":
		if p.pkg.EVR, err = p.evr(); err != nil {
			p.pkg.Flaw = fmt.Sprintf("package %s: %v", shorten(p.pkg.Name), err)
		}
	case "location":
		p.pkg.Location, p.pkg.Base = p.attr("href"), p.attr("xml:base")
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
			if err := p.spend(); err != nil {
				return err
			}
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

// spend counts an entry of the package.
func (p *primaryReader) spend() error {
	if p.left--; p.left < 0 {
		return p.errorf(p.pos, "package number %d has more than the %d entries allowed", p.count, maxEntries)
	}
	return nil
}

// readRelations reads a list. A second one of its kind replaces the first, as for
// libsolv.
func (p *primaryReader) readRelations(list *[]rpm.Relation) error {
	*list = (*list)[:0]
	for {
		for r, ok := p.usualEntry(); ok; r, ok = p.usualEntry() {
			*list = append(*list, r)
			if err := p.spend(); err != nil {
				return err
			}
		}
		more, err := p.child()
		if err != nil || !more {
			return err
		}
		if string(p.name) == "entry" {
			if r, ok := p.readRelation(); ok {
				*list = append(*list, r)
			}
			if err := p.spend(); err != nil {
				return err
			}
		}
		if err := p.skip(); err != nil {
			return err
		}
	}
}

// readRelation makes a relation of the attributes of <entry>, if that has a
// name. Without a comparison a version means nothing and is left out.
func (p *primaryReader) readRelation() (r rpm.Relation, ok bool) {
	var flags, kind string
	compares, named := false, false
	for i := range p.attrs {
		switch string(p.attrName(i)) {
		case "name":
			r.Name, named = p.attrValue(i), true
		case "flags":
			flags, compares = p.attrValue(i), true
		case "kind":
			kind = p.attrValue(i)
		}
	}
	if kind != "" && kind != "package" {
		r.Name = kind + ":" + r.Name
	}
	if !compares {
		return r, named
	}
	if r.Op, ok = comparison(flags); !ok {
		r.Op = rpm.NoComparison
	}
	var err error
	if r.EVR, err = p.evr(); err != nil {
		r.Op, r.EVR = rpm.NoComparison, rpm.EVR{}
	}
	return r, named
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
			if e.Epoch, err = epoch(p.attrValue(i)); err != nil {
				return e, err
			}
		}
	}
	return splitRelease(e), nil
}

// splitRelease has the release begin behind the last "-", as RPM does.
// createrepo writes "1.0-beta-3" as version 1.0 and release beta-3.
func splitRelease(e rpm.EVR) rpm.EVR {
	switch dash := strings.LastIndexByte(e.Release, '-'); {
	case dash >= 0:
		e.Version, e.Release = e.Version+"-"+e.Release[:dash], e.Release[dash+1:]
	case e.Release == "":
		if dash = strings.LastIndexByte(e.Version, '-'); dash >= 0 {
			e.Version, e.Release = e.Version[:dash], e.Version[dash+1:]
		}
	}
	return e
}

func epoch(text string) (uint32, error) {
	if len(text) == 1 && isDigit(text[0]) {
		return uint32(text[0] - '0'), nil
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("epoch %q is no number below 2^32", shorten(text))
	}
	return uint32(n), nil
}

// pkgID is the checksum of a package as it is compared: some spell it in
// capitals in one file and not in another.
func pkgID(text string) string {
	text = trimmed(text)
	for i := range len(text) {
		if c := text[i]; 'A' <= c && c <= 'Z' {
			return strings.ToLower(text)
		}
	}
	return text
}
